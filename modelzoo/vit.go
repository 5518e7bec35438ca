package modelzoo

import (
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// vits are the networks of Dosovitskiy et al. (arXiv:2010.11929), equal to torchvision's VisionTransformer of these sizes.
var vits = []Entry{
	smallViT.entry("vit-small", "small vision transformer, 4 blocks of 64 features on patches of 4x4", grey),
	smallViT.entry("vit-small-cifar", "small vision transformer, 4 blocks of 64 features on patches of 4x4, for CIFAR-10", cifar10),
}

var smallViT = visionTransformer{patch: 4, width: 64, depth: 4, heads: 4, hidden: 256}

type visionTransformer struct {
	patch  int64 // pixels a side
	width  int64 // features of a patch
	depth  int   // encoder blocks
	heads  int64
	hidden int64 // features inside the MLP of a block
}

func (v visionTransformer) entry(name, title string, im images) Entry {
	return Entry{name, im.describe(title), func(b *builder) {
		b.input(im.channels, im.size, im.size)
		v.tokens(b, im)
		for i := range v.depth {
			v.block(b, fmt.Sprintf("encoder.layers.encoder_layer_%d", i))
		}
		b.layerNorm("encoder.ln")
		b.pick(1, 0)
		b.linear("heads.head", im.classes, zeros)
		b.output("logits")
	}}
}

// tokens is [batch, token, width]: the class token, then the patches, each at its position.
func (v visionTransformer) tokens(b *builder, im images) {
	image := b.value
	class := b.initializer("class_token", constant(0), 1, 1, v.width)
	b.conv("conv_proj", v.width, window{v.patch, v.patch, 0}, patchNormal)
	b.reshape(0, v.width, -1)
	b.transpose(0, 2, 1)
	batch := b.node("batch", "Shape", []string{image}, onnx.IntAttr("end", 1))
	shape := b.node("class_token.shape", "Concat", []string{batch, b.integers(1, v.width)}, onnx.IntAttr("axis", 0))
	repeated := b.node("class_token.repeated", "Expand", []string{class, shape})
	b.value = b.node("tokens", "Concat", []string{repeated, b.value}, onnx.IntAttr("axis", 1))
	side := im.size / v.patch
	b.add("positioned", b.initializer("encoder.pos_embedding", normal(0.02), 1, side*side+1, v.width))
}

// block is one layer of the encoder: attention, then an MLP, each on normalized tokens and added to them.
func (v visionTransformer) block(b *builder, name string) {
	start := b.value
	b.layerNorm(name + ".ln_1")
	v.attention(b, name+".self_attention")
	b.add(name+".attended", start)
	start = b.value
	b.layerNorm(name + ".ln_2")
	b.linearOnTokens(name+".mlp.0.weight", name+".mlp.0.bias", v.hidden, glorotWithBias)
	b.gelu(name + ".mlp.1")
	b.linearOnTokens(name+".mlp.3.weight", name+".mlp.3.bias", v.width, glorotWithBias)
	b.add(name+".out", start)
}

// attention is torch.nn.MultiheadAttention of tokens to themselves: [batch, token, width] to the same.
func (v visionTransformer) attention(b *builder, name string) {
	size := v.width / v.heads
	b.linearOnTokens(name+".in_proj_weight", name+".in_proj_bias", 3*v.width, glorot)
	b.reshape(0, 0, 3, v.heads, size)
	b.transpose(2, 0, 3, 1, 4)
	all := b.value
	part := func(index int64) {
		b.value = all
		b.pick(0, index)
	}
	part(1)
	b.transpose(0, 1, 3, 2)
	keys := b.value
	part(2)
	values := b.value
	part(0)
	b.layer(name+".scaled", "Mul", []string{b.number(float32(1 / math.Sqrt(float64(size))))})
	b.layer(name+".scores", "MatMul", []string{keys})
	b.layer(name+".attention", "Softmax", nil, onnx.IntAttr("axis", -1))
	b.layer(name+".context", "MatMul", []string{values})
	b.transpose(0, 2, 1, 3)
	b.reshape(0, 0, v.width)
	b.width = v.width
	b.linearOnTokens(name+".out_proj.weight", name+".out_proj.bias", v.width, zeroBias(torchDefault))
}

// linearOnTokens is a fully connected layer on the last axis: weight [out, in], bias [out].
func (b *builder) linearOnTokens(weight, bias string, out int64, first initialization) {
	w, c := first(fans([]int64{out, b.width}))
	b.initializer(weight, w, out, b.width)
	b.initializer(bias, c, out)
	transposed := b.node(weight+".transposed", "Transpose", []string{weight}, onnx.IntsAttr("perm", 1, 0))
	b.layer(weight+".product", "MatMul", []string{transposed})
	b.add(weight+".sum", bias)
	b.width = out
}

func (b *builder) layerNorm(name string) {
	b.layer(name, "LayerNormalization", []string{
		b.initializer(name+".weight", constant(1), b.width),
		b.initializer(name+".bias", constant(0), b.width),
	}, onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", 1e-6))
}

// gelu is x·(1 + erf(x/√2))/2, as PyTorch exports it.
func (b *builder) gelu(name string) {
	x := b.value
	b.layer(name+".div", "Div", []string{b.number(math.Sqrt2)})
	b.layer(name+".erf", "Erf", nil)
	b.layer(name+".add", "Add", []string{b.number(1)})
	b.layer(name+".mul", "Mul", []string{x})
	b.layer(name, "Mul", []string{b.number(0.5)})
}
