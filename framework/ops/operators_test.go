package ops_test

import (
	"fmt"
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// operatorCase is a row of the conformance table: an operator, the shapes of its inputs and of its output, its definition, and
// where to look at it. A new operator joins the table with a row, and so does every attribute that changes what it computes.
type operatorCase struct {
	op     ops.Operator
	in     [][]int
	out    []int
	oracle oracle
	sample sampler
}

func (c operatorCase) String() string { return fmt.Sprintf("%T%+v%v", c.op, c.op, c.in) }

// draw samples input i.
func (c operatorCase) draw(r *rand.Rand, i int) []float64 {
	if input, sample := discrete(c.op, c.in); i == input {
		return sample(r, size(c.in[i]))
	}
	return c.sample(r, size(c.in[i]))
}

// discrete returns the input of an operator that picks by its value, and what that value can be; -1 if there is none.
func discrete(op ops.Operator, in [][]int) (input int, sample sampler) {
	switch op := op.(type) {
	case ops.Where:
		return 0, below(2)
	case ops.Gather:
		return 1, below(in[0][op.Axis])
	case ops.ScatterAdd:
		return 1, below(op.Size)
	case ops.GatherElements:
		return 1, below(in[0][op.Axis])
	case ops.ScatterAddElements:
		return 1, below(op.Dims[op.Axis])
	case ops.ScatterReduce:
		return 2, below(in[0][op.Axis])
	}
	return -1, nil
}

// below are integers from -n to n-1.
func below(n int) sampler {
	return func(r *rand.Rand, count int) []float64 {
		return mapped(make([]float64, count), func(float64) float64 { return float64(r.IntN(2*n) - n) })
	}
}

// sampler draws n numbers at which the operator is smooth.
type sampler func(r *rand.Rand, n int) []float64

// signed numbers have both signs and stay away from zero, where Abs, Sign, Step and Relu have a kink and Div a pole.
func signed(r *rand.Rand, n int) []float64 {
	x := positive(r, n)
	for i := range x {
		x[i] *= float64(1 - 2*r.IntN(2))
	}
	return x
}

// small numbers have both signs and stay away from zero, one and π/2.
func small(r *rand.Rand, n int) []float64 {
	return mapped(signed(r, n), func(x float64) float64 { return x / 2 })
}

// aboveOne stays away from one.
func aboveOne(r *rand.Rand, n int) []float64 {
	return mapped(positive(r, n), func(x float64) float64 { return x + 1 })
}

// tenfold numbers have integer parts of several sizes; it takes luck to be near an integer or between two.
func tenfold(r *rand.Rand, n int) []float64 {
	return mapped(signed(r, n), func(x float64) float64 { return 5 * x })
}

// twins are often equal.
func twins(r *rand.Rand, n int) []float64 {
	return mapped(positive(r, n), func(x float64) float64 { return math.Round(x) })
}

func mapped(x []float64, f func(float64) float64) []float64 {
	for i, v := range x {
		x[i] = f(v)
	}
	return x
}

func positive(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 0.4 + 1.2*r.Float64()
	}
	return x
}

// spread numbers are pairwise far apart: no small change moves a maximum.
func spread(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i, place := range r.Perm(n) {
		x[i] = 0.07 * float64(place-n/2)
	}
	return x
}

// classes are indices, in range and not, and numbers that are no index.
func classes(_ *rand.Rand, n int) []float64 {
	return slices.Repeat([]float64{2, 0, 1.5, 7, -1, 1}, 1+n/6)[:n]
}

// between are numbers that are no index, and that no small change makes one.
func between(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(r.IntN(4)) + 0.25 + r.Float64()/2
	}
	return x
}

func operatorCases() []operatorCase {
	return slices.Concat(elementwiseCases(), shortFloatCases(), broadcastCases(), layoutCases(), joinCases(), sliceCases(), gatherCases(), maximumCases(),
		matrixCases(), softmaxCases(), convCases(), poolCases())
}

var shapes = [][]int{{}, {1}, {3}, {1, 1}, {2, 3}, {3, 1}, {1, 4}, {2, 1, 3}, {2, 3, 2, 2}}

var functionCases = map[ops.Function]struct {
	definition func(float64) float64
	sample     sampler
}{
	ops.Exp:      {math.Exp, signed},
	ops.Log:      {math.Log, positive},
	ops.Sqrt:     {math.Sqrt, positive},
	ops.Abs:      {math.Abs, signed},
	ops.Sign:     {func(x float64) float64 { return math.Copysign(1, x) }, signed},
	ops.Step:     {func(x float64) float64 { return (math.Copysign(1, x) + 1) / 2 }, signed},
	ops.Relu:     {func(x float64) float64 { return math.Max(x, 0) }, signed},
	ops.Tanh:     {func(x float64) float64 { return math.Sinh(x) / math.Cosh(x) }, signed},
	ops.Sigmoid:  {func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, signed},
	ops.Softplus: {func(x float64) float64 { return math.Log(1 + math.Exp(x)) }, signed},
	ops.Erf:      {func(x float64) float64 { return 1 - math.Erfc(x) }, signed},
	ops.Sin:      {func(x float64) float64 { return imag(cmplx.Exp(complex(0, x))) }, signed},
	ops.Cos:      {func(x float64) float64 { return real(cmplx.Exp(complex(0, x))) }, signed},
	ops.Tan:      {func(x float64) float64 { return math.Sin(x) / math.Cos(x) }, small},
	ops.Asin:     {func(x float64) float64 { return math.Atan2(x, math.Sqrt(1-x*x)) }, small},
	ops.Acos:     {func(x float64) float64 { return math.Atan2(math.Sqrt(1-x*x), x) }, small},
	ops.Atan:     {func(x float64) float64 { return math.Atan2(x, 1) }, signed},
	ops.Sinh:     {func(x float64) float64 { return (math.Exp(x) - math.Exp(-x)) / 2 }, signed},
	ops.Cosh:     {func(x float64) float64 { return (math.Exp(x) + math.Exp(-x)) / 2 }, signed},
	ops.Asinh:    {func(x float64) float64 { return math.Log(x + math.Sqrt(x*x+1)) }, signed},
	ops.Acosh:    {func(x float64) float64 { return math.Log(x + math.Sqrt(x*x-1)) }, aboveOne},
	ops.Atanh:    {func(x float64) float64 { return math.Log((1+x)/(1-x)) / 2 }, small},
	ops.Floor:    {func(x float64) float64 { return float64(int(x+10)) - 10 }, tenfold},
	ops.Ceil:     {func(x float64) float64 { return 10 - float64(int(10-x)) }, tenfold},
	ops.Round:    {func(x float64) float64 { return float64(int(x+10.5)) - 10 }, tenfold},
	ops.Trunc:    {func(x float64) float64 { return float64(int(x)) }, tenfold},
	ops.IsNaN:    {func(float64) float64 { return 0 }, signed}, // see TestConventions for the others
	ops.IsInf:    {func(float64) float64 { return 0 }, signed},
}

func elementwiseCases() []operatorCase {
	var cases []operatorCase
	for _, s := range shapes {
		for function, c := range functionCases {
			cases = append(cases, operatorCase{ops.Unary{Func: function}, [][]int{s}, s, unary(c.definition), c.sample})
		}
		cases = append(cases,
			operatorCase{ops.Affine{Scale: -1.5, Shift: 0.25}, [][]int{s}, s, unary(func(x float64) float64 { return 0.25 - 1.5*x }), signed},
			operatorCase{ops.Affine{Shift: 2}, [][]int{s}, s, unary(func(float64) float64 { return 2 }), signed},
			operatorCase{ops.Clamp{Min: -0.5, Max: 0.75}, [][]int{s}, s,
				unary(func(x float64) float64 { return math.Max(-0.5, math.Min(x, 0.75)) }), signed},
			operatorCase{ops.Clamp{Min: math.Inf(-1), Max: -1}, [][]int{s}, s, unary(func(x float64) float64 { return math.Min(x, -1) }), signed},
			operatorCase{ops.Within{Min: -0.5, Max: 0.75}, [][]int{s}, s,
				unary(func(x float64) float64 { return math.Max(0, math.Copysign(1, (x+0.5)*(0.75-x))) }), signed},
			operatorCase{ops.Fill{Value: 0.75}, [][]int{s}, s, unary(func(float64) float64 { return 0.75 }), signed},
		)
	}
	return cases
}

// nearest rounds to the nearest number with so many bits, the even one of two, without the package's help.
func nearest(bits uint) oracle {
	return unary(func(x float64) float64 {
		y, _ := new(big.Float).SetPrec(bits).SetMode(big.ToNearestEven).SetFloat64(x).Float64()
		return y
	})
}

func shortFloatCases() []operatorCase {
	var cases []operatorCase
	for _, s := range shapes {
		cases = append(cases,
			operatorCase{ops.ShortFloat{Format: ops.Float16}, [][]int{s}, s, nearest(11), tenfold},
			operatorCase{ops.ShortFloat{Format: ops.BFloat16}, [][]int{s}, s, nearest(8), tenfold},
		)
	}
	return cases
}

var arithmeticCases = map[ops.Arithmetic]struct {
	definition func(a, b float64) float64
	sample     sampler
}{
	ops.Add:   {func(a, b float64) float64 { return a + b }, signed},
	ops.Sub:   {func(a, b float64) float64 { return a - b }, signed},
	ops.Mul:   {func(a, b float64) float64 { return a * b }, signed},
	ops.Div:   {func(a, b float64) float64 { return a / b }, signed},
	ops.Pow:   {func(a, b float64) float64 { return math.Exp(b * math.Log(a)) }, positive},
	ops.Max:   {func(a, b float64) float64 { return (a + b + math.Abs(a-b)) / 2 }, signed},
	ops.Min:   {func(a, b float64) float64 { return (a + b - math.Abs(a-b)) / 2 }, signed},
	ops.Mod:   {func(a, b float64) float64 { return a - b*math.Floor(a/b) }, signed},
	ops.Fmod:  {func(a, b float64) float64 { return a - b*math.Trunc(a/b) }, signed},
	ops.Less:  {func(a, b float64) float64 { return (1 - math.Copysign(1, a-b)) / 2 }, signed},
	ops.Equal: {func(a, b float64) float64 { return 1 - math.Min(1, math.Ceil(math.Abs(a-b))) }, twins},
}

func broadcastCases() []operatorCase {
	var cases []operatorCase
	for _, s := range []struct{ a, b, out []int }{
		{[]int{}, []int{}, []int{}},
		{[]int{}, []int{1}, []int{1}},
		{[]int{}, []int{2, 3}, []int{2, 3}},
		{[]int{1}, []int{3}, []int{3}},
		{[]int{3}, []int{3}, []int{3}},
		{[]int{3}, []int{1, 3}, []int{1, 3}},
		{[]int{3}, []int{3, 1}, []int{3, 3}},
		{[]int{3, 1}, []int{1, 3}, []int{3, 3}},
		{[]int{3}, []int{2, 3}, []int{2, 3}},
		{[]int{1, 1}, []int{2}, []int{1, 2}},
		{[]int{2, 3}, []int{2, 3}, []int{2, 3}},
		{[]int{2, 1}, []int{4, 1, 3}, []int{4, 2, 3}},
		{[]int{2, 3, 1, 2}, []int{3, 2, 1}, []int{2, 3, 2, 2}},
		{[]int{1, 3, 1, 1}, []int{2, 3, 2, 2}, []int{2, 3, 2, 2}},
	} {
		for function, c := range arithmeticCases {
			op := ops.Binary{Func: function}
			cases = append(cases, operatorCase{op, [][]int{s.a, s.b}, s.out, binary(c.definition), c.sample})
			if !slices.Equal(s.a, s.b) {
				cases = append(cases, operatorCase{op, [][]int{s.b, s.a}, s.out, binary(c.definition), c.sample})
			}
		}
	}
	for _, s := range []struct{ condition, a, b, out []int }{
		{[]int{}, []int{}, []int{}, []int{}},
		{[]int{3}, []int{3}, []int{3}, []int{3}},
		{[]int{2, 3}, []int{}, []int{2, 3}, []int{2, 3}},
		{[]int{2, 3}, []int{2, 3}, []int{1}, []int{2, 3}},
		{[]int{}, []int{2, 1}, []int{3}, []int{2, 3}},
		{[]int{3, 1, 2}, []int{2, 1}, []int{4, 1, 1, 1}, []int{4, 3, 2, 2}},
	} {
		cases = append(cases, operatorCase{ops.Where{}, [][]int{s.condition, s.a, s.b}, s.out, each(choose), signed})
	}
	repeat := each(func(index []int, in []ndarray) float64 { return in[0].broadcast(index) })
	for _, s := range []struct{ in, out []int }{
		{[]int{}, []int{}},
		{[]int{}, []int{1, 2}},
		{[]int{1}, []int{3}},
		{[]int{3}, []int{3, 3}},
		{[]int{3, 1}, []int{3, 2}},
		{[]int{2, 3}, []int{2, 3}},
		{[]int{2, 1, 2}, []int{3, 2, 2, 2}},
		{[]int{1, 1, 1, 1}, []int{2, 1, 2, 3}},
	} {
		cases = append(cases, operatorCase{ops.Expand{Dims: s.out}, [][]int{s.in}, s.out, repeat, signed})
	}
	return cases
}

func layoutCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		op      ops.ReduceSum
		in, out []int
	}{
		{ops.ReduceSum{}, []int{}, []int{}},
		{ops.ReduceSum{}, []int{2, 3}, []int{2, 3}},
		{ops.ReduceSum{Axes: []int{0}}, []int{1}, []int{}},
		{ops.ReduceSum{Axes: []int{0}}, []int{3}, []int{}},
		{ops.ReduceSum{Axes: []int{0}, Keep: true}, []int{3}, []int{1}},
		{ops.ReduceSum{Axes: []int{0}}, []int{3, 1}, []int{1}},
		{ops.ReduceSum{Axes: []int{1}}, []int{3, 1}, []int{3}},
		{ops.ReduceSum{Axes: []int{1, 0}}, []int{2, 3}, []int{}},
		{ops.ReduceSum{Axes: []int{0, 1}, Keep: true}, []int{2, 3}, []int{1, 1}},
		{ops.ReduceSum{Axes: []int{1}}, []int{2, 3, 2}, []int{2, 2}},
		{ops.ReduceSum{Axes: []int{2, 3}}, []int{2, 3, 2, 2}, []int{2, 3}},
		{ops.ReduceSum{Axes: []int{0, 2}, Keep: true}, []int{2, 3, 2, 1}, []int{1, 3, 1, 1}},
	} {
		cases = append(cases, operatorCase{c.op, [][]int{c.in}, c.out, sumOver(c.op.Axes...), signed})
	}
	inOrder := oracle(func(_ []int, in ...ndarray) []float64 { return in[0].data })
	for _, s := range []struct{ in, out []int }{
		{[]int{}, []int{}},
		{[]int{}, []int{1, 1}},
		{[]int{1}, []int{}},
		{[]int{3}, []int{3, 1}},
		{[]int{1, 3}, []int{3}},
		{[]int{2, 3}, []int{3, 2}},
		{[]int{2, 3, 2, 1}, []int{4, 3}},
	} {
		cases = append(cases, operatorCase{ops.Reshape{Dims: s.out}, [][]int{s.in}, s.out, inOrder, signed})
	}
	for _, c := range []struct{ perm, in, out []int }{
		{[]int{}, []int{}, []int{}},
		{[]int{0}, []int{3}, []int{3}},
		{[]int{1, 0}, []int{2, 3}, []int{3, 2}},
		{[]int{1, 0}, []int{1, 3}, []int{3, 1}},
		{[]int{0, 2, 1}, []int{2, 3, 4}, []int{2, 4, 3}},
		{[]int{2, 0, 1}, []int{2, 3, 4}, []int{4, 2, 3}},
		{[]int{3, 1, 0, 2}, []int{2, 1, 3, 2}, []int{2, 1, 2, 3}},
	} {
		cases = append(cases, operatorCase{ops.Transpose{Perm: c.perm}, [][]int{c.in}, c.out, permute(c.perm...), signed})
	}
	return cases
}

func matrixCases() []operatorCase {
	var cases []operatorCase
	for _, s := range []struct{ a, b, out []int }{ // the matrices are transposed below
		{[]int{2, 3}, []int{3, 4}, []int{2, 4}},
		{[]int{1, 1}, []int{1, 1}, []int{1, 1}},
		{[]int{1, 3}, []int{3, 1}, []int{1, 1}},
		{[]int{3, 1}, []int{1, 2}, []int{3, 2}},
		{[]int{2, 2, 3}, []int{2, 3, 2}, []int{2, 2, 2}},
		{[]int{2, 2, 3}, []int{3, 2}, []int{2, 2, 2}},
		{[]int{2, 3}, []int{2, 3, 1}, []int{2, 2, 1}},
		{[]int{2, 1, 1, 2}, []int{1, 3, 2, 2}, []int{2, 3, 1, 2}},
		{[]int{1, 2, 2}, []int{2, 2, 2, 1}, []int{2, 2, 2, 1}},
	} {
		for _, op := range []ops.MatMul{{}, {TransA: true}, {TransB: true}, {TransA: true, TransB: true}} {
			in := [][]int{lastTwo(s.a, op.TransA), lastTwo(s.b, op.TransB)}
			cases = append(cases, operatorCase{op, in, s.out, product(op.TransA, op.TransB), signed})
		}
	}
	return cases
}

func lastTwo(shape []int, swapped bool) []int {
	shape = slices.Clone(shape)
	if n := len(shape); swapped {
		shape[n-2], shape[n-1] = shape[n-1], shape[n-2]
	}
	return shape
}

func softmaxCases() []operatorCase {
	cases := []operatorCase{
		{ops.OneHot{Classes: 3}, [][]int{{6}}, []int{6, 3}, each(oneHot), classes},
		{ops.OneHot{Classes: 4}, [][]int{{3}}, []int{3, 4}, each(oneHot), between},
		{ops.OneHot{Classes: 1}, [][]int{{1}}, []int{1, 1}, each(oneHot), between},
	}
	for _, c := range []struct {
		axis  int
		shape []int
	}{{0, []int{1}}, {0, []int{3}}, {0, []int{3, 2}}, {1, []int{2, 3}}, {1, []int{3, 1}}, {1, []int{2, 3, 2}}, {0, []int{2, 1, 3, 2}}, {3, []int{2, 2, 1, 3}}} {
		cases = append(cases,
			operatorCase{ops.Softmax{Axis: c.axis}, [][]int{c.shape}, c.shape,
				along(c.axis, func(x float64, line []float64) float64 { return math.Exp(x) / sumExp(line) }), signed},
			operatorCase{ops.LogSoftmax{Axis: c.axis}, [][]int{c.shape}, c.shape,
				along(c.axis, func(x float64, line []float64) float64 { return x - math.Log(sumExp(line)) }), signed},
		)
	}
	return cases
}
