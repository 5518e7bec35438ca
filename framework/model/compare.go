package model

import "github.com/seed5b471a7e/backstitch/framework/ops"

// Comparisons and truth values are zeros and ones, through which nothing is trained.
var comparison = map[string]operator{
	"Equal":          takes(2, 2, truth(pair(ops.Expr.Equal))).constant(),
	"Less":           takes(2, 2, truth(pair(ops.Expr.Less))).constant(),
	"Greater":        takes(2, 2, truth(pair(greater))).constant(),
	"LessOrEqual":    takes(2, 2, truth(pair(lessOrEqual))).constant(),
	"GreaterOrEqual": takes(2, 2, truth(pair(greaterOrEqual))).constant(),
	"And":            takes(2, 2, truth(pair(ops.Expr.Mul))).constant(),
	"Or":             takes(2, 2, truth(pair(ops.Expr.Max))).constant(),
	"Xor":            takes(2, 2, truth(pair(differ))).constant(),
	"Not":            takes(1, 1, truth(unary(ops.Expr.OneMinus))).constant(),
	"IsNaN":          takes(1, 1, truth(unary(ops.Expr.IsNaN))).constant(),
	"IsInf":          takes(1, 1, truth(isInf)).constant(),
	"Where":          takes(3, 3, where).settings(0),
}

func pair(f func(a ops.Expr, b ops.Operand) ops.Expr) importer {
	return func(c *call) ops.Expr {
		a, b := c.operands()
		return f(a, b)
	}
}

func greater(a ops.Expr, b ops.Operand) ops.Expr { return b.Expr().Less(a) }

// lessOrEqual is false for NaN, which is neither.
func lessOrEqual(a ops.Expr, b ops.Operand) ops.Expr { return a.Less(b).Max(a.Equal(b)) }

func greaterOrEqual(a ops.Expr, b ops.Operand) ops.Expr { return lessOrEqual(b.Expr(), a) }

func differ(a ops.Expr, b ops.Operand) ops.Expr { return a.Equal(b).OneMinus() }

func isInf(c *call) ops.Expr {
	x := c.expr(0)
	infinite := x.IsInf()
	if c.attrInt("detect_negative", 1) == 0 {
		infinite = infinite.Mul(ops.Scalar(0).Less(x))
	}
	if c.attrInt("detect_positive", 1) == 0 {
		infinite = infinite.Mul(x.Less(ops.Scalar(0)))
	}
	return infinite
}

func where(c *call) ops.Expr {
	c.dtype = c.value(1).dtype
	return c.expr(0).Where(c.expr(1), c.expr(2))
}
