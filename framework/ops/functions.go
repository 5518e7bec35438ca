package ops

import "math"

// Function is a function of one number.
type Function string

// The functions of [Unary]. At a kink the derivative is the one that frameworks agree on: zero for Relu, Step, Sign and Abs.
const (
	Exp      Function = "exp"
	Log      Function = "log"
	Sqrt     Function = "sqrt"
	Abs      Function = "abs"
	Sign     Function = "sign"
	Step     Function = "step" // 1 where x > 0, else 0
	Relu     Function = "relu"
	Tanh     Function = "tanh"
	Sigmoid  Function = "sigmoid"
	Softplus Function = "softplus" // log(1 + eˣ)
	Erf      Function = "erf"
	Sin      Function = "sin"
	Cos      Function = "cos"
	Tan      Function = "tan"
	Asin     Function = "asin"
	Acos     Function = "acos"
	Atan     Function = "atan"
	Sinh     Function = "sinh"
	Cosh     Function = "cosh"
	Asinh    Function = "asinh"
	Acosh    Function = "acosh"
	Atanh    Function = "atanh"
	Floor    Function = "floor"
	Ceil     Function = "ceil"
	Round    Function = "round" // halves to the even neighbour
	Trunc    Function = "trunc" // towards zero
	IsNaN    Function = "isnan" // 1 for NaN, else 0
	IsInf    Function = "isinf" // 1 for an infinity of either sign, else 0, also for NaN
)

// functions holds, for each function, its value and the derivative times g, from the input x and the output y. Without a
// derivative the function is locally constant.
var functions = map[Function]struct {
	value      func(float64) float64
	derivative func(x, y, g Expr) Expr
}{
	Exp: {math.Exp, func(_, y, g Expr) Expr { return g.Mul(y) }},
	Log: {math.Log, func(x, _, g Expr) Expr { return g.Div(x) }},
	Sqrt: {math.Sqrt, func(_, y, g Expr) Expr {
		return unless(bothZero(y, g), y, func(y Expr) Expr { return g.Div(y).Scale(0.5) })
	}},
	Abs:      {math.Abs, func(x, _, g Expr) Expr { return g.Mul(x.Sign()) }},
	Sign:     {value: sign},
	Step:     {value: step},
	Relu:     {relu, func(x, _, g Expr) Expr { return g.Mul(x.Step()) }},
	Tanh:     {math.Tanh, func(_, y, g Expr) Expr { return g.Mul(y.Square().OneMinus()) }},
	Sigmoid:  {sigmoid, func(_, y, g Expr) Expr { return g.Mul(y.Mul(y.OneMinus())) }},
	Softplus: {softplus, func(x, _, g Expr) Expr { return g.Mul(x.Sigmoid()) }},
	Erf:      {math.Erf, func(x, _, g Expr) Expr { return g.Mul(x.Square().Neg().Exp().Scale(2 / math.SqrtPi)) }},
	Sin:      {math.Sin, func(x, _, g Expr) Expr { return g.Mul(x.Cos()) }},
	Cos:      {math.Cos, func(x, _, g Expr) Expr { return g.Mul(x.Sin()).Neg() }},
	Tan:      {math.Tan, func(_, y, g Expr) Expr { return g.Mul(y.Square().Shift(1)) }},
	Asin:     {math.Asin, func(x, _, g Expr) Expr { return g.Div(x.Square().OneMinus().Sqrt()) }},
	Acos:     {math.Acos, func(x, _, g Expr) Expr { return g.Div(x.Square().OneMinus().Sqrt()).Neg() }},
	Atan:     {math.Atan, func(x, _, g Expr) Expr { return g.Div(x.Square().Shift(1)) }},
	Sinh:     {math.Sinh, func(x, _, g Expr) Expr { return g.Mul(x.Cosh()) }},
	Cosh:     {math.Cosh, func(x, _, g Expr) Expr { return g.Mul(x.Sinh()) }},
	Asinh:    {math.Asinh, func(x, _, g Expr) Expr { return g.Div(x.Square().Shift(1).Sqrt()) }},
	Acosh:    {math.Acosh, func(x, _, g Expr) Expr { return g.Div(x.Square().Shift(-1).Sqrt()) }},
	Atanh:    {math.Atanh, func(x, _, g Expr) Expr { return g.Div(x.Square().OneMinus()) }},
	Floor:    {value: math.Floor},
	Ceil:     {value: math.Ceil},
	Round:    {value: math.RoundToEven},
	Trunc:    {value: math.Trunc},
	IsNaN:    {value: func(x float64) float64 { return indicator(math.IsNaN(x)) }},
	IsInf:    {value: func(x float64) float64 { return indicator(math.IsInf(x, 0)) }},
}

// bothZero is 1 where a and b are zero. Where a derivative is infinite and what it multiplies is zero, nothing flows on, though 0·∞ is
// NaN: norms that exporters write out with roots then have the gradient zero at zero, as PyTorch's norms do.
func bothZero(a, b Expr) Expr { return a.Equal(a.Fill(0)).Mul(b.Equal(b.Fill(0))) }

// unless is zero where a condition holds, else f(x), which is given a one where it does.
func unless(condition, x Expr, f func(Expr) Expr) Expr {
	return condition.Where(x.Fill(0), f(condition.Where(x.Fill(1), x)))
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // zero, or NaN
}

func step(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x <= 0:
		return 0
	}
	return x // NaN
}

func relu(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return x
}

func sigmoid(x float64) float64 {
	if x < 0 { // e⁻ˣ would overflow
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) // eˣ would overflow
}

func indicator(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// Softplus is log(1 + eˣ).
func (x Expr) Softplus() Expr { return x.with(Unary{Softplus}) }

// Erf is the error function.
func (x Expr) Erf() Expr { return x.with(Unary{Erf}) }

// Sin is the sine.
func (x Expr) Sin() Expr { return x.with(Unary{Sin}) }

// Cos is the cosine.
func (x Expr) Cos() Expr { return x.with(Unary{Cos}) }

// Tan is the tangent.
func (x Expr) Tan() Expr { return x.with(Unary{Tan}) }

// Asin is the inverse sine.
func (x Expr) Asin() Expr { return x.with(Unary{Asin}) }

// Acos is the inverse cosine.
func (x Expr) Acos() Expr { return x.with(Unary{Acos}) }

// Atan is the inverse tangent.
func (x Expr) Atan() Expr { return x.with(Unary{Atan}) }

// Sinh is the hyperbolic sine.
func (x Expr) Sinh() Expr { return x.with(Unary{Sinh}) }

// Cosh is the hyperbolic cosine.
func (x Expr) Cosh() Expr { return x.with(Unary{Cosh}) }

// Asinh is the inverse hyperbolic sine.
func (x Expr) Asinh() Expr { return x.with(Unary{Asinh}) }

// Acosh is the inverse hyperbolic cosine.
func (x Expr) Acosh() Expr { return x.with(Unary{Acosh}) }

// Atanh is the inverse hyperbolic tangent.
func (x Expr) Atanh() Expr { return x.with(Unary{Atanh}) }

// Floor is the largest integer that is at most x.
func (x Expr) Floor() Expr { return x.with(Unary{Floor}) }

// Ceil is the smallest integer that is at least x.
func (x Expr) Ceil() Expr { return x.with(Unary{Ceil}) }

// Round is the nearest integer, the even one of two.
func (x Expr) Round() Expr { return x.with(Unary{Round}) }

// Trunc is the integer part.
func (x Expr) Trunc() Expr { return x.with(Unary{Trunc}) }

// IsNaN is 1 for NaN, else 0.
func (x Expr) IsNaN() Expr { return x.with(Unary{IsNaN}) }

// IsInf is 1 for infinities, else 0.
func (x Expr) IsInf() Expr { return x.with(Unary{IsInf}) }
