package model

import (
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// activations returns the functions of every direction, with the parameters that those take.
func (c *call) activations(k cell, directions int) []func(ops.Expr) ops.Expr {
	names := slices.Repeat(k.byDefault, directions)
	if a := c.attribute("activations", onnx.AttributeStrings); a != nil {
		names = nil
		for _, name := range a.Strings {
			names = append(names, string(name))
		}
	}
	if len(names) != directions*len(k.byDefault) {
		c.fail("%d activations, want %d for each of %d directions", len(names), len(k.byDefault), directions)
		return nil
	}
	alphas, betas := parameters(c.attrFloats("activation_alpha")), parameters(c.attrFloats("activation_beta"))
	functions := make([]func(ops.Expr) ops.Expr, len(names))
	for i, name := range names {
		if functions[i] = activationNamed(name, &alphas, &betas); functions[i] == nil {
			c.fail("activation %q is not known", name)
		}
	}
	return functions
}

// parameters are those of a list of activations, which take them one after the other.
type parameters []float64

// next takes a parameter, or the default if none is left.
func (p *parameters) next(byDefault float64) float64 {
	if len(*p) == 0 {
		return byDefault
	}
	v := (*p)[0]
	*p = (*p)[1:]
	return v
}

// activationNamed returns an activation with the parameters that it takes, whose defaults are those of the operators of that name;
// nil if there is none. Names do not distinguish letters by case.
func activationNamed(name string, alphas, betas *parameters) func(x ops.Expr) ops.Expr {
	with := func(f func(x ops.Expr, alpha float64) ops.Expr, byDefault float64) func(x ops.Expr) ops.Expr {
		alpha := alphas.next(byDefault)
		return func(x ops.Expr) ops.Expr { return f(x, alpha) }
	}
	switch strings.ToLower(name) {
	case "relu":
		return ops.Expr.Relu
	case "tanh":
		return ops.Expr.Tanh
	case "sigmoid":
		return ops.Expr.Sigmoid
	case "softplus":
		return ops.Expr.Softplus
	case "softsign":
		return softsign
	case "leakyrelu":
		return with(leakyRelu, 0.01)
	case "thresholdedrelu":
		return with(thresholdedRelu, 1)
	case "elu":
		return with(elu, 1)
	case "affine":
		alpha, beta := alphas.next(1), betas.next(0)
		return func(x ops.Expr) ops.Expr { return x.Scale(alpha).Shift(beta) }
	case "scaledtanh":
		alpha, beta := alphas.next(1), betas.next(1)
		return func(x ops.Expr) ops.Expr { return x.Scale(beta).Tanh().Scale(alpha) }
	case "hardsigmoid":
		alpha, beta := alphas.next(0.2), betas.next(0.5)
		return func(x ops.Expr) ops.Expr { return x.Scale(alpha).Shift(beta).Clamp(0, 1) }
	}
	return nil
}
