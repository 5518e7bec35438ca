package modelzoo

var mlps = []Entry{
	{"mlp-5x500", "MLP 784-500x5-10 with ReLU: [batch, 1, 28, 28] to logits [batch, 10]", classifier(28, 500, 500, 500, 500, 500)},
	{"mlp-2x128", "MLP 784-128x2-10 with ReLU: [batch, 1, 28, 28] to logits [batch, 10]", classifier(28, 128, 128)},
	{"mlp-2x128-tanh", "MLP 784-128x2-10 with tanh, which is smooth: [batch, 1, 28, 28] to logits [batch, 10]", smoothClassifier(28, 128, 128)},
	{"mlp-digits", "MLP 64-32x2-10 with ReLU: [batch, 1, 8, 8] to logits [batch, 10]", classifier(8, 32, 32)},
	{"softmax-regression", "one linear layer 784-10: [batch, 1, 28, 28] to logits [batch, 10]", classifier(28)},
	{"mlp-3x300", "MLP 1-300x3-1 with ReLU, for regression: [batch, 1] to output [batch, 1]", regression(300, 300, 300)},
}

// classes is the number of classes that the classifiers tell apart.
const classes = 10

// classifier is an MLP with ReLU on gray images of size × size pixels.
func classifier(size int64, hidden ...int64) func(*builder) {
	return imageMLP(size, hidden, (*builder).relu)
}

// smoothClassifier is one with tanh.
func smoothClassifier(size int64, hidden ...int64) func(*builder) {
	return imageMLP(size, hidden, (*builder).tanh)
}

func imageMLP(size int64, hidden []int64, activation func(*builder)) func(*builder) {
	return func(b *builder) {
		b.input(1, size, size)
		b.flatten(size * size)
		b.hidden(hidden, activation)
		b.linear(b.numbered("fc"), classes, heNormal)
		b.output("logits")
	}
}

// regression is an MLP from one number to one number.
func regression(hidden ...int64) func(*builder) {
	return func(b *builder) {
		b.input(1)
		b.hidden(hidden, (*builder).relu)
		b.linear(b.numbered("fc"), 1, heNormal)
		b.output("output")
	}
}

// hidden appends layers of the given widths, each with an activation.
func (b *builder) hidden(widths []int64, activation func(*builder)) {
	for _, width := range widths {
		b.linear(b.numbered("fc"), width, heNormal)
		activation(b)
	}
}
