package model

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

var elementwise = map[string]operator{
	"Abs":        {1, 1, unary(ops.Abs)},
	"Exp":        {1, 1, unary(ops.Exp)},
	"Log":        {1, 1, unary(ops.Log)},
	"Relu":       {1, 1, unary(ops.Relu)},
	"Sigmoid":    {1, 1, unary(ops.Sigmoid)},
	"Sign":       {1, 1, unary(ops.Sign)},
	"Sqrt":       {1, 1, unary(ops.Sqrt)},
	"Tanh":       {1, 1, unary(ops.Tanh)},
	"Neg":        {1, 1, func(c *call) value { return value{expr: c.expr(0).Neg()} }},
	"Reciprocal": {1, 1, func(c *call) value { return value{expr: reciprocal(c.expr(0))} }},
	"Add":        {2, 2, binary(ops.Add, func(a, b float64) float64 { return a + b })},
	"Sub":        {2, 2, binary(ops.Sub, func(a, b float64) float64 { return a - b })},
	"Mul":        {2, 2, binary(ops.Mul, func(a, b float64) float64 { return a * b })},
	"Div":        {2, 2, binary(ops.Div, func(a, b float64) float64 { return a / b })},
	"Pow":        {2, 2, pow},
	"Identity":   {1, 1, func(c *call) value { return c.value(0) }},
	"Dropout":    {1, 3, dropout},
}

func unary(f ops.Function) importer {
	return func(c *call) value { return value{expr: ops.Apply(ops.Unary{Func: f}, c.expr(0))} }
}

func binary(f ops.Arithmetic, ofLiterals func(a, b float64) float64) importer {
	return func(c *call) value {
		if v, ok := c.fold(ofLiterals); ok {
			return v
		}
		return value{expr: ops.Apply(ops.Binary{Func: f}, c.expr(0), c.expr(1))}
	}
}

func reciprocal(x ops.Expr) ops.Expr { return x.Fill(1).Div(x) }

// powers are the exponents that are written with other operators.
var powers = map[float64]func(x ops.Expr) ops.Expr{
	-1:   reciprocal,
	-0.5: func(x ops.Expr) ops.Expr { return reciprocal(x.Sqrt()) },
	0.5:  ops.Expr.Sqrt,
	1:    func(x ops.Expr) ops.Expr { return x },
	2:    ops.Expr.Square,
	3:    func(x ops.Expr) ops.Expr { return x.Mul(x.Square()) },
}

// pow raises to a constant exponent; it may be of another type than the base.
func pow(c *call) value {
	if v, ok := c.fold(math.Pow); ok {
		return v
	}
	x, exponent := c.expr(0), c.literal(1)
	if c.err != nil {
		return value{}
	}
	if len(exponent.data) != 1 || len(exponent.shape) > x.Rank() {
		c.fail("exponents of shape %v are not supported; a single constant is", exponent.shape)
		return value{}
	}
	power, known := powers[exponent.data[0]]
	if !known {
		c.fail("the exponent %v is not supported (-1, -0.5, 0.5, 1, 2 and 3 are)", exponent.data[0])
		return value{}
	}
	return value{expr: power(x)}
}

// dropout is the identity, except, from opset 12, in training mode.
func dropout(c *call) value {
	x := c.value(0)
	ratio, training := c.attrFloat("ratio", 0.5), false
	c.attrInt("seed", 0)
	if c.has(1) {
		ratio = c.scalar(1)
	}
	if c.has(2) {
		training = c.scalar(2) != 0
	}
	if c.err == nil && training && ratio != 0 {
		c.fail("training_mode with ratio %v is not supported: export the model in evaluation mode", ratio)
	}
	return x
}

// scalar returns the element of a constant that has just one.
func (c *call) scalar(i int) float64 {
	l := c.literal(i)
	if c.err == nil && len(l.data) != 1 {
		c.fail("input %d (%q) has the shape %v, want a scalar", i, c.node.Inputs[i], l.shape)
	}
	if c.err != nil {
		return 0
	}
	return l.data[0]
}
