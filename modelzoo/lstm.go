package modelzoo

import "github.com/seed5b471a7e/backstitch/framework/onnx"

// lstms read an image row by row, from the top, and tell its class from what they remember after the last row.
var lstms = []Entry{{"lstm-classifier", grey.describe("LSTM of 64 units that reads rows"), func(b *builder) {
	b.input(grey.channels, grey.size, grey.size)
	b.squeeze(1)
	b.transpose(1, 0, 2)
	b.width = grey.size
	b.lstm("lstm", 64)
	b.squeeze(0)
	b.linear("fc", grey.classes, torchDefault)
	b.output("logits")
}}}

// lstm turns [step, batch, width] into the last hidden state, [1, batch, hidden]. Its parameters have the names and shapes of
// torch.nn.LSTM, and the order of its gates: input, forget, cell, output. ONNX wants input, output, forget, cell, with an axis of
// directions before, and both biases in one.
func (b *builder) lstm(name string, hidden int64) {
	first, _ := torchDefault(float64(hidden), 0)
	parameter := func(kind string, shape ...int64) string {
		return b.gates(b.initializer(name+"."+kind, first, shape...), hidden)
	}
	front := b.integers(0)
	weights := b.node(name+".W", "Unsqueeze", []string{parameter("weight_ih_l0", 4*hidden, b.width), front})
	recurrence := b.node(name+".R", "Unsqueeze", []string{parameter("weight_hh_l0", 4*hidden, hidden), front})
	biases := b.node(name+".biases", "Concat",
		[]string{parameter("bias_ih_l0", 4*hidden), parameter("bias_hh_l0", 4*hidden)}, onnx.IntAttr("axis", 0))
	b.layer(name, "LSTM", []string{weights, recurrence, b.node(name+".B", "Unsqueeze", []string{biases, front})},
		onnx.IntAttr("hidden_size", hidden))
	b.value, b.width = b.side(name+".hidden"), hidden
	b.side(name + ".cell")
}

// gates puts the rows of a parameter in ONNX's order.
func (b *builder) gates(parameter string, hidden int64) string {
	rows := func(from, to int64) string {
		inputs := []string{parameter, b.integers(from * hidden), b.integers(to * hidden), b.integers(0)}
		return b.node(b.numbered(parameter+".rows"), "Slice", inputs)
	}
	return b.node(parameter+".gates", "Concat", []string{rows(0, 1), rows(3, 4), rows(1, 3)}, onnx.IntAttr("axis", 0))
}
