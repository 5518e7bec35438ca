package ops_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// application draws an operator and shapes for its inputs, which do not always fit.
type application func(*rand.Rand) (ops.Operator, [][]int)

var randomApplications = []application{
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Unary{Func: pick(r, ops.Exp, ops.Log, ops.Abs, ops.Step, ops.Relu, ops.Tanh, ops.Asin, ops.Round, "")}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Affine{Scale: r.NormFloat64(), Shift: r.NormFloat64()}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.ShortFloat{Format: pick(r, ops.Float16, ops.BFloat16, "")}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Fill{Value: r.NormFloat64()}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Binary{Func: pick(r, ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Pow, ops.Mod, ops.Less, "")}, randomShapes(r, 2)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) { return ops.Where{}, randomShapes(r, 3) },
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Clamp{Min: r.NormFloat64(), Max: pick(r, r.NormFloat64(), inf, nan)}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Within{Min: r.NormFloat64(), Max: pick(r, r.NormFloat64(), inf, nan)}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Expand{Dims: integers(r, r.IntN(4), 0, 3)}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.ReduceSum{Axes: integers(r, r.IntN(3), -1, 4), Keep: r.IntN(2) == 0}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Reshape{Dims: integers(r, r.IntN(4), -1, 4)}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Transpose{Perm: integers(r, r.IntN(4), -1, 3)}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		in := slices.Repeat(randomShapes(r, 1), r.IntN(4))
		axis := r.IntN(4) - 1
		for i, part := range in {
			if in[i] = slices.Clone(part); 0 <= axis && axis < len(part) {
				in[i][axis] = 1 + r.IntN(3)
			}
		}
		return ops.Concat{Axis: axis, Inputs: len(in) - r.IntN(10)/9}, in
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		start, step, size, dims := randomSlice(r)
		return ops.Slice{Start: start, Step: step, Size: size}, [][]int{dims}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		start, step, size, dims := randomSlice(r)
		return ops.Place{Start: start, Step: step, Dims: dims, Fill: r.NormFloat64()}, [][]int{size}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		x := randomShapes(r, 1)[0]
		return ops.Gather{Axis: r.IntN(4) - 1}, [][]int{x, integers(r, 1+r.IntN(10)/9, 1, 3)}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		g := randomShapes(r, 1)[0]
		return ops.ScatterAdd{Axis: r.IntN(4) - 1, Size: r.IntN(10) - 1}, [][]int{g, integers(r, 1+r.IntN(10)/9, 1, 3)}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		axes := r.IntN(4)
		return ops.GatherElements{Axis: r.IntN(4) - 1}, [][]int{integers(r, axes+r.IntN(10)/9, 1, 4), integers(r, axes, 1, 3)}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		axes := r.IntN(4)
		g := integers(r, axes, 1, 3)
		op := ops.ScatterAddElements{Axis: r.IntN(4) - 1, Dims: integers(r, axes+r.IntN(10)/9, 0, 5)}
		return op, [][]int{g, pick(r, g, g, randomShapes(r, 1)[0])}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		axes := r.IntN(4)
		op := ops.ScatterReduce{Axis: r.IntN(4) - 1, Func: pick(r, ops.Mul, ops.Max, ops.Max, ops.Add)}
		updates := integers(r, axes, 1, 3)
		return op, [][]int{integers(r, axes+r.IntN(10)/9, 1, 5), updates, pick(r, updates, updates, randomShapes(r, 1)[0])}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.ReduceMax{Axes: integers(r, r.IntN(3), -1, 4), Keep: r.IntN(2) == 0}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.ArgMax{Axis: r.IntN(6) - 1, Last: r.IntN(2) == 0}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Order{Axis: r.IntN(6) - 1, Descending: r.IntN(2) == 0}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.MatMul{TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0}, randomShapes(r, 2)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.Softmax{Axis: r.IntN(6) - 1}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.LogSoftmax{Axis: r.IntN(6) - 1}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		return ops.OneHot{Classes: r.IntN(5) - 1}, randomShapes(r, 1)
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, groups, x, weights, _ := randomConvolution(r)
		return ops.Conv{Window: w, Groups: groups}, [][]int{x, weights}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, groups, x, weights, y := randomConvolution(r)
		return ops.ConvInput{Window: w, Groups: groups, Spatial: x[2:]}, [][]int{y, weights}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, groups, x, weights, y := randomConvolution(r)
		return ops.ConvWeights{Window: w, Groups: groups, Kernel: weights[2:]}, [][]int{x, y}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, _, x, weights, _ := randomConvolution(r)
		return ops.PoolSelect{Window: w, Kernel: weights[2:]}, [][]int{x, x}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, _, x, weights, y := randomConvolution(r)
		return ops.PoolScatter{Window: w, Kernel: weights[2:]}, [][]int{x, append([]int{x[0], x[1]}, y[2:]...)}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, _, x, weights, _ := randomConvolution(r)
		return ops.PoolArg{Window: w, Kernel: weights[2:]}, [][]int{x}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, _, x, weights, _ := randomConvolution(r)
		return ops.PoolSum{Window: w, Kernel: weights[2:]}, [][]int{x}
	},
	func(r *rand.Rand) (ops.Operator, [][]int) {
		w, _, x, weights, y := randomConvolution(r)
		return ops.PoolSpread{Window: w, Kernel: weights[2:], Spatial: x[2:]}, [][]int{y}
	},
}

// Whatever the attributes and the shapes, an operator is refused with an error, or it computes an output of the shape that it
// announced, in both precisions.
func TestRandomApplicationsAreRefusedOrComputed(t *testing.T) {
	tries := 1500
	if testing.Short() {
		tries = 500
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, draw := range randomApplications {
		accepted := 0
		var op ops.Operator
		var in [][]int
		for range tries {
			if op, in = draw(r); computes(t, r, op, in) {
				accepted++
			}
		}
		if accepted < tries/20 {
			t.Errorf("%T: %d of %d applications are accepted, too few to tell", op, accepted, tries)
		}
	}
}

// The same holds of constants, which are evaluated outside a graph and may be empty, as long as the output is not.
func TestRandomApplicationsToEmptyTensorsAreRefusedOrComputed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	computed := 0
	for _, draw := range randomApplications {
		for range 1500 {
			op, in := draw(r)
			shapes := make([]tensor.Shape, len(in))
			for i, shape := range in {
				in[i] = slices.Clone(shape)
				if len(shape) > 0 {
					in[i][r.IntN(len(shape))] = r.IntN(2)
				}
				shapes[i] = in[i]
			}
			if _, slides := reflect.TypeOf(op).FieldByName("Window"); slides || len(in) != op.Arity() {
				continue // no constant is computed with windows
			}
			shape, err := op.Shape(shapes...)
			if err != nil || size(shape) == 0 {
				continue
			}
			out := ops.Tensor[float64]{Shape: shape, Data: slices.Repeat([]float64{12345}, size(shape))}
			arguments := make([]ops.Tensor[float64], len(in))
			c := operatorCase{op: op, in: in, sample: signed}
			for i, shape := range in {
				arguments[i] = ops.Tensor[float64]{Shape: shape, Data: c.draw(r, i)}
			}
			op.Eval64(out, arguments...)
			if slices.ContainsFunc(in, func(shape []int) bool { return size(shape) == 0 }) {
				computed++
			}
			if slices.Contains(out.Data, 12345) {
				t.Fatalf("%+v%v left elements of %v as they were", op, in, shape)
			}
		}
	}
	if computed < 100 {
		t.Errorf("%d of the applications computed something from nothing, too few to tell", computed)
	}
}

// computes reports whether the operator accepts the shapes, and checks that it then evaluates.
func computes(t *testing.T, r *rand.Rand, op ops.Operator, in [][]int) bool {
	t.Helper()
	y := ops.Apply(op, variables(gorgonia.NewGraph(), in)...)
	if y.Err() != nil || y.Node() == nil { // refused, or without elements
		return false
	}
	c := operatorCase{op: op, in: in, sample: signed}
	for _, single := range []bool{false, true} {
		values := make([]gorgonia.Value, len(in))
		for i, shape := range in {
			values[i] = constant(single, shape, c.draw(r, i))
		}
		got, err := y.Node().Op().Do(values...)
		if err != nil {
			t.Fatalf("%+v%v has shape %v, but: %v", op, in, y.Shape(), err)
		}
		if !slices.Equal(got.Shape(), y.Shape()) || got.Dtype() != values[0].Dtype() {
			t.Fatalf("%+v%v has shape %v, but its value is %v of shape %v", op, in, y.Shape(), got.Dtype(), got.Shape())
		}
	}
	return true
}

func constant(single bool, shape []int, data []float64) gorgonia.Value {
	backing := any(data)
	if single {
		rounded := make([]float32, len(data))
		for i, v := range data {
			rounded[i] = float32(v)
		}
		backing = rounded
	}
	if len(shape) > 0 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
	}
	if single {
		return gorgonia.NewF32(float32(data[0]))
	}
	return gorgonia.NewF64(data[0])
}

// randomConvolution draws what often fits together: the shapes of an input, weights and output with a window and groups.
func randomConvolution(r *rand.Rand) (w ops.Window, groups int, x, weights, y []int) {
	axes, spatial := 1+r.IntN(3), 1+r.IntN(3)
	if r.IntN(10) > 0 {
		spatial = axes
	}
	w = ops.Window{Strides: integers(r, axes, 1, 3), Pads: integers(r, 2*axes, 0, 2), Dilations: integers(r, axes, 1, 3), Ceil: r.IntN(3) == 0}
	if r.IntN(20) == 0 {
		pick(r, w.Strides, w.Pads, w.Dilations)[0] = -r.IntN(2)
	}
	groups = r.IntN(3)
	channels, filters := 1+r.IntN(2), 1+r.IntN(2)
	x = slices.Concat([]int{1 + r.IntN(2), channels * max(groups, 1)}, integers(r, spatial, 1, 5))
	weights = slices.Concat([]int{filters * max(groups, 1), channels}, integers(r, spatial, 1, 3))
	y = slices.Concat([]int{x[0], weights[0]}, integers(r, spatial, 1, 3))
	if r.IntN(2) == 0 { // most of them by a rule of thumb
		for i := range min(axes, spatial) {
			y[2+i] = max(1, (x[2+i]+w.Pads[i]+w.Pads[axes+i]-w.Dilations[i]*(weights[2+i]-1)-1)/max(1, w.Strides[i])+1)
		}
	}
	return w, groups, x, weights, y
}

func randomSlice(r *rand.Rand) (start, step, size, dims []int) {
	axes := r.IntN(4)
	return integers(r, axes, -1, 3), integers(r, axes, -2, 2), integers(r, axes, 1, 3), integers(r, axes+r.IntN(10)/9, 1, 5)
}

func randomShapes(r *rand.Rand, n int) [][]int {
	shapes := make([][]int, n)
	for i := range shapes {
		shapes[i] = integers(r, r.IntN(5), 1, 3)
	}
	return shapes
}

// integers draws n integers from low to high, both included.
func integers(r *rand.Rand, n, low, high int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = low + r.IntN(high-low+1)
	}
	return x
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
