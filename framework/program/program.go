// Package program assembles a model, a loss and an optimizer into the graphs that an engine runs: the step T_k, the gradient, a
// Hessian-vector product, the update for a given gradient, and the evaluation.
//
// It says what every graph reads and writes, in terms of a state, a batch and a moment; it runs nothing.
package program

import (
	"errors"
	"fmt"
	"maps"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Spec names what a program is made of.
type Spec struct {
	Model     *model.Model
	Loss      Loss
	Optimizer optim.Optimizer
	Policy    optim.Policy // that surrounds the optimizer
	Precision array.DType
}

// Program is a model, a loss and an optimizer that fit together. It is read only and may be shared.
type Program struct {
	Spec
	Layout *optim.Layout // of the states that its steps act on
	Hypers map[string]float64

	needs string // what the optimizer needs beyond a gradient that is given
}

// ErrNothingTrained is the error of a program without parameters.
var ErrNothingTrained = errors.New("program: the model has no parameters: nothing would be trained")

// New checks that the parts fit together, at batch size batch: shapes, loss, optimizer and policy. The parameters of frozen groups are no
// longer among those of the program's model.
func New(spec Spec, batch int) (*Program, error) {
	if err := spec.freeze(); err != nil {
		return nil, err
	}
	if len(spec.Model.Parameters) == 0 {
		return nil, ErrNothingTrained
	}
	p := &Program{Spec: spec}
	var fields []optim.Field
	for _, parameter := range spec.Model.Parameters {
		fields = append(fields, optim.Field{Kind: optim.Parameter, Name: parameter.Name, Shape: parameter.Shape})
	}
	for _, buffer := range spec.Model.Buffers {
		fields = append(fields, optim.Field{Kind: optim.Buffer, Name: buffer.Name, Shape: buffer.Shape})
	}
	var err error
	if p.Layout, err = optim.NewLayout(fields); err != nil {
		return nil, err
	}
	slots, err := p.listen(batch)
	if err != nil {
		return nil, err
	}
	p.Layout, err = optim.NewLayout(append(fields, slots...))
	return p, err
}

// NewState returns a state with these parameters, in the model's order, slots of zeros, and the model's buffers.
func (p *Program) NewState(parameters []array.Array) *optim.State {
	s := p.Layout.New(p.Precision)
	for i, f := range p.parameterFields() {
		s.Field(f).Copy(parameters[i])
	}
	for i, f := range p.bufferFields() {
		s.Field(f).Copy(p.Model.Buffers[i].Value)
	}
	return s
}

func (p *Program) parameterFields() []optim.Field {
	return p.Layout.Fields()[:len(p.Model.Parameters)]
}

// bufferFields returns the last fields of the layout, in the model's order.
func (p *Program) bufferFields() []optim.Field {
	fields := p.Layout.Fields()
	return fields[len(fields)-len(p.Model.Buffers):]
}

// WithHypers returns the same program with some hyperparameters changed. No graph depends on their values.
func (p *Program) WithHypers(changed map[string]float64) (*Program, error) {
	q := *p
	q.Hypers = maps.Clone(p.Hypers)
	for name, v := range changed {
		if _, known := q.Hypers[name]; !known {
			return nil, fmt.Errorf("program: %T has no hyperparameter %q", p.Optimizer, name)
		}
		q.Hypers[name] = v
	}
	return &q, nil
}

// Step returns the graph of T_k for batches of that size, in a phase of the optimizer, see [Program.Phase].
func (p *Program) Step(batch, phase int) (*Graph, error) {
	return p.build(batch, true, func(b *builder) error { return b.writeStep(phase) })
}

// Gradient returns the graph of the gradient of the mean loss, with the output, each example's loss and the buffers after a step,
// in training mode.
func (p *Program) Gradient(batch int) (*Graph, error) {
	return p.build(batch, true, func(b *builder) error {
		gradients, err := autodiff.Grad(b.loss, b.params...)
		if err != nil {
			return err
		}
		b.results(gradients, ToVector)
		b.evaluation()
		for i, f := range p.bufferFields() {
			b.result(b.buffers[i], Output{Destination: ToBuffer, Field: f})
		}
		return nil
	})
}

// HVP returns the graph of the Hessian of the loss times a given vector.
func (p *Program) HVP(batch int) (*Graph, error) {
	return p.build(batch, true, func(b *builder) error {
		products, err := autodiff.HVP(b.loss, b.params, b.vector())
		if err != nil {
			return err
		}
		b.results(products, ToVector)
		return nil
	})
}

// Update returns the graph of the optimizer's update for a given gradient, in a phase of the optimizer. It fails as [Program.TakesGradient]
// does.
func (p *Program) Update(phase int) (*Graph, error) {
	if err := p.TakesGradient(); err != nil {
		return nil, err
	}
	var g *Graph
	err := ops.Build(func() error {
		b := p.newBuilder()
		g = b.graph
		defer b.hold()
		u, err := b.update(given{b.vector()}, phase)
		if err != nil {
			return err
		}
		return b.writeUpdate(u)
	})
	return g, err
}

// Evaluation returns the graph of the output and of each example's loss, in evaluation mode.
func (p *Program) Evaluation(batch int) (*Graph, error) {
	return p.build(batch, false, func(b *builder) error {
		b.evaluation()
		return nil
	})
}

// build writes the model and the loss into a new graph, and then what write adds.
func (p *Program) build(batch int, training bool, write func(*builder) error) (*Graph, error) {
	var g *Graph
	err := ops.Build(func() error {
		b, err := p.open(batch, training)
		if err != nil {
			return err
		}
		g = b.graph
		defer b.hold()
		return write(b)
	})
	return g, err
}
