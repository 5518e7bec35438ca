package modelzoo

import "fmt"

// resnets are the networks of He et al. (arXiv:1512.03385), equal to torchvision's: their second version of the bottleneck has
// its stride in the 3x3 convolution. ResNet-26 has two bottlenecks in each row. The small ones have an
// eighth of the channels.
var resnets = []Entry{
	resnet("resnet18", "ResNet-18", imageNet, resnet18),
	resnet("resnet18-cifar", "ResNet-18 with a 3x3 stem, for CIFAR-10", cifar10, resnet18),
	resnet("resnet18-fashion", "ResNet-18 with a 3x3 stem, for Fashion-MNIST resized to 32x32", grey32, resnet18),
	resnet("resnet18-small", "ResNet-18 with a 3x3 stem and an eighth of the channels", colour16, resnet18.narrow(8)),
	resnet("resnet26-small100", "ResNet-26 with a 3x3 stem and an eighth of the channels", colour16of100, resnet26.narrow(8)),
	resnet("resnet34", "ResNet-34", imageNet, resnet34),
	resnet("resnet34-cifar", "ResNet-34 with a 3x3 stem, for CIFAR-10", cifar10, resnet34),
	resnet("resnet50", "ResNet-50", imageNet, resnet50),
	resnet("resnet50-cifar", "ResNet-50 with a 3x3 stem, for CIFAR-10", cifar10, resnet50),
	resnet("resnet50-cifar100", "ResNet-50 with a 3x3 stem, for CIFAR-100", cifar100, resnet50),
}

// residualStages are four rows of blocks. Each row works on images of half the size of those before, with twice the channels.
type residualStages struct {
	width  int64 // channels of the stem and of the first row
	blocks [4]int
	block  func(b *builder, name string, width, stride int64)
}

var (
	resnet18 = residualStages{64, [4]int{2, 2, 2, 2}, basicBlock}
	resnet26 = residualStages{64, [4]int{2, 2, 2, 2}, bottleneck}
	resnet34 = residualStages{64, [4]int{3, 4, 6, 3}, basicBlock}
	resnet50 = residualStages{64, [4]int{3, 4, 6, 3}, bottleneck}
)

// narrow divides the channels.
func (s residualStages) narrow(divisor int64) residualStages {
	s.width /= divisor
	return s
}

func resnet(name, title string, im images, stages residualStages) Entry {
	return Entry{name, im.describe(title), func(b *builder) {
		b.input(im.channels, im.size, im.size)
		b.stem(im, stages.width)
		for i, blocks := range stages.blocks {
			width, stride := stages.width<<i, int64(min(i, 1)+1)
			for j := range blocks {
				stages.block(b, fmt.Sprintf("layer%d.%d", i+1, j), width, stride)
				stride = 1
			}
		}
		b.globalAveragePool()
		b.flatten(b.width)
		b.linear("fc", im.classes, torchDefault)
		b.output("logits")
	}}
}

// stem is the first convolution. It keeps the size of tiny images, and quarters that of others with a pooling.
func (b *builder) stem(im images, width int64) {
	if im.tiny() {
		b.normalizedConv("conv1", "bn1", width, sameSize)
		b.relu()
		return
	}
	b.normalizedConv("conv1", "bn1", width, window{7, 2, 3})
	b.relu()
	b.maxPool(window{3, 2, 1})
}

// basicBlock adds two 3x3 convolutions to what it reads.
func basicBlock(b *builder, name string, width, stride int64) {
	start := b.stream
	b.normalizedConv(name+".conv1", name+".bn1", width, window{3, stride, 1})
	b.relu()
	b.normalizedConv(name+".conv2", name+".bn2", width, sameSize)
	b.shortcut(name, start, stride)
}

// bottleneck adds a 3x3 convolution, on fewer channels than it reads and computes, to what it reads.
func bottleneck(b *builder, name string, width, stride int64) {
	start := b.stream
	b.normalizedConv(name+".conv1", name+".bn1", width, window{1, 1, 0})
	b.relu()
	b.normalizedConv(name+".conv2", name+".bn2", width, window{3, stride, 1})
	b.relu()
	b.normalizedConv(name+".conv3", name+".bn3", 4*width, window{1, 1, 0})
	b.shortcut(name, start, stride)
}

// shortcut adds what a block read, after a 1x1 convolution if its shape differs from that of what the block computes.
func (b *builder) shortcut(name string, start stream, stride int64) {
	end := b.stream
	if start.width != end.width || stride != 1 {
		b.stream = start
		b.normalizedConv(name+".downsample.0", name+".downsample.1", end.width, window{1, stride, 0})
		start, b.stream = b.stream, end
	}
	b.add(name+".add", start.value)
	b.relu()
}

// normalizedConv is a convolution without bias and its batch normalization.
func (b *builder) normalizedConv(conv, norm string, out int64, w window) {
	b.conv(conv, out, w, withoutBias(heFanOut))
	b.batchNorm(norm)
}
