package model

import (
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Elementwise operators are functions of numbers, with the broadcasting of ONNX where there are several.
var elementwise = map[string]operator{
	"Abs":        takes(1, 1, unary(ops.Expr.Abs)),
	"Exp":        takes(1, 1, unary(ops.Expr.Exp)),
	"Log":        takes(1, 1, unary(ops.Expr.Log)),
	"Relu":       takes(1, 1, unary(ops.Expr.Relu)),
	"Sigmoid":    takes(1, 1, unary(ops.Expr.Sigmoid)),
	"Sign":       takes(1, 1, unary(ops.Expr.Sign)).constant(),
	"Sqrt":       takes(1, 1, unary(ops.Expr.Sqrt)),
	"Tanh":       takes(1, 1, unary(ops.Expr.Tanh)),
	"Sin":        takes(1, 1, unary(ops.Expr.Sin)),
	"Cos":        takes(1, 1, unary(ops.Expr.Cos)),
	"Tan":        takes(1, 1, unary(ops.Expr.Tan)),
	"Asin":       takes(1, 1, unary(ops.Expr.Asin)),
	"Acos":       takes(1, 1, unary(ops.Expr.Acos)),
	"Atan":       takes(1, 1, unary(ops.Expr.Atan)),
	"Sinh":       takes(1, 1, unary(ops.Expr.Sinh)),
	"Cosh":       takes(1, 1, unary(ops.Expr.Cosh)),
	"Asinh":      takes(1, 1, unary(ops.Expr.Asinh)),
	"Acosh":      takes(1, 1, unary(ops.Expr.Acosh)),
	"Atanh":      takes(1, 1, unary(ops.Expr.Atanh)),
	"Erf":        takes(1, 1, unary(ops.Expr.Erf)),
	"Floor":      takes(1, 1, unary(ops.Expr.Floor)).constant(),
	"Ceil":       takes(1, 1, unary(ops.Expr.Ceil)).constant(),
	"Round":      takes(1, 1, unary(ops.Expr.Round)).constant(),
	"Neg":        takes(1, 1, unary(ops.Expr.Neg)),
	"Reciprocal": takes(1, 1, unary(reciprocal)),
	"Add":        takes(2, 2, commutative(ops.Expr.Add, ops.Expr.Shift)),
	"Sub":        takes(2, 2, sub),
	"Mul":        takes(2, 2, commutative(ops.Expr.Mul, ops.Expr.Scale)),
	"Div":        takes(2, 2, div),
	"Pow":        takes(2, 2, pow),
	"Mod":        takes(2, 2, mod),
	"BitShift":   takes(2, 2, bitShift).constant(),
	"Max":        takes(1, many, variadic(ops.Expr.Max)),
	"Min":        takes(1, many, variadic(ops.Expr.Min)),
	"Sum":        takes(1, many, variadic(ops.Expr.Add)),
	"Mean":       takes(1, many, mean),
	"Identity":   takes(1, 1, unary(func(x ops.Expr) ops.Expr { return x })),
}

func unary(f func(ops.Expr) ops.Expr) importer {
	return func(c *call) ops.Expr { return f(c.expr(0)) }
}

func reciprocal(x ops.Expr) ops.Expr { return x.Fill(1).Div(x) }

// operands returns the two inputs of an operator that broadcasts. Before opset 7 only the second was repeated, if broadcast said
// so: its axes are those of the first from axis on, or the last ones.
func (c *call) operands() (a, b ops.Expr) {
	a, b = c.expr(0), c.expr(1)
	if c.opset >= 7 {
		return a, b
	}
	last := a.Rank() - b.Rank()
	broadcast, axis := c.attrBool("broadcast"), c.attrInt("axis", last)
	if c.err == nil && !broadcast && !slices.Equal(a.Shape(), b.Shape()) {
		c.fail("shapes %v and %v differ, and attribute broadcast is not set", a.Shape(), b.Shape())
	}
	if c.err == nil && broadcast && (axis < 0 || axis > last) {
		c.fail("a tensor of shape %v has no axes of shape %v from axis %d on", a.Shape(), b.Shape(), axis)
	}
	if c.err != nil {
		return ops.Expr{}, ops.Expr{}
	}
	return a, b.Reshape(append(slices.Clone(b.Shape()), slices.Repeat([]int{1}, last-axis)...)...)
}

// commutative combines two operands, one of which may be a number.
func commutative(combine func(a ops.Expr, b ops.Operand) ops.Expr, withNumber func(x ops.Expr, v float64) ops.Expr) importer {
	return func(c *call) ops.Expr {
		a, b := c.operands()
		if v, is := number(b, a); is {
			return withNumber(a, v)
		}
		if v, is := number(a, b); is {
			return withNumber(b, v)
		}
		return combine(a, b)
	}
}

func sub(c *call) ops.Expr {
	a, b := c.operands()
	if v, is := number(b, a); is {
		return a.Shift(-v)
	}
	if v, is := number(a, b); is {
		return b.Neg().Shift(v)
	}
	return a.Sub(b)
}

// div rounds the quotient of integers toward zero.
func div(c *call) ops.Expr {
	a, b := c.operands()
	if !c.value(0).isInteger() {
		return a.Div(b)
	}
	if divisors, known := b.Known(); known && slices.Contains(divisors, 0) {
		c.fail("integers are divided by zero")
	}
	return a.Div(b).Trunc()
}

// number returns what x holds if it is a single finite number that broadcasts to an expression with a node, whose shape stays as
// it is. Arithmetic with it needs no input for it.
func number(x, other ops.Expr) (v float64, is bool) {
	data, known := x.Known()
	if !known || len(data) != 1 || other.Node() == nil || x.Rank() > other.Rank() {
		return 0, false
	}
	return data[0], !math.IsInf(data[0], 0) && !math.IsNaN(data[0])
}

// powers are the exponents that are written with other operators.
var powers = map[float64]func(x ops.Expr) ops.Expr{
	-1:   reciprocal,
	-0.5: func(x ops.Expr) ops.Expr { return reciprocal(x.Sqrt()) },
	0.5:  ops.Expr.Sqrt,
	1:    func(x ops.Expr) ops.Expr { return x },
	2:    ops.Expr.Square,
	3:    func(x ops.Expr) ops.Expr { return x.Mul(x.Square()) },
}

// pow may have an exponent of another type than the base, which decides the result's: that of integers is rounded toward zero.
func pow(c *call) ops.Expr {
	x, exponent := c.operands()
	power := x.Pow
	if v, is := number(exponent, x); is && powers[v] != nil {
		power = func(ops.Operand) ops.Expr { return powers[v](x) }
	}
	if c.value(0).isInteger() {
		return power(exponent).Trunc()
	}
	return power(exponent)
}

// mod has the sign of the divisor, or with fmod = 1 of the dividend.
func mod(c *call) ops.Expr {
	if c.attrBool("fmod") {
		return c.expr(0).Fmod(c.expr(1))
	}
	return c.expr(0).Mod(c.expr(1))
}

// variadic combines any number of inputs, which broadcast.
func variadic(f func(a ops.Expr, b ops.Operand) ops.Expr) importer {
	return func(c *call) ops.Expr {
		inputs := c.exprs()
		result := inputs[0]
		for _, x := range inputs[1:] {
			result = f(result, x)
		}
		return result
	}
}

func mean(c *call) ops.Expr {
	return variadic(ops.Expr.Add)(c).Scale(1 / float64(len(c.node.Inputs)))
}

// truth makes the outputs truth values.
func truth(f importer) importer {
	return func(c *call) ops.Expr {
		c.dtype = onnx.Bool
		return f(c)
	}
}
