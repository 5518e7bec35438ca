package modelzoo

var convnets = []Entry{
	{"convnet-digits", "ConvNet of 8 and 16 channels: [batch, 1, 8, 8] to logits [batch, 10]", convnet(8, 8, 16)},
	{"convnet", "ConvNet of 16, 32 and 64 channels: [batch, 1, 28, 28] to logits [batch, 10]", convnet(28, 16, 32, 64)},
}

// convnet is a classifier of gray images of size × size pixels: 3x3
// convolutions with ReLU, a halving of the image between two of them, and a
// linear layer on the mean over the image.
func convnet(size int64, channels ...int64) func(*builder) {
	return func(b *builder) {
		b.input(1, size, size)
		for i, width := range channels {
			if i > 0 {
				b.maxPool(halving)
			}
			b.conv(b.numbered("conv"), width, sameSize, heNormal)
			b.relu()
		}
		b.globalAveragePool()
		b.flatten(b.width)
		b.linear(b.numbered("fc"), classes, heNormal)
		b.output("logits")
	}
}
