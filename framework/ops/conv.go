package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// A convolution is bilinear in its input and its weights, so three operators are closed under differentiation: the product
// itself, and its adjoints in either factor. All three share the attributes and the unrolled columns of the input.

// Conv correlates an input (batch, C, spatial…) with weights (M, C/Groups, kernel…) to (batch, M, positions…): ONNX Conv without
// its bias.
type Conv struct {
	Window
	Groups int
}

// ConvInput is the adjoint of [Conv] in its input: from (batch, M, positions…) and the weights to (batch, C, Spatial…).
type ConvInput struct {
	Window
	Groups  int
	Spatial []int
}

// ConvWeights is the adjoint of [Conv] in its weights: from the input and (batch, M, positions…) to (M, C/Groups, Kernel…).
type ConvWeights struct {
	Window
	Groups int
	Kernel []int
}

// Arity is 2: input and weights.
func (Conv) Arity() int { return 2 }

// Arity is 2: output gradient and weights.
func (ConvInput) Arity() int { return 2 }

// Arity is 2: input and output gradient.
func (ConvWeights) Arity() int { return 2 }

// Shape is (batch, M, positions…).
func (o Conv) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, w := in[0], in[1]
	if len(x) < 3 || len(w) != len(x) {
		return nil, fmt.Errorf("input %v and weights %v: want (batch, channels, spatial…) and as many axes in the weights", x, w)
	}
	if o.Groups < 1 || x[1] != w[1]*o.Groups || w[0]%o.Groups != 0 {
		return nil, fmt.Errorf("input %v and weights %v do not divide into %d groups", x, w, o.Groups)
	}
	positions, err := o.slide(x[2:], w[2:])
	if err != nil {
		return nil, err
	}
	return append(tensor.Shape{x[0], w[0]}, positions...), nil
}

// Shape is (batch, C, Spatial…).
func (o ConvInput) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	g, w := in[0], in[1]
	if len(g) < 3 || len(w) != len(g) {
		return nil, fmt.Errorf("shapes %v and %v: want (batch, channels, spatial…) and as many axes in the weights", g, w)
	}
	x := append(tensor.Shape{g[0], w[1] * o.Groups}, o.Spatial...)
	return x, o.forward().produces(g, x, w)
}

// Shape is (M, C/Groups, Kernel…).
func (o ConvWeights) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	x, g := in[0], in[1]
	if len(x) < 3 || len(g) != len(x) || o.Groups < 1 || x[1]%o.Groups != 0 {
		return nil, fmt.Errorf("shapes %v and %v: want (batch, channels, spatial…) in %d groups", x, g, o.Groups)
	}
	w := append(tensor.Shape{g[1], x[1] / o.Groups}, o.Kernel...)
	return w, o.forward().produces(g, x, w)
}

// produces checks that the convolution of x with w has the shape want.
func (o Conv) produces(want, x, w tensor.Shape) error {
	got, err := o.Shape(x, w)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("a gradient of shape %v, but the convolution's output is %v", want, got)
	}
	return err
}

func (o ConvInput) forward() Conv   { return Conv{o.Window, o.Groups} }
func (o ConvWeights) forward() Conv { return Conv{o.Window, o.Groups} }

// Gradient is the two adjoints.
func (o Conv) Gradient(in []Expr, _, g Expr) []Expr {
	x, w := in[0], in[1]
	return []Expr{
		Apply(ConvInput{o.Window, o.Groups, x.Shape()[2:]}, g, w),
		Apply(ConvWeights{o.Window, o.Groups, w.Shape()[2:]}, x, g),
	}
}

// Gradient uses that <h, ConvInput(g, w)> = <Conv(h, w), g> = <ConvWeights(h, g), w>.
func (o ConvInput) Gradient(in []Expr, _, h Expr) []Expr {
	g, w := in[0], in[1]
	return []Expr{
		Apply(o.forward(), h, w),
		Apply(ConvWeights{o.Window, o.Groups, w.Shape()[2:]}, h, g),
	}
}

// Gradient uses that <h, ConvWeights(x, g)> = <Conv(x, h), g> = <ConvInput(g, h), x>.
func (o ConvWeights) Gradient(in []Expr, _, h Expr) []Expr {
	x, g := in[0], in[1]
	return []Expr{
		Apply(ConvInput{o.Window, o.Groups, x.Shape()[2:]}, g, h),
		Apply(o.forward(), x, h),
	}
}

// Eval32 is the kernel in float32.
func (o Conv) Eval32(out Tensor[float32], in ...Tensor[float32]) { conv(o, out, in[0], in[1]) }

// Eval64 is the kernel in float64.
func (o Conv) Eval64(out Tensor[float64], in ...Tensor[float64]) { conv(o, out, in[0], in[1]) }

// Eval32 is the kernel in float32.
func (o ConvInput) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	convInput(o.forward(), out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o ConvInput) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	convInput(o.forward(), out, in[0], in[1])
}

// Eval32 is the kernel in float32.
func (o ConvWeights) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	convWeights(o.forward(), out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o ConvWeights) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	convWeights(o.forward(), out, in[0], in[1])
}

func conv[T Float](o Conv, y, x, w Tensor[T]) {
	c := unroll[T](o, x.Shape, w.Shape, y.Shape)
	c.each(func(xs, ws, ys int) {
		gemm(false, c.wide, c.rows, c.positions, c.depth, w.Data[ws:], c.gather(x.Data[xs:]), 0, y.Data[ys:])
	})
}

func convInput[T Float](o Conv, dx, g, w Tensor[T]) {
	c := unroll[T](o, dx.Shape, w.Shape, g.Shape)
	clear(dx.Data)
	c.each(func(xs, ws, ys int) {
		patches := c.storage(dx.Data[xs:])
		if c.wide {
			gemm(true, false, c.positions, c.depth, c.rows, g.Data[ys:], w.Data[ws:], 0, patches)
		} else {
			gemm(true, false, c.depth, c.positions, c.rows, w.Data[ws:], g.Data[ys:], 0, patches)
		}
		c.scatter(dx.Data[xs:])
	})
}

func convWeights[T Float](o Conv, dw, x, g Tensor[T]) {
	c := unroll[T](o, x.Shape, dw.Shape, g.Shape)
	clear(dw.Data)
	c.each(func(xs, ws, ys int) {
		gemm(false, !c.wide, c.rows, c.depth, c.positions, g.Data[ys:], c.gather(x.Data[xs:]), 1, dw.Data[ws:])
	})
}

// unrolled is the matrix of the patches of one example and one group; the convolution is its product with the group's weights
// (rows, depth). The products' inner loops run along its rows, so these are its longer side: the matrix is (positions, depth) if
// it is wide, else (depth, positions).
type unrolled[T Float] struct {
	batch, groups, channels, area int // channels and rows are those of one group, area is the size of a channel
	rows, depth, positions        int
	wide                          bool
	runs                          [][]run // for each kernel element
	patches                       []T     // nil if the input is the matrix itself
}

func unroll[T Float](o Conv, x, w, y tensor.Shape) *unrolled[T] {
	c := &unrolled[T]{
		batch: x[0], groups: o.Groups, channels: w[1], area: x[2:].TotalSize(),
		rows: w[0] / o.Groups, depth: w[1:].TotalSize(), positions: y[2:].TotalSize(),
	}
	for _, taps := range o.taps(x[2:], w[2:], y[2:]) {
		c.runs = append(c.runs, runsOf(taps))
	}
	c.wide = c.depth > c.positions
	if c.wide || len(c.runs) > 1 || !o.still() {
		c.patches = make([]T, c.depth*c.positions)
	}
	return c
}

// each calls f for every example and group with the offsets of their parts of the input, the weights and the output.
func (c *unrolled[T]) each(f func(x, w, y int)) {
	for b := range c.batch {
		for g := range c.groups {
			part := b*c.groups + g
			f(part*c.channels*c.area, g*c.rows*c.depth, part*c.rows*c.positions)
		}
	}
}

// storage is where the patches of an input are.
func (c *unrolled[T]) storage(x []T) []T {
	if c.patches == nil {
		return x[:c.depth*c.positions]
	}
	return c.patches
}

// row returns where kernel element e of a channel stands in the patches, and how far apart its positions are.
func (c *unrolled[T]) row(channel, e int) (first, step int) {
	if first = channel*len(c.runs) + e; c.wide {
		return first, c.depth
	}
	return first * c.positions, 1
}

// gather returns the patches of an input.
func (c *unrolled[T]) gather(x []T) []T {
	if c.patches == nil {
		return c.storage(x)
	}
	for channel := range c.channels {
		plane := x[channel*c.area : (channel+1)*c.area]
		for e, runs := range c.runs {
			first, step := c.row(channel, e)
			for _, r := range runs {
				read(c.patches[first+r.at*step:], step, plane, r)
			}
		}
	}
	return c.patches
}

// read stores a run of a plane with a step.
func read[T Float](row []T, step int, plane []T, r run) {
	if step == 1 && r.step == 1 {
		copy(row[:r.n], plane[r.from:])
		return
	}
	for i := range r.n {
		if v := &row[i*step]; r.from < 0 {
			*v = 0
		} else {
			*v = plane[r.from+i*r.step]
		}
	}
}

// scatter adds the patches to the input that they were taken from.
func (c *unrolled[T]) scatter(dx []T) {
	if c.patches == nil {
		return
	}
	for channel := range c.channels {
		plane := dx[channel*c.area : (channel+1)*c.area]
		for e, runs := range c.runs {
			first, step := c.row(channel, e)
			for _, r := range runs {
				if r.from >= 0 {
					add(plane[r.from:], c.patches[first+r.at*step:], step, r)
				}
			}
		}
	}
}

// add adds what stands in a row with a step to a run of a plane, which begins with it.
func add[T Float](plane, row []T, step int, r run) {
	if step == 1 && r.step == 1 {
		plane = plane[:r.n]
		for i, v := range row[:r.n] {
			plane[i] += v
		}
		return
	}
	for i := range r.n {
		plane[i*r.step] += row[i*step]
	}
}
