package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Normalizations bring elements to a common scale, by statistics of their neighbours or of the batch; Dropout regularizes like them.
var normalization = map[string]operator{
	"Softmax":                   takes(1, 1, softmax(ops.Expr.Softmax)),
	"LogSoftmax":                takes(1, 1, softmax(ops.Expr.LogSoftmax)),
	"BatchNormalization":        takes(5, 5, batchNormalization).running(3, 4),
	"InstanceNormalization":     takes(3, 3, instanceNormalization),
	"LayerNormalization":        takes(2, 3, layerNormalization),
	"GroupNormalization":        takes(3, 3, groupNormalization),
	"MeanVarianceNormalization": takes(1, 1, meanVarianceNormalization),
	"LpNormalization":           takes(1, 1, lpNormalization),
	"LRN":                       takes(1, 1, localResponseNormalization),
	"Dropout":                   takes(1, 3, dropout).settings(1, 2),
}

// softmax works along one axis from opset 13. Before, all axes from the given one on were one.
func softmax(f func(ops.Expr, int) ops.Expr) importer {
	return func(c *call) ops.Expr {
		x := c.expr(0)
		if c.opset >= 13 {
			return f(x, c.axis(c.attrInt("axis", -1), x.Rank()))
		}
		axis := c.axis(c.attrInt("axis", 1), x.Rank())
		if c.err != nil {
			return ops.Expr{}
		}
		shape := x.Shape()
		flat := x.Reshape(shape[:axis].TotalSize(), shape[axis:].TotalSize())
		return f(flat, 1).Reshape(shape...)
	}
}

// batchNormalization normalizes every channel over the batch and the spatial axes (Ioffe and Szegedy, arXiv:1502.03167). In
// training the statistics are the batch's, and each running one becomes momentum · running + (1 − momentum) · batch's, with the
// biased variance, as ONNX has it. Training is marked by training_mode and three outputs from opset 14, by five outputs before, and
// before opset 7 by the absence of is_test.
func batchNormalization(c *call) ops.Expr {
	x, mean, variance := c.expr(0), c.expr(3), c.expr(4)
	epsilon, momentum := c.attrFloat("epsilon", 1e-5), c.attrFloat("momentum", 0.9)
	exported := len(c.node.Outputs) > 1 && c.opset < 14
	switch {
	case c.opset >= 14:
		exported = c.attrBool("training_mode")
	case c.opset < 7:
		exported = !c.attrBool("is_test")
	}
	if c.opset < 9 && c.attrInt("spatial", 1) == 0 {
		c.fail("attribute spatial = 0 is not supported")
	}
	if c.err == nil && x.Rank() < 2 {
		c.fail("an input of shape %v has no channels", x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	channels := channelShape(x)
	scale, bias := c.forEach(1, "scale", "channels", channels...), c.forEach(2, "bias", "channels", channels...)
	c.counts(3, "mean", "channels", x.Shape()[1])
	c.counts(4, "variance", "channels", x.Shape()[1])
	if c.err != nil {
		return ops.Expr{}
	}
	if c.usesBatchStatistics(exported) {
		others := slices.Delete(counted(x.Rank()), 1, 2)
		running := func(old, batch ops.Expr) ops.Expr {
			return old.Scale(momentum).Add(batch.Reshape(old.Shape()...).Scale(1 - momentum))
		}
		batchMean := x.Mean(true, others...)
		batchVariance := x.Sub(batchMean).Square().Mean(true, others...)
		newMean, newVariance := running(mean, batchMean), running(variance, batchVariance)
		c.update(3, newMean)
		c.update(4, newVariance)
		c.also(1, newMean, onnx.Float)
		c.also(2, newVariance, onnx.Float)
		mean, variance = batchMean, batchVariance
	} else {
		c.also(1, mean, onnx.Float)
		c.also(2, variance, onnx.Float)
		mean, variance = mean.Reshape(channels...), variance.Reshape(channels...)
	}
	return affine(normalized(x, mean, variance, epsilon), scale, bias)
}

// usesBatchStatistics decides the mode of a normalization that was exported for training or not.
func (c *call) usesBatchStatistics(exported bool) bool {
	switch {
	case !c.training:
		return false
	case c.writer.model.options.BatchNorm == BatchStatistics:
		return true
	case c.writer.model.options.BatchNorm == RunningAverages:
		return false
	}
	return exported
}

// normalized is (x − mean) / √(variance + epsilon).
func normalized(x, mean, variance ops.Expr, epsilon float64) ops.Expr {
	return x.Sub(mean).Div(variance.Shift(epsilon).Sqrt())
}

// standardized has the mean 0 and the variance 1 over the axes.
func standardized(x ops.Expr, epsilon float64, axes ...int) ops.Expr {
	mean := x.Mean(true, axes...)
	return normalized(x, mean, x.Sub(mean).Square().Mean(true, axes...), epsilon)
}

// forEach returns an input that has one number for each group or channel in a shape that broadcasts.
func (c *call) forEach(i int, role, of string, shape ...int) ops.Expr {
	c.counts(i, role, of, product(shape))
	if c.err != nil {
		return ops.Expr{}
	}
	return c.expr(i).Reshape(shape...)
}

// counts refuses an input that has not one number for each of n groups or channels.
func (c *call) counts(i int, role, of string, n int) {
	if size := product(c.expr(i).Shape()); c.err == nil && size != n {
		c.fail("%s (%q) has %d elements; want one for each of the %d %s", role, c.node.Inputs[i], size, n, of)
	}
}

func affine(x, scale, bias ops.Expr) ops.Expr { return x.Mul(scale).Add(bias) }

// instanceNormalization normalizes every channel of every example over its spatial axes (Ulyanov et al., arXiv:1607.08022).
func instanceNormalization(c *call) ops.Expr {
	x, epsilon := c.expr(0), c.attrFloat("epsilon", 1e-5)
	if c.err == nil && x.Rank() < 3 {
		c.fail("an input of shape %v has no spatial axes", x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	channels := channelShape(x)
	return affine(standardized(x, epsilon, axesFrom(2, x)...),
		c.forEach(1, "scale", "channels", channels...), c.forEach(2, "bias", "channels", channels...))
}

// layerNormalization (Ba et al., arXiv:1607.06450, opset 17) has the mean and the inverse standard deviation as further outputs.
func layerNormalization(c *call) ops.Expr {
	x, epsilon := c.expr(0), c.attrFloat("epsilon", 1e-5)
	c.attrInt("stash_type", 1)
	axis := c.axis(c.attrInt("axis", -1), x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	axes := axesFrom(axis, x)
	mean := x.Mean(true, axes...)
	variance := x.Sub(mean).Square().Mean(true, axes...)
	c.also(1, mean, onnx.Float)
	c.also(2, reciprocal(variance.Shift(epsilon).Sqrt()), onnx.Float)
	y := normalized(x, mean, variance, epsilon)
	y = c.shapedAs(x, y.Mul(c.expr(1)), "a scale", c.expr(1))
	if c.has(2) {
		y = c.shapedAs(x, y.Add(c.expr(2)), "a bias", c.expr(2))
	}
	return y
}

// groupNormalization (Wu and He, arXiv:1803.08494) of opset 18 has a scale and a bias for each group, from opset 21 for each channel.
func groupNormalization(c *call) ops.Expr {
	x, epsilon, groups := c.expr(0), c.attrFloat("epsilon", 1e-5), c.attrInt("num_groups", 0)
	c.attrInt("stash_type", 1)
	if c.err == nil && (x.Rank() < 2 || groups < 1 || x.Shape()[1]%groups != 0) {
		c.fail("%d groups for an input of shape %v", groups, x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	grouped := x.Reshape(shape[0], groups, product(shape[1:])/groups)
	y := standardized(grouped, epsilon, 2)
	if c.opset < 21 {
		const hint = "groups (from opset 21 one for each channel)"
		return affine(y, c.forEach(1, "scale", hint, 1, groups, 1), c.forEach(2, "bias", hint, 1, groups, 1)).Reshape(shape...)
	}
	const hint = "channels (before opset 21 one for each group)"
	channels := channelShape(x)
	return affine(y.Reshape(shape...), c.forEach(1, "scale", hint, channels...), c.forEach(2, "bias", hint, channels...))
}

// meanVarianceNormalization adds 1e-9 to the standard deviation, as its definition in ONNX does.
func meanVarianceNormalization(c *call) ops.Expr {
	x, axes := c.expr(0), c.attrInts("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
	}
	reduced := ascending(c.distinct(axes, x.Rank()))
	if c.err != nil {
		return ops.Expr{}
	}
	centered := x.Sub(x.Mean(true, reduced...))
	return centered.Div(root(centered.Square().Mean(true, reduced...), ops.Expr.Sqrt).Shift(1e-9))
}

// lpNormalization divides by the norm along an axis, of order one or two. Zeros stay zeros, and have the gradient zero.
func lpNormalization(c *call) ops.Expr {
	x, p := c.expr(0), c.attrInt("p", 2)
	axis := c.axis(c.attrInt("axis", -1), x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	var n ops.Expr
	switch p {
	case 1:
		n = x.Abs().Sum(true, axis)
	case 2:
		n = norm(x, true, axis)
	default:
		c.fail("attribute p = %d is not supported (1 and 2 are)", p)
		return ops.Expr{}
	}
	zero := isZero(n)
	return zero.Where(ops.Scalar(0), x.Div(zero.Where(ops.Scalar(1), n)))
}

// localResponseNormalization divides by (bias + alpha/size · Σ x²)^beta, summed over size neighbouring channels (Krizhevsky,
// Sutskever, Hinton, 2012).
func localResponseNormalization(c *call) ops.Expr {
	x, size := c.expr(0), c.attrInt("size", 0)
	alpha, beta, bias := c.attrFloat("alpha", 1e-4), c.attrFloat("beta", 0.75), c.attrFloat("bias", 1)
	if c.err == nil && (x.Rank() < 2 || size < 1) {
		c.fail("size %d for an input of shape %v", size, x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	planes := x.Square().Reshape(shape[0], 1, shape[1], product(shape[2:]))
	window := ops.Window{Strides: []int{1, 1}, Dilations: []int{1, 1}, Pads: []int{(size - 1) / 2, 0, size / 2, 0}}
	sums := planes.PoolSum([]int{size, 1}, window).Reshape(shape...)
	return x.Div(sums.Scale(alpha / float64(size)).Shift(bias).Pow(ops.Scalar(beta)))
}

// dropout zeroes elements with probability ratio and scales the others up (Srivastava et al., 2014), in training, if training_mode
// (from opset 12) says so, or is_test (before opset 7) does not forbid it; between, it is the identity. The second output is true
// where an element was kept.
func dropout(c *call) ops.Expr {
	x, ratio, active := c.expr(0), c.attrFloat("ratio", 0.5), false
	c.attrInt("seed", 0)
	if c.opset < 7 {
		active = !c.attrBool("is_test")
	}
	if c.has(1) {
		ratio = c.scalar(1)
	}
	if c.has(2) {
		active = c.scalar(2) != 0
	}
	if c.err == nil && active && !(ratio >= 0 && ratio < 1) {
		c.fail("a ratio of %v is not at least 0 and below 1", ratio)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	if !active || !c.training || ratio == 0 {
		c.also(1, x.Fill(1), onnx.Bool)
		return x
	}
	kept := c.noise(x.Shape()).Less(ops.Scalar(ratio)).OneMinus()
	c.also(1, kept, onnx.Bool)
	return x.Mul(kept).Scale(1 / (1 - ratio))
}
