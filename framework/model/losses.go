package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Losses that a graph computes itself. The weights of the classes are given, not trained.
var losses = map[string]operator{
	"NegativeLogLikelihoodLoss": takes(2, 3, negativeLogLikelihood).settings(1, 2),
	"SoftmaxCrossEntropyLoss":   takes(2, 3, softmaxCrossEntropy).settings(1, 2),
}

// negativeLogLikelihood is the loss of logarithms of probabilities (opset 12), whose axis 1 counts the classes.
func negativeLogLikelihood(c *call) ops.Expr { return c.likelihoodLoss(c.expr(0)) }

// softmaxCrossEntropy is the same of scores (opset 12). The second output is the logarithms of their probabilities.
func softmaxCrossEntropy(c *call) ops.Expr {
	scores := c.expr(0)
	if c.err == nil && scores.Rank() < 2 {
		c.fail("scores of shape %v have no axis of classes", scores.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	logarithms := scores.LogSoftmax(1)
	c.also(1, logarithms, onnx.Undefined)
	return c.likelihoodLoss(logarithms)
}

// likelihoodLoss picks the logarithms of the targets, the second input, and weighs them by class. What has the target ignore_index
// counts nothing, also in the mean, which is one over the weights.
func (c *call) likelihoodLoss(logarithms ops.Expr) ops.Expr {
	targets, reduction := c.expr(1), c.attrString("reduction", "mean")
	shape, at := logarithms.Shape(), targets.Shape()
	if c.err == nil && (len(shape) < 2 || !slices.Equal([]int(at), slices.Concat(shape[:1], shape[2:]))) {
		c.fail("targets of shape %v for %v", at, shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	present := targets.Fill(1)
	if c.node.Attr("ignore_index") != nil {
		present = targets.Equal(ops.Scalar(float64(c.attrInt("ignore_index", 0)))).OneMinus()
		targets = present.Where(targets, ops.Scalar(0))
	}
	weights := present
	if c.has(2) {
		of := c.expr(2)
		if !slices.Equal([]int(of.Shape()), []int{shape[1]}) {
			c.fail("weights of shape %v for %d classes", of.Shape(), shape[1])
			return ops.Expr{}
		}
		weights = present.Mul(ops.Apply(ops.Gather{}, of, targets.Reshape(product(at))).Reshape(at...))
	}
	picked := ops.Apply(ops.GatherElements{Axis: 1}, logarithms, targets.Reshape(slices.Insert(slices.Clone(at), 1, 1)...))
	loss := weights.Mul(picked.Reshape(at...)).Neg()
	switch reduction {
	case "none":
		return loss
	case "sum":
		return loss.Sum(false)
	case "mean":
		return loss.Sum(false).Div(weights.Sum(false))
	}
	c.fail("attribute reduction = %q is not known", reduction)
	return ops.Expr{}
}
