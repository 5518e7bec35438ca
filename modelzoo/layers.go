package modelzoo

import "github.com/seed5b471a7e/backstitch/framework/onnx"

// window is how a convolution or a pooling moves over an image, the same in both directions.
type window struct{ kernel, stride, pad int64 }

// attributes leaves out what ONNX's defaults say.
func (w window) attributes() []*onnx.Attribute {
	list := []*onnx.Attribute{onnx.IntsAttr("kernel_shape", w.kernel, w.kernel)}
	if w.stride != 1 {
		list = append(list, onnx.IntsAttr("strides", w.stride, w.stride))
	}
	if w.pad != 0 {
		list = append(list, onnx.IntsAttr("pads", w.pad, w.pad, w.pad, w.pad))
	}
	return list
}

// sameSize is a 3x3 window that keeps the size of the image.
var sameSize = window{3, 1, 1}

// halving is a 2x2 window that halves it.
var halving = window{2, 2, 0}

// conv is a convolution: NAME.weight [out, in, kernel, kernel], NAME.bias [out].
func (b *builder) conv(name string, out int64, w window, first initialization) {
	b.layer(name, "Conv", b.parameters(name, first, out, b.width, w.kernel, w.kernel), w.attributes()...)
	b.width = out
}

// linear is a fully connected layer on [batch, in]: NAME.weight [out, in], NAME.bias [out].
func (b *builder) linear(name string, out int64, first initialization) {
	b.layer(name, "Gemm", b.parameters(name, first, out, b.width), onnx.IntAttr("transB", 1))
	b.width = out
}

// parameters notes the weight of a layer, of a shape that begins with its outputs and inputs, and its bias if it has one.
func (b *builder) parameters(name string, first initialization, shape ...int64) []string {
	weight, bias := first(fans(shape))
	names := []string{b.initializer(name+".weight", weight, shape...)}
	if bias != nil {
		names = append(names, b.initializer(name+".bias", bias, shape[0]))
	}
	return names
}

// batchNorm normalizes with the batch's mean and variance, and moves the running statistics, NAME.running_mean and
// NAME.running_var, a tenth of the way to them: ONNX's momentum is the part that stays, one minus PyTorch's.
// ONNX's running variance follows the batch's with divisor n, PyTorch's with n − 1.
func (b *builder) batchNorm(name string) {
	b.layer(name, "BatchNormalization", []string{
		b.initializer(name+".weight", constant(1), b.width),
		b.initializer(name+".bias", constant(0), b.width),
		b.initializer(name+".running_mean", constant(0), b.width),
		b.initializer(name+".running_var", constant(1), b.width),
	}, onnx.FloatAttr("epsilon", 1e-5), onnx.FloatAttr("momentum", 0.9), onnx.IntAttr("training_mode", 1))
	b.side(name + ".running_mean_out")
	b.side(name + ".running_var_out")
}

// dropout is on, as in a model exported for training, which ONNX says by an input of type BOOL.
func (b *builder) dropout(ratio float32) {
	training := b.node(b.numbered("training"), "Cast", []string{b.integer(1)}, onnx.IntAttr("to", int64(onnx.Bool)))
	b.layer(b.numbered("dropout"), "Dropout", []string{b.number(ratio), training})
}

func (b *builder) relu() { b.layer(b.numbered("relu"), "Relu", nil) }

func (b *builder) tanh() { b.layer(b.numbered("tanh"), "Tanh", nil) }

func (b *builder) maxPool(w window) { b.layer(b.numbered("pool"), "MaxPool", nil, w.attributes()...) }

func (b *builder) averagePool(w window) {
	b.layer(b.numbered("pool"), "AveragePool", nil, w.attributes()...)
}

func (b *builder) globalAveragePool() { b.layer(b.numbered("avgpool"), "GlobalAveragePool", nil) }

// flatten turns [batch, …] into [batch, width].
func (b *builder) flatten(width int64) {
	b.layer(b.numbered("flatten"), "Flatten", nil, onnx.IntAttr("axis", 1))
	b.width = width
}

// add is the sum of the last layer's output and an earlier one.
func (b *builder) add(name, earlier string) { b.layer(name, "Add", []string{earlier}) }

// reshape keeps dimensions that are 0 and computes the one that is -1.
func (b *builder) reshape(shape ...int64) {
	b.layer(b.numbered("reshape"), "Reshape", []string{b.integers(shape...)})
}

func (b *builder) transpose(axes ...int64) {
	b.layer(b.numbered("transpose"), "Transpose", nil, onnx.IntsAttr("perm", axes...))
}

func (b *builder) squeeze(axis int64) {
	b.layer(b.numbered("squeeze"), "Squeeze", []string{b.integers(axis)})
}

// pick is a slice of the last layer's output: that at one index of an axis, which goes away.
func (b *builder) pick(axis, index int64) {
	b.layer(b.numbered("gather"), "Gather", []string{b.integer(index)}, onnx.IntAttr("axis", axis))
}
