package program

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Loss compares a model's output with targets, example by example. What is trained on is the mean over the batch.
type Loss interface {
	// TargetShape returns the dimensions of the targets of one example for an output whose examples have the shape output.
	TargetShape(output []int) ([]int, error)
	// Losses returns one number for each example of the batch.
	Losses(output, targets ops.Expr) ops.Expr
}

var losses = plugin.NewRegistry[Loss]("loss")

func init() {
	RegisterLoss("cross_entropy", "softmax cross-entropy of logits and class indices", func() Loss { return CrossEntropy{} })
	RegisterLoss("mse", "mean squared error", func() Loss { return MeanSquaredError{} })
}

// RegisterLoss adds a loss under a name that recipes use. It panics if the name is taken.
func RegisterLoss(name, doc string, construct func() Loss) { losses.Register(name, doc, construct) }

// NewLoss returns the loss of that name.
func NewLoss(name string) (Loss, error) { return losses.New(name) }

// LossDoc returns the line that describes a loss.
func LossDoc(name string) string { return losses.Doc(name) }

// LossNames returns the names of the registered losses in alphabetical order.
func LossNames() []string { return losses.Names() }

// CrossEntropy is −log softmax(output)[target]: the output holds logits of shape (batch, classes), a target is a class index. An output
// of shape (batch, classes, places…) has a target at every place, and an example's loss is the mean over them.
type CrossEntropy struct{}

// TargetShape is that of the places: a single number if there are none.
func (CrossEntropy) TargetShape(output []int) ([]int, error) {
	if len(output) == 0 {
		return nil, fmt.Errorf("cross_entropy needs an output of shape (batch, classes), not (batch)")
	}
	return append([]int{}, output[1:]...), nil
}

// Losses has the shape (batch).
func (CrossEntropy) Losses(output, targets ops.Expr) ops.Expr {
	shape := output.Shape()
	batch, classes, places := shape[0], shape[1], shape[2:].TotalSize()
	if len(shape) > 2 {
		output = output.Reshape(batch, classes, places).Transpose(0, 2, 1).Reshape(batch*places, classes)
		targets = targets.Reshape(batch * places)
	}
	losses := output.LogSoftmax(1).Mul(targets.OneHot(classes)).Sum(false, 1).Neg()
	if len(shape) > 2 {
		return losses.Reshape(batch, places).Mean(false, 1)
	}
	return losses
}

// MeanSquaredError is the mean of (output − target)² over the numbers of an example, whose target has the output's shape.
type MeanSquaredError struct{}

// TargetShape is the output's.
func (MeanSquaredError) TargetShape(output []int) ([]int, error) { return slices.Clone(output), nil }

// Losses has the shape (batch).
func (MeanSquaredError) Losses(output, targets ops.Expr) ops.Expr {
	square := output.Sub(targets).Square()
	if square.Rank() < 2 {
		return square
	}
	return square.Reshape(square.Shape()[0], square.Shape()[1:].TotalSize()).Mean(false, 1)
}
