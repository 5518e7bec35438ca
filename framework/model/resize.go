package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Resizing is separable: one axis after the other is gathered from its nearest elements, or multiplied by a matrix of weights.
var resizing = map[string]operator{
	"Resize":   takes(2, 4, resize).settings(1, 2, 3),
	"Upsample": takes(1, 2, upsample).settings(1),
}

// resampling is how one axis is resized.
type resampling struct {
	from, to      int
	scale         float64
	first, last   float64 // of the region of interest of tf_crop_and_resize, as parts of the axis
	coordinates   string
	mode, nearest string
	cubic         float64 // the coefficient a of Keys
	excludes      bool    // what is outside has no weight, instead of the weight at the edge
	antialias     bool
	extrapolation float64
}

// upsample has its scales as attributes before opset 9, as an input from then on.
func upsample(c *call) ops.Expr {
	x, scales := c.expr(0), []float64(nil)
	switch {
	case c.opset < 7:
		scales = []float64{1, 1, c.attrFloat("height_scale", 1), c.attrFloat("width_scale", 1)}
	case c.opset < 9:
		scales = c.attrFloats("scales")
	default:
		scales = c.known(1)
	}
	r := resampling{mode: c.attrString("mode", "nearest"), coordinates: "asymmetric", nearest: "floor"}
	return c.resample(x, r, counted(x.Rank()), scales, nil)
}

// resize has only scales, coordinates that are asymmetric and no settings in opset 10; axes, antialiasing and the policy came with
// opset 18, half_pixel_symmetric with 19.
func resize(c *call) ops.Expr {
	x := c.expr(0)
	r := resampling{mode: c.attrString("mode", "nearest")}
	if c.opset < 11 {
		r.coordinates, r.nearest = "asymmetric", "simple"
		return c.resample(x, r, counted(x.Rank()), c.known(1), nil)
	}
	r.coordinates = c.attrString("coordinate_transformation_mode", "half_pixel")
	r.nearest = c.attrString("nearest_mode", "round_prefer_floor")
	r.cubic, r.excludes = c.attrFloat("cubic_coeff_a", -0.75), c.attrBool("exclude_outside")
	r.extrapolation, r.antialias = c.attrFloat("extrapolation_value", 0), c.attrBool("antialias")
	policy := c.attrString("keep_aspect_ratio_policy", "stretch")
	axes := c.attrInts("axes")
	if axes == nil {
		axes = counted(x.Rank())
	}
	var scales []float64
	var sizes []int
	if c.has(2) {
		scales = c.known(2)
	}
	if c.has(3) {
		sizes = c.ints(3)
	}
	c.distinct(axes, x.Rank())
	if c.err == nil && (len(scales) > 0) == (len(sizes) > 0) {
		c.fail("scales %v and sizes %v: one of them says how the input is resized", scales, sizes)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	for i, axis := range axes {
		axes[i] = c.axis(axis, x.Rank())
	}
	if len(sizes) > 0 && len(sizes) == len(axes) {
		scales, sizes = c.keepAspectRatio(policy, x.Shape(), axes, sizes)
	}
	return c.resample(x, r, axes, scales, sizes)
}

// keepAspectRatio returns the scales that sizes mean and, unless the policy stretches, sizes that all follow from one scale: the
// smallest or the largest.
func (c *call) keepAspectRatio(policy string, shape, axes, sizes []int) ([]float64, []int) {
	scales := make([]float64, len(axes))
	for i, axis := range axes {
		scales[i] = float64(sizes[i]) / float64(shape[axis])
	}
	var common float64
	switch policy {
	case "stretch":
		return scales, sizes
	case "not_larger":
		common = slices.Min(scales)
	case "not_smaller":
		common = slices.Max(scales)
	default:
		c.fail("attribute keep_aspect_ratio_policy = %q is not known", policy)
	}
	for i, axis := range axes {
		scales[i], sizes[i] = common, int(math.Floor(common*float64(shape[axis])+0.5))
	}
	return scales, sizes
}

// resample resizes axes one after the other. Without sizes they follow from the scales.
func (c *call) resample(x ops.Expr, r resampling, axes []int, scales []float64, sizes []int) ops.Expr {
	if c.err == nil && (len(scales) != len(axes) || sizes != nil && len(sizes) != len(axes)) {
		c.fail("scales %v and sizes %v for %d axes", scales, sizes, len(axes))
	}
	region := c.region(r.coordinates, len(axes))
	if c.err == nil && r.mode != "nearest" && c.value(0).isInteger() {
		c.fail("mode %q of integers is not supported", r.mode)
	}
	for i, axis := range axes {
		if c.err != nil || x.Err() != nil {
			break
		}
		r.from, r.scale = x.Shape()[axis], scales[i]
		if sizes == nil {
			// The product is rounded as float32, in which the scale was written: 0.7 · 10 are 7 elements.
			r.to = int(min(max(float64(float32(r.scale*float64(r.from))), 0), maxElements))
		} else {
			r.to = sizes[i]
		}
		if region != nil {
			r.first, r.last = region[i], region[len(axes)+i]
		} else if r.to == r.from && r.scale == 1 {
			continue
		}
		resized, err := r.apply(x, axis)
		if err != nil {
			c.fail("axis %d: %w", axis, err)
		}
		x = resized
	}
	return x
}

// region reads the region of interest, all beginnings and then all ends; nil where the coordinates do not depend on it.
func (c *call) region(coordinates string, axes int) []float64 {
	if c.opset < 11 {
		return nil
	}
	c.read[1] = true
	if coordinates != "tf_crop_and_resize" {
		return nil
	}
	region := c.known(1)
	if c.err == nil && len(region) != 2*axes {
		c.fail("a region of interest of %d numbers for %d axes", len(region), axes)
	}
	return region
}

// What a few bytes of a file can ask for: the new length of an axis, and the weights of a matrix or elements of a constant.
const (
	maxLength  = maxConstant / 8
	maxWeights = maxConstant / 2
)

// apply resizes one axis.
func (r resampling) apply(x ops.Expr, axis int) (ops.Expr, error) {
	if r.from < 1 || r.to < 1 || r.to > maxLength || r.mode != "nearest" && r.to > maxWeights/r.from || !(r.scale > 0) {
		return ops.Expr{}, fmt.Errorf("%d elements cannot be resized to %d by %v", r.from, r.to, r.scale)
	}
	if _, known := x.Known(); known && r.to > maxWeights/max(product(x.Shape())/r.from, 1) {
		return ops.Expr{}, fmt.Errorf("a constant of shape %v cannot be resized to %d elements", x.Shape(), r.to)
	}
	places, err := r.places()
	if err != nil {
		return ops.Expr{}, err
	}
	shape := x.Shape()
	before, behind := product(shape[:axis]), product(shape[axis+1:])
	planes := x.Reshape(before, r.from, behind)
	var y ops.Expr
	if r.mode == "nearest" {
		nearest, err := r.nearestOf(places)
		if err != nil {
			return ops.Expr{}, err
		}
		y = ops.Apply(ops.Gather{Axis: 1}, planes, ops.Constant([]int{r.to}, nearest))
	} else {
		weights, err := r.weights(places)
		if err != nil {
			return ops.Expr{}, err
		}
		y = ops.Constant([]int{r.to, r.from}, weights).MatMul(planes)
	}
	if r.coordinates == "tf_crop_and_resize" {
		y = r.inside(places).Where(y, ops.Scalar(r.extrapolation))
	}
	return y.Reshape(slices.Concat(shape[:axis], []int{r.to}, shape[axis+1:])...), nil
}

// places returns where on the axis the new elements stand.
func (r resampling) places() ([]float64, error) {
	from, to := float64(r.from), r.scale*float64(r.from) // ONNX's tests leave the new length unrounded here
	of := map[string]func(i float64) float64{
		"half_pixel": func(i float64) float64 { return (i+0.5)/r.scale - 0.5 },
		"half_pixel_symmetric": func(i float64) float64 {
			return from/2*(1-float64(r.to)/to) + (i+0.5)/r.scale - 0.5
		},
		"pytorch_half_pixel": func(i float64) float64 {
			if r.to == 1 {
				return 0
			}
			return (i+0.5)/r.scale - 0.5
		},
		"align_corners": func(i float64) float64 {
			if r.to == 1 {
				return 0
			}
			return i * (from - 1) / (to - 1)
		},
		"tf_half_pixel_for_nn": func(i float64) float64 { return (i + 0.5) / r.scale },
		"asymmetric":           func(i float64) float64 { return i / r.scale },
		"tf_crop_and_resize": func(i float64) float64 {
			if r.to == 1 {
				return (r.first + r.last) / 2 * (from - 1)
			}
			return r.first*(from-1) + i*(r.last-r.first)*(from-1)/float64(r.to-1)
		},
	}[r.coordinates]
	if of == nil {
		return nil, fmt.Errorf("attribute coordinate_transformation_mode = %q is not known", r.coordinates)
	}
	places := make([]float64, r.to)
	for i := range places {
		places[i] = of(float64(i))
		if !(math.Abs(places[i]) <= maxElements) {
			return nil, fmt.Errorf("element %d comes from %v", i, places[i])
		}
	}
	return places, nil
}

// nearestOf returns the elements that are nearest to places. Those are rounded as float32, in which scales are written, so that
// what should be an integer is one.
func (r resampling) nearestOf(places []float64) ([]float64, error) {
	simple := math.Floor
	if r.scale < 1 {
		simple = math.Ceil
	}
	round := map[string]func(float64) float64{
		"floor":              math.Floor,
		"ceil":               math.Ceil,
		"round_prefer_floor": func(at float64) float64 { return math.Ceil(at - 0.5) },
		"round_prefer_ceil":  func(at float64) float64 { return math.Floor(at + 0.5) },
		"simple":             simple,
	}[r.nearest]
	if round == nil {
		return nil, fmt.Errorf("attribute nearest_mode = %q is not known", r.nearest)
	}
	nearest := make([]float64, len(places))
	for i, at := range places {
		nearest[i] = min(max(round(float64(float32(at))), 0), float64(r.from-1))
	}
	return nearest, nil
}

// weights returns the matrix that interpolates. Antialiasing widens the kernel as the axis shrinks.
func (r resampling) weights(places []float64) ([]float64, error) {
	kernel, reach := linearKernel, 1.
	switch r.mode {
	case "linear":
	case "cubic":
		kernel, reach = func(d float64) float64 { return cubicKernel(d, r.cubic) }, 2
	default:
		return nil, fmt.Errorf("attribute mode = %q is not known", r.mode)
	}
	shrink := 1.
	if r.antialias {
		shrink = min(r.scale, 1)
	}
	reach /= shrink
	if reach > maxWeights/float64(r.to) {
		return nil, fmt.Errorf("a scale of %v is too small", r.scale)
	}
	matrix := make([]float64, r.to*r.from)
	for i, at := range places {
		row, total := matrix[i*r.from:][:r.from], 0.
		at = min(max(at, -reach), float64(r.from)+reach) // beyond, all neighbours are the edge
		for j := int(math.Ceil(at - reach)); j <= int(math.Floor(at+reach)); j++ {
			if r.excludes && (j < 0 || j >= r.from) {
				continue
			}
			w := kernel((float64(j) - at) * shrink)
			row[min(max(j, 0), r.from-1)] += w
			total += w
		}
		if total == 0 {
			return nil, fmt.Errorf("element %d comes from %v, where nothing has weight", i, at)
		}
		for j := range row {
			row[j] /= total
		}
	}
	return matrix, nil
}

func linearKernel(d float64) float64 { return max(0, 1-math.Abs(d)) }

// cubicKernel is the convolution kernel of Keys, 1981.
func cubicKernel(d, a float64) float64 {
	switch d = math.Abs(d); {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}

// inside is 1 where a place lies on the axis.
func (r resampling) inside(places []float64) ops.Expr {
	on := make([]float64, len(places))
	for i, at := range places {
		if at >= 0 && at <= float64(r.from-1) {
			on[i] = 1
		}
	}
	return ops.Constant([]int{r.to, 1}, on)
}
