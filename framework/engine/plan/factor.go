package plan

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// A sum's common factors are multiplied with the sum instead of each element, and terms that cancel are left out. So the sums in the
// gradient of a normalization, each of which depends on another one's result as it is differentiated, read its input and the gradient
// of its output in one pass.

// factored returns the sum of x as that of something simpler times what all summed elements have in common, or nil.
func (g *graph) factored(op ops.ReduceSum, shape tensor.Shape, x *value) *value {
	s := &summed{graph: g, axes: op.Axes, shape: x.shape, budget: maxTerms}
	if s.vanishes(x) {
		return g.filled(shape, 0)
	}
	rest, common := s.split(x)
	if rest == x {
		return nil
	}
	keep := s.kept()
	sum := g.apply(ops.ReduceSum{Axes: op.Axes, Keep: true}, keep, rest)
	for _, f := range common {
		sum = f.times(g, keep, sum)
	}
	return g.viewAs(shape, sum)
}

// summed is a sum over some axes of a shape.
type summed struct {
	*graph
	axes   []int
	shape  tensor.Shape
	budget int // values that may still be looked at
}

// maxTerms bounds how much is looked at to find what the elements of a sum have in common.
const maxTerms = 256

// foreign reports whether a value is no term of the sum that can be taken apart.
func (s *summed) foreign(v *value) bool {
	s.budget--
	return s.budget < 0 || v.known != nil || !s.whole(v)
}

// whole reports whether a value is not broadcast.
func (s *summed) whole(v *value) bool { return slices.Equal(v.shape, s.shape) }

// kept is the shape of a sum that keeps its axes.
func (s *summed) kept() tensor.Shape {
	keep := s.shape.Clone()
	for _, axis := range s.axes {
		keep[axis] = 1
	}
	return keep
}

// factor is an affine map without a shift, or else a factor or divisor.
type factor struct {
	scale   float64
	value   *value
	divides bool
}

func (f factor) times(g *graph, shape tensor.Shape, x *value) *value {
	switch {
	case f.value == nil:
		return g.apply(ops.Affine{Scale: f.scale}, shape, x)
	case f.divides:
		return g.apply(ops.Binary{Func: ops.Div}, shape, x, f.value)
	}
	return g.apply(ops.Binary{Func: ops.Mul}, shape, x, f.value)
}

// split takes the common factors out of a term of the sum. Without any, rest is the term.
func (s *summed) split(v *value) (rest *value, common []factor) {
	if s.foreign(v) {
		return v, nil
	}
	switch op := v.op.(type) {
	case ops.Affine:
		if op.Shift == 0 {
			rest, common = s.split(v.in[0])
			return rest, append(common, factor{scale: op.Scale})
		}
	case ops.Binary:
		a, b := v.in[0], v.in[1]
		switch op.Func {
		case ops.Add, ops.Sub:
			if s.whole(a) && s.vanishes(b) {
				return s.split(a)
			}
			if s.whole(b) && s.vanishes(a) {
				rest, common = s.split(b)
				if op.Func == ops.Sub {
					common = append(common, factor{scale: -1})
				}
				return rest, common
			}
		case ops.Div:
			rest, common = s.split(a)
			if c := s.common(b); c != nil && s.whole(a) {
				return rest, append(common, factor{value: c, divides: true})
			}
			if rest != a {
				return s.apply(op, s.shape, rest, b), common
			}
		case ops.Mul:
			return s.splitProduct(v, a, b)
		}
	}
	return v, nil
}

func (s *summed) splitProduct(v, a, b *value) (rest *value, common []factor) {
	if c := s.common(b); c != nil && s.whole(a) {
		rest, common = s.split(a)
		return rest, append(common, factor{value: c})
	}
	if c := s.common(a); c != nil && s.whole(b) {
		rest, common = s.split(b)
		return rest, append(common, factor{value: c})
	}
	restA, commonA := s.split(a)
	restB, commonB := s.split(b)
	if restA == a && restB == b {
		return v, nil
	}
	if restA.id > restB.id { // equal products are one value
		restA, restB = restB, restA
	}
	return s.apply(ops.Binary{Func: ops.Mul}, s.shape, restA, restB), append(commonA, commonB...)
}

// common returns what is the same for all elements of a sum, which may be broadcast along its axes; nil if they differ.
func (s *summed) common(v *value) *value {
	if _, expands := v.op.(ops.Expand); expands && v.known == nil {
		v = v.in[0]
	}
	missing := len(s.shape) - len(v.shape)
	if v.known != nil || missing < 0 {
		return nil
	}
	for _, axis := range s.axes {
		if axis >= missing && v.shape[axis-missing] != 1 {
			return nil
		}
	}
	return v
}

// vanishes reports whether the elements of each sum add up to zero because they are deviations from their mean, times something.
func (s *summed) vanishes(v *value) bool {
	if s.foreign(v) {
		return false
	}
	switch op := v.op.(type) {
	case ops.Affine:
		return op.Shift == 0 && s.vanishes(v.in[0])
	case ops.Binary:
		a, b := v.in[0], v.in[1]
		switch op.Func {
		case ops.Add:
			return s.vanishes(a) && s.vanishes(b)
		case ops.Sub:
			return s.isMean(b, a) || s.vanishes(a) && s.vanishes(b)
		case ops.Mul:
			return s.common(b) != nil && s.vanishes(a) || s.common(a) != nil && s.vanishes(b)
		case ops.Div:
			return s.common(b) != nil && s.vanishes(a)
		}
	}
	return false
}

// isMean reports whether a value is the mean of x over the axes.
func (s *summed) isMean(v, x *value) bool {
	c := s.common(v)
	if c == nil {
		return false
	}
	scaled, is := c.op.(ops.Affine)
	if !is || scaled != (ops.Affine{Scale: float64(s.kept().TotalSize()) / float64(s.shape.TotalSize())}) {
		return false
	}
	sum, is := c.in[0].op.(ops.ReduceSum)
	return is && c.in[0].known == nil && c.in[0].in[0] == x && slices.Equal(sum.Axes, s.axes)
}
