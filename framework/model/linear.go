package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

var linear = map[string]operator{
	"Gemm":   takes(2, 3, gemm),
	"MatMul": takes(2, 2, matMul),
}

// gemm is alpha·A'·B' + beta·C, where C is optional from opset 11.
func gemm(c *call) ops.Expr {
	a, b := c.expr(0), c.expr(1)
	alpha, beta := c.attrFloat("alpha", 1), c.attrFloat("beta", 1)
	if c.opset < 7 {
		c.attrBool("broadcast") // of C, which may always
	}
	product := ops.MatMul{TransA: c.attrBool("transA"), TransB: c.attrBool("transB")}
	if c.err == nil && (a.Rank() != 2 || b.Rank() != 2) {
		c.fail("inputs of shapes %v and %v: Gemm multiplies matrices", a.Shape(), b.Shape())
	}
	y := ops.Apply(product, a, b)
	if alpha != 1 {
		y = y.Scale(alpha)
	}
	if c.has(2) {
		bias := c.expr(2)
		if beta != 1 {
			bias = bias.Scale(beta)
		}
		sum := y.Add(bias)
		if sum.Err() == nil && !slices.Equal(sum.Shape(), y.Shape()) {
			c.fail("C of shape %v does not broadcast to %v", bias.Shape(), y.Shape())
		}
		y = sum
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
