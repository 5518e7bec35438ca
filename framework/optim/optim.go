// Package optim is the contract of optimizer plugins, and the state that their steps act on.
//
// An optimizer does not loop over numbers. It writes its update as expressions over values, gradients, slots and scalars, and so
// it is pure by construction: all that a step remembers is in the [State], and the same plugin runs in either precision on
// every engine. A complete plugin:
//
//	// SGD is gradient descent with momentum (Polyak, 1964).
//	type SGD struct {
//		LR       float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
//		Momentum float64 `toml:"momentum" doc:"share of the last direction that is kept" range:"[0,1)"`
//	}
//
//	func init() {
//		optim.Register("my-sgd", "gradient descent with momentum", func() optim.Optimizer { return &SGD{LR: 0.01} })
//	}
//
//	func (o *SGD) Step(s *optim.Step) {
//		lr := s.Hyper("lr", o.LR)
//		for _, p := range s.Params() {
//			direction := p.Gradient()
//			if o.Momentum != 0 {
//				direction = p.Slot("direction").Mul(s.Hyper("momentum", o.Momentum)).Add(direction)
//				p.SetSlot("direction", direction)
//			}
//			p.Set(p.Value().Sub(direction.Mul(lr)))
//		}
//	}
//
// Whether a feature is on at all, as momentum here, is decided while Step writes the graph; how strong it is, is a scalar that may
// change between steps. A plugin asks only for the hyperparameters that its graph uses, so that none can be changed in vain.
//
// Beyond the gradient at the state a plugin may ask for the gradient and the loss of the same batch at another point, for
// Hessian-vector products, and for noise that belongs to the batch; see [Step.GradientAt], [Step.HVP] and [Param.Uniform]. What it does not
// ask for is not computed. Periodic work is a phase, see [Phased]. What would need a loop whose length the numbers decide cannot be written.
//
// Package optimtest proves that a plugin keeps the contract.
//
// What surrounds an optimizer is a [Policy], of which a plugin knows nothing: schedules of the learning rate, which are plugins of their
// own, see [Schedule]; clipping; and groups of parameters with options of their own.
package optim

import (
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Optimizer is a plugin. Its exported fields with toml tags are its options; see package plugin for the tags.
type Optimizer interface {
	// Step writes one update into the graph of s. It is called once for each graph that is built, and for each group of parameters
	// in it, and must write the same update every time, but for what depends on [Step.Phase]. Options that contradict each other are
	// refused before: by a method Validate, see [plugin.Validator].
	Step(s *Step)
}

// Expr is a tensor-valued expression.
type Expr = ops.Expr

// Norm returns the Euclidean norm of all elements of x. It has the rank of x, and broadcasts to it.
func Norm(x Expr) Expr { return x.Square().Sum(true).Sqrt() }

var optimizers = plugin.NewRegistry[Optimizer]("optimizer")

// Register adds an optimizer under a name that recipes use. It panics if the name is taken.
func Register(name, doc string, construct func() Optimizer) {
	optimizers.Register(name, doc, construct)
}

// New returns the optimizer of that name with its default options.
func New(name string) (Optimizer, error) { return optimizers.New(name) }

// Names returns the names of the registered optimizers in alphabetical order.
func Names() []string { return optimizers.Names() }

// Doc returns the line that describes an optimizer.
func Doc(name string) string { return optimizers.Doc(name) }
