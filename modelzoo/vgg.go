package modelzoo

import (
	"fmt"
	"slices"
)

// vggs are the networks of Simonyan and Zisserman (arXiv:1409.1556), equal to torchvision's. Those for CIFAR-10 have one linear
// layer on the 512 features that five poolings leave of 32 pixels, as is usual there. The small one has an eighth of the
// channels.
var vggs = slices.Concat(
	vgg("vgg11", "VGG-11", 1, 1, 2, 2, 2),
	vgg("vgg16", "VGG-16", 2, 2, 3, 3, 3),
	vgg("vgg19", "VGG-19", 2, 2, 4, 4, 4),
	[]Entry{vggVariant("vgg19-bn-small", "VGG-19 with batch normalization and an eighth of the channels", cifar10,
		vggFeatures{[]int{2, 2, 4, 4, 4}, 8, true})},
)

// vggWidths are the channels between the poolings.
var vggWidths = [5]int64{64, 128, 256, 512, 512}

// vggFeatures are the layers before the classifier.
type vggFeatures struct {
	convolutions []int // between the poolings
	divisor      int64 // of vggWidths
	normalize    bool
}

// vgg returns the four variants of the network with these numbers of convolutions between its poolings.
func vgg(name, title string, convolutions ...int) []Entry {
	plain, normalized := vggFeatures{convolutions, 1, false}, vggFeatures{convolutions, 1, true}
	return []Entry{
		vggVariant(name, title, imageNet, plain),
		vggVariant(name+"-bn", title+" with batch normalization", imageNet, normalized),
		vggVariant(name+"-cifar", title+" for CIFAR-10", cifar10, plain),
		vggVariant(name+"-bn-cifar", title+" with batch normalization, for CIFAR-10", cifar10, normalized),
	}
}

func vggVariant(name, title string, im images, features vggFeatures) Entry {
	return Entry{name, im.describe(title), func(b *builder) {
		b.input(im.channels, im.size, im.size)
		b.vggFeatures(features)
		b.vggClassifier(im)
		b.output("logits")
	}}
}

// vggFeatures are convolutions and poolings, numbered as in torchvision: every layer counts, the ReLUs too.
func (b *builder) vggFeatures(f vggFeatures) {
	layer := 0
	next := func() string {
		layer++
		return fmt.Sprint("features.", layer-1)
	}
	for i, n := range f.convolutions {
		for range n {
			b.conv(next(), vggWidths[i]/f.divisor, sameSize, heFanOut)
			if f.normalize {
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
