// Package engine is the seam between programs and what runs them.
//
// A [Machine] applies words of steps to states: the state is the only thing that a step changes, and a machine keeps nothing
// between two calls that could change a result. Engines register under a name; the recipes choose one.
package engine

import (
	"context"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// Engine makes machines.
type Engine interface {
	// Open returns a machine for a program. Machines of one program are independent and may run at the same time.
	Open(p *program.Program) (Machine, error)
	// Kernels names what machines compute with, of what could be chosen: other kernels have other bits.
	Kernels() string
}

// Machine runs the graphs of one program, one call at a time. Graphs are compiled when a batch size, or a phase of the
// optimizer, is first seen. A call that fails or is cancelled leaves the state as it was after some whole number of steps.
type Machine interface {
	// Apply applies T_k to s, in place, for every k of the word in order. It looks at ctx before every step.
	Apply(ctx context.Context, s *optim.State, batches Batches, word []int) error
	// ApplyGroup makes one update of all batches of the word, in place: the optimizer's for their summed and corrected gradients, see
	// [program.Program.Group]. It counts as one applied step.
	ApplyGroup(ctx context.Context, s *optim.State, batches Batches, word []int, c Correction) error
	// Gradient stores the gradient of the mean loss of a batch at s in the vector, which is as long as the parameters, and
	// returns the model's output and the losses, in training mode. They are valid until the next call.
	Gradient(ctx context.Context, s *optim.State, b Batch, gradient array.Array) (Evaluation, error)
	// HVP stores the product of the Hessian of the mean loss of a batch at s with direction in product.
	HVP(ctx context.Context, s *optim.State, b Batch, direction, product array.Array) error
	// Update applies the optimizer's step with this gradient, in place, as T_k does with that of batch k. It fails if the program's
	// TakesGradient does.
	Update(ctx context.Context, s *optim.State, k int, gradient array.Array) error
	// Evaluate returns the model's output and the loss of each example, in evaluation mode. They are valid until the next call.
	Evaluate(ctx context.Context, s *optim.State, b Batch) (Evaluation, error)
	// Close gives back what the machine holds.
	Close() error
}

// Profiler is a machine that can tell where the time of a step goes.
type Profiler interface {
	// Profile applies a word as Apply does, which has a letter at least, and returns what its last step was made of.
	Profile(ctx context.Context, s *optim.State, batches Batches, word []int) (Profile, error)
}

// Profile is a step as an engine sees it.
type Profile struct {
	Instructions []Instruction // in their order
	Memory       int64         // bytes for what lies between the inputs and the results
	Alive        int64         // bytes of that which are needed at one time, at most
}

// Instruction is a part of a step.
type Instruction struct {
	Name, Detail string
	Parts        int           // that idle cores can share
	Time         time.Duration // on average over the word
}

// Batch is what one step reads. Arrays of either precision are accepted and converted.
type Batch struct {
	Size    int
	Inputs  []array.Array // one for each input of the model, batch first
	Targets array.Array
	Noise   program.NoiseKey
}

// Batches hands out the batch of T_k. The arrays are valid until the next call.
type Batches interface {
	Batch(k int) (Batch, error)
}

// Evaluation is what a model makes of a batch.
type Evaluation struct {
	Output array.Array // batch first
	Shape  []int       // of the output
	Losses array.Array // one for each example

	// Buffers are, as Model.Buffers, what a step would make of them; none if the model does not train.
	Buffers []array.Array
}

// Loss returns the mean of the losses.
func (e Evaluation) Loss() float64 {
	sum := 0.0
	for i := range e.Losses.Len() {
		sum += e.Losses.At(i)
	}
	return sum / float64(e.Losses.Len())
}

var engines = plugin.NewRegistry[Engine]("engine")

// Register adds an engine under a name that recipes use. It panics if the name is taken.
func Register(name, doc string, construct func() Engine) { engines.Register(name, doc, construct) }

// New returns the engine of that name.
func New(name string) (Engine, error) { return engines.New(name) }

// Names returns the names of the registered engines in alphabetical order.
func Names() []string { return engines.Names() }

// Doc returns the line that describes an engine.
func Doc(name string) string { return engines.Doc(name) }
