package modelzoo

import "fmt"

// images are what a classifier is made for: square images of so many channels and pixels a side, and the classes to tell apart.
type images struct{ channels, size, classes int64 }

var (
	grey     = images{1, 28, 10} // MNIST, Fashion-MNIST
	grey32   = images{1, 32, 10} // the same, resized
	cifar10  = images{3, 32, 10}
	cifar100 = images{3, 32, 100}
	imageNet = images{3, 224, 1000}

	colour16      = images{3, 16, 10} // small images of our own
	colour16of100 = images{3, 16, 100}
)

// describe says what the model is, what it reads and what it computes.
func (im images) describe(model string) string {
	return fmt.Sprintf("%s: [batch, %d, %d, %d] to logits [batch, %d]", model, im.channels, im.size, im.size, im.classes)
}

// tiny images are those that a network made for photographs would have shrunk to nothing halfway.
func (im images) tiny() bool { return im.size < 64 }
