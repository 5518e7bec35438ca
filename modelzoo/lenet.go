package modelzoo

// lenets is the network of LeCun et al. (Gradient-based learning applied to document recognition, 1998) as it is taught: tanh, mean
// pooling, a third stage that sees all maps of the second, logits.
var lenets = []Entry{{"lenet5", grey.describe("LeNet-5"), func(b *builder) {
	b.input(grey.channels, grey.size, grey.size)
	b.conv("conv1", 6, window{5, 1, 2}, torchDefault)
	b.tanh()
	b.averagePool(halving)
	b.conv("conv2", 16, window{5, 1, 0}, torchDefault)
	b.tanh()
	b.averagePool(halving)
	b.flatten(16 * 5 * 5)
	b.linear("fc1", 120, torchDefault)
	b.tanh()
	b.linear("fc2", 84, torchDefault)
	b.tanh()
	b.linear("fc3", grey.classes, torchDefault)
	b.output("logits")
}}}
