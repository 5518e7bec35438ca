package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Linear operators are products of tensors.
var linear = map[string]operator{
	"Gemm":   takes(2, 3, gemm),
	"MatMul": takes(2, 2, matMul),
	"Einsum": takes(1, many, einsum),
}

// gemm is alpha·A'·B' + beta·C, where C is optional from opset 11.
func gemm(c *call) ops.Expr {
	a, b := c.expr(0), c.expr(1)
	alpha, beta := c.attrFloat("alpha", 1), c.attrFloat("beta", 1)
	if c.opset < 7 {
		c.attrBool("broadcast") // of C, which may always
	}
	matMul := ops.MatMul{TransA: c.attrBool("transA"), TransB: c.attrBool("transB")}
	if c.err == nil && (a.Rank() != 2 || b.Rank() != 2) {
		c.fail("inputs of shapes %v and %v: Gemm multiplies matrices", a.Shape(), b.Shape())
	}
	y := ops.Apply(matMul, a, b)
	if alpha != 1 {
		y = y.Scale(alpha)
	}
	if c.has(2) {
		bias := c.expr(2)
		if beta != 1 {
			bias = bias.Scale(beta)
		}
		y = c.shapedAs(y, y.Add(bias), "C", bias)
	}
	return y
}

// shapedAs returns y, which combines x with an operand that may be repeated, but must not make x be.
func (c *call) shapedAs(x, y ops.Expr, name string, operand ops.Expr) ops.Expr {
	if c.err == nil && y.Err() == nil && !slices.Equal(y.Shape(), x.Shape()) {
		c.fail("%s of shape %v does not broadcast to %v", name, operand.Shape(), x.Shape())
	}
	return y
}

// matMul follows numpy.matmul: an operand with one axis is a row on the left and a column on the right, and its axis vanishes.
func matMul(c *call) ops.Expr {
	a, b := c.expr(0), c.expr(1)
	row, column := a.Rank() == 1, b.Rank() == 1
	if row {
		a = a.Reshape(1, a.Shape()[0])
	}
	if column {
		b = b.Reshape(b.Shape()[0], 1)
	}
	y := a.MatMul(b)
	shape := y.Shape()
	if column && y.Err() == nil {
		shape = shape[:len(shape)-1]
	}
	if row && y.Err() == nil {
		last := len(shape) - 1
		if column {
			shape = shape[:last]
		} else {
			shape = append(shape[:last-1], shape[last])
		}
	}
	return y.Reshape(shape...)
}
