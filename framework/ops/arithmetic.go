package ops

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Arithmetic is a function of two numbers.
type Arithmetic string

// The functions of [Binary].
const (
	Add   Arithmetic = "add"
	Sub   Arithmetic = "sub"
	Mul   Arithmetic = "mul"
	Div   Arithmetic = "div"
	Pow   Arithmetic = "pow"
	Max   Arithmetic = "max"   // NaN if one is; where both are equal, each has half of the gradient
	Min   Arithmetic = "min"   // likewise
	Mod   Arithmetic = "mod"   // the remainder with the divisor's sign
	Fmod  Arithmetic = "fmod"  // the remainder with the dividend's sign
	Less  Arithmetic = "less"  // 1 where a < b, else 0
	Equal Arithmetic = "equal" // 1 where a = b, else 0
)

// arithmetics holds, for each function, its value and the gradient before what was repeated is summed, from the inputs a and b,
// the output and its gradient g. Without a gradient the function is locally constant.
var arithmetics = map[Arithmetic]struct {
	value    func(a, b float64) float64
	gradient func(a, b, out, g Expr) (da, db Expr)
}{
	Add:   {func(a, b float64) float64 { return a + b }, func(_, _, _, g Expr) (da, db Expr) { return g, g }},
	Sub:   {func(a, b float64) float64 { return a - b }, func(_, _, _, g Expr) (da, db Expr) { return g, g.Neg() }},
	Mul:   {func(a, b float64) float64 { return a * b }, func(a, b, _, g Expr) (da, db Expr) { return g.Mul(b), g.Mul(a) }},
	Div:   {func(a, b float64) float64 { return a / b }, quotientRule},
	Pow:   {math.Pow, powerRule},
	Max:   {func(a, b float64) float64 { return max(a, b) }, maximumRule},
	Min:   {func(a, b float64) float64 { return min(a, b) }, minimumRule},
	Mod:   {mod, func(a, b, _, g Expr) (da, db Expr) { return g, g.Mul(a.Div(b).Floor()).Neg() }},
	Fmod:  {math.Mod, func(a, b, _, g Expr) (da, db Expr) { return g, g.Mul(a.Div(b).Trunc()).Neg() }},
	Less:  {value: func(a, b float64) float64 { return indicator(a < b) }},
	Equal: {value: func(a, b float64) float64 { return indicator(a == b) }},
}

func quotientRule(_, b, out, g Expr) (da, db Expr) {
	da = g.Div(b)
	return da, da.Mul(out).Neg()
}

// powerRule is b·aᵇ⁻¹ and log a·aᵇ. At a = 0 the first counts as zero for b = 0, and the second for b ≥ 0: there a 1 stands for
// the zero, so that no infinity arises in the derivatives of these either. So it does for b < 1 where g is zero, see [bothZero].
func powerRule(a, b, out, g Expr) (da, db Expr) {
	zero, one := a.Equal(a.Fill(0)), a.Fill(1)
	base := zero.Mul(b.Equal(b.Fill(0))).Where(one, a)
	steep := b.Less(b.Fill(1)).Mul(bothZero(a, g))
	da = unless(steep, base, func(base Expr) Expr { return g.Mul(b).Mul(base.Pow(b.Shift(-1))) })
	base = zero.Mul(b.Less(b.Fill(0)).OneMinus()).Where(one, a)
	return da, g.Mul(out).Mul(base.Log())
}

// maximumRule and minimumRule give g to the number that is the output, half to each of equal ones, and to both beside a NaN.
func maximumRule(a, b, _, g Expr) (da, db Expr) {
	return g.Mul(reaches(a, b)), g.Mul(reaches(b, a))
}

func minimumRule(a, b, _, g Expr) (da, db Expr) {
	return g.Mul(reaches(b, a)), g.Mul(reaches(a, b))
}

// reaches is 1 where a > b, ½ where both are equal, 0 where a < b, and 1 where one is NaN.
func reaches(a, b Expr) Expr { return a.Less(b).Add(a.Equal(b).Scale(0.5)).OneMinus() }

func mod(a, b float64) float64 {
	r := math.Mod(a, b)
	if r < 0 && b > 0 || r > 0 && b < 0 {
		return r + b
	}
	return r
}

// Binary applies a function to two tensors element by element, with the broadcasting of ONNX (and NumPy): shapes are aligned at
// their last axis, and an axis of size one or a missing axis is repeated. ONNX Add, Sub, Mul, Div, Pow, Max, Min, Mod, Less,
// Equal.
type Binary struct{ Func Arithmetic }

// Arity is 2.
func (Binary) Arity() int { return 2 }

// Shape is the broadcast of both.
func (o Binary) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if _, ok := arithmetics[o.Func]; !ok {
		return nil, fmt.Errorf("%q is no arithmetic", o.Func)
	}
	return Broadcast(in[0], in[1])
}

// Constant reports that comparisons have no gradient.
func (o Binary) Constant(int) bool { return arithmetics[o.Func].gradient == nil }

// Gradient sums over the axes that were repeated.
func (o Binary) Gradient(in []Expr, out, g Expr) []Expr {
	if o.Constant(0) {
		return []Expr{{}, {}}
	}
	a, b := in[0], in[1]
	da, db := arithmetics[o.Func].gradient(a, b, out, g)
	return []Expr{da.SumTo(a.Shape()), db.SumTo(b.Shape())}
}

// Eval32 is the kernel in float32.
func (o Binary) Eval32(out Tensor[float32], in ...Tensor[float32]) { combine(o, out, in[0], in[1]) }

// Eval64 is the kernel in float64.
func (o Binary) Eval64(out Tensor[float64], in ...Tensor[float64]) { combine(o, out, in[0], in[1]) }

func combine[T Float](o Binary, out, a, b Tensor[T]) {
	f := lineOf[T](o.Func)
	zip(out, []Tensor[T]{a, b}, func(out []T, in [][]T) { f(out, in[0][:len(out)], in[1][:len(out)]) })
}

// lineOf returns a function of lines of equal length. What networks consist of has loops of its own.
func lineOf[T Float](function Arithmetic) func(out, x, y []T) {
	switch function {
	case Add:
		return func(out, x, y []T) {
			for i := range min(len(out), len(x), len(y)) {
				out[i] = x[i] + y[i]
			}
		}
	case Sub:
		return func(out, x, y []T) {
			for i := range min(len(out), len(x), len(y)) {
				out[i] = x[i] - y[i]
			}
		}
	case Mul:
		return func(out, x, y []T) {
			for i := range min(len(out), len(x), len(y)) {
				out[i] = x[i] * y[i]
			}
		}
	case Div:
		return func(out, x, y []T) {
			for i := range min(len(out), len(x), len(y)) {
				out[i] = x[i] / y[i]
			}
		}
	}
	f := arithmetics[function].value
	return func(out, x, y []T) {
		for i := range out {
			out[i] = T(f(float64(x[i]), float64(y[i])))
		}
	}
}

// Pow is x to the power y, broadcast.
func (x Expr) Pow(y Operand) Expr { return x.with(Binary{Pow}, y) }

// Max is the larger of x and y, broadcast.
func (x Expr) Max(y Operand) Expr { return x.with(Binary{Max}, y) }

// Min is the smaller of x and y, broadcast.
func (x Expr) Min(y Operand) Expr { return x.with(Binary{Min}, y) }

// Mod is the remainder of x divided by y, with the sign of y, broadcast.
func (x Expr) Mod(y Operand) Expr { return x.with(Binary{Mod}, y) }

// Fmod is the remainder of x divided by y, with the sign of x, broadcast.
func (x Expr) Fmod(y Operand) Expr { return x.with(Binary{Fmod}, y) }

// Less is 1 where x < y, else 0, broadcast.
func (x Expr) Less(y Operand) Expr { return x.with(Binary{Less}, y) }

// Equal is 1 where x = y, else 0, broadcast.
func (x Expr) Equal(y Operand) Expr { return x.with(Binary{Equal}, y) }
