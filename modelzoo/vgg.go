package modelzoo

import (
	"fmt"
	"slices"
)

// vggs are the networks of Simonyan and Zisserman (arXiv:1409.1556), equal to torchvision's. Those for CIFAR-10 have one linear
// layer on the 512 features that five poolings leave of 32 pixels, as is usual there.
var vggs = slices.Concat(
	vgg("vgg11", "VGG-11", 1, 1, 2, 2, 2),
	vgg("vgg16", "VGG-16", 2, 2, 3, 3, 3),
	vgg("vgg19", "VGG-19", 2, 2, 4, 4, 4),
)

// vggWidths are the channels between the poolings.
var vggWidths = [5]int64{64, 128, 256, 512, 512}

// vgg returns the four variants of the network with these numbers of convolutions between its poolings.
func vgg(name, title string, convolutions ...int) []Entry {
	variant := func(name, title string, im images, normalize bool) Entry {
		return Entry{name, im.describe(title), func(b *builder) {
			b.input(im.channels, im.size, im.size)
			b.vggFeatures(convolutions, normalize)
			b.vggClassifier(im)
			b.output("logits")
		}}
	}
	return []Entry{
		variant(name, title, imageNet, false),
		variant(name+"-bn", title+" with batch normalization", imageNet, true),
		variant(name+"-cifar", title+" for CIFAR-10", cifar10, false),
		variant(name+"-bn-cifar", title+" with batch normalization, for CIFAR-10", cifar10, true),
	}
}

// vggFeatures are convolutions and poolings, numbered as in torchvision: every layer counts, the ReLUs too.
func (b *builder) vggFeatures(convolutions []int, normalize bool) {
	layer := 0
	next := func() string {
		layer++
		return fmt.Sprint("features.", layer-1)
	}
	for i, n := range convolutions {
		for range n {
			b.conv(next(), vggWidths[i], sameSize, heFanOut)
			if normalize {
				b.batchNorm(next())
			}
			b.relu()
			next()
		}
		b.maxPool(halving)
		next()
	}
}

// vggClassifier begins where torchvision has an adaptive pooling to 7x7, which is the identity for images of 224 pixels.
func (b *builder) vggClassifier(im images) {
	const poolings = 5
	side := im.size >> poolings
	b.flatten(b.width * side * side)
	if im.tiny() {
		b.linear("classifier", im.classes, smallNormal)
		return
	}
	for _, name := range []string{"classifier.0", "classifier.3"} {
		b.linear(name, 4096, smallNormal)
		b.relu()
		b.dropout(0.5)
	}
	b.linear("classifier.6", im.classes, smallNormal)
}
