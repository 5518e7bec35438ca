package program

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"gorgonia.org/gorgonia"
)

// Graph is a Gorgonia graph with named ends.
type Graph struct {
	Expr    *gorgonia.ExprGraph
	Inputs  []Input
	Outputs []Output
}

// Source says where an input's numbers come from.
type Source int

// The sources of inputs.
const (
	FromState    Source = iota // the field Field of the state
	FromVector                 // the part of a given vector that belongs to the parameter Field
	FromBatch                  // the batch's input number Index
	FromTargets                // the batch's targets
	FromScalar                 // Eval of the moment
	FromNoise                  // numbers drawn uniformly from [0, 1), by the NoiseKey of batch number Part and Index: see NoiseKey.Fill
	FromConstant               // Value
)

// Input is a node that must be given a value before a run.
type Input struct {
	Node   *gorgonia.Node
	Source Source
	Field  optim.Field
	Index  int
	Part   int // of a group's batches
	Eval   func(optim.Moment) float64
	Value  array.Array
}

// Destination says what an output is.
type Destination int

// The destinations of outputs.
const (
	ToState  Destination = iota // the new value of the field Field
	ToVector                    // the part of a resulting vector that belongs to the parameter Field
	ToLosses                    // the loss of each example
	ToOutput                    // the model's output
	ToBuffer                    // what the model would make of its buffer Field
)

// Output is a node whose value is a result.
type Output struct {
	Node        *gorgonia.Node
	Destination Destination
	Field       optim.Field
}

// builder writes one graph. The model and the loss are in it, except in the graph of an update.
type builder struct {
	program *Program
	graph   *Graph
	params  []ops.Expr
	buffers []ops.Expr // after the step
	output  ops.Expr
	losses  ops.Expr
	loss    ops.Expr
}

// newBuilder starts a graph with the parameters as inputs.
func (p *Program) newBuilder() *builder {
	b := &builder{program: p, graph: &Graph{Expr: gorgonia.NewGraph()}}
	b.params = b.fields("parameter", p.parameterFields())
	return b
}

// fields makes parts of the state inputs.
func (b *builder) fields(kind string, fields []optim.Field) []ops.Expr {
	list := make([]ops.Expr, len(fields))
	for i, f := range fields {
		list[i] = ops.Input(b.graph.Expr, kind+" "+f.Name, b.program.Precision, f.Shape...)
		b.input(list[i], Input{Source: FromState, Field: f})
	}
	return list
}

// open starts a graph with the model and the loss, in training or in evaluation mode.
func (p *Program) open(batch int, training bool) (*builder, error) {
	b := p.newBuilder()
	m, err := p.Model.Write(model.Given{
		Graph: b.graph.Expr, Precision: p.Precision, Batch: batch, Training: training,
		Params: b.params, Buffers: b.fields("buffer", p.bufferFields()),
	})
	if err != nil {
		return nil, err
	}
	for i, x := range m.Inputs {
		b.input(x, Input{Source: FromBatch, Index: i})
	}
	for i, x := range m.Noise {
		b.input(x, Input{Source: FromNoise, Index: i})
	}
	b.output, b.buffers = m.Output, m.Buffers
	rows := b.output.Shape()[0] // the batch, unless the file fixes another leading axis
	shape, err := p.Loss.TargetShape(b.output.Shape()[1:])
	if err != nil {
		return nil, fmt.Errorf("program: output %q: %w", p.Model.Output, err)
	}
	targets := ops.Input(b.graph.Expr, "targets", p.Precision, append([]int{rows}, shape...)...)
	b.input(targets, Input{Source: FromTargets})
	b.losses = p.Loss.Losses(b.output, targets)
	b.loss = b.losses.Mean(false)
	if err := b.loss.Err(); err != nil {
		return nil, fmt.Errorf("program: the loss of output %q of shape %v: %w", p.Model.Output, b.output.Shape(), ops.Plain(err))
	}
	if shape := b.losses.Shape(); !slices.Equal(shape, []int{rows}) {
		return nil, fmt.Errorf("program: the loss is of shape %v for %d examples", shape, rows)
	}
	return b, nil
}

// evaluation makes the output and each example's loss results.
func (b *builder) evaluation() {
	b.result(b.output, Output{Destination: ToOutput})
	b.result(b.losses, Output{Destination: ToLosses})
}

// objective returns the loss as the optimizer may ask for it.
func (b *builder) objective() *objective { return &objective{builder: b} }

// update lets the optimizer write its step.
func (b *builder) update(o optim.Objective, phase int) (*optim.Update, error) {
	g := optim.Given{Graph: b.graph.Expr, Precision: b.program.Precision, Objective: o, Phase: phase}
	for i, f := range b.program.parameterFields() {
		g.Params = append(g.Params, optim.Trained{Name: f.Name, Value: b.params[i]})
	}
	return optim.Write(b.program.Optimizer, b.program.Policy, g)
}

// writeStep makes the optimizer's step on the batch the graph's result.
func (b *builder) writeStep(phase int) error {
	o := b.objective()
	u, err := b.update(o, phase)
	if err := cmp.Or(o.err, err); err != nil {
		return err
	}
	b.buffers = o.buffersAfter()
	for _, x := range b.buffers {
		if err := x.Err(); err != nil {
			return fmt.Errorf("program: buffers: %w", err)
		}
	}
	return b.writeUpdate(u)
}

// writeUpdate makes an update the graph's result.
func (b *builder) writeUpdate(u *optim.Update) error {
	b.results(u.Params, ToState)
	for i, f := range b.program.bufferFields() {
		if len(b.buffers) > 0 {
			b.result(b.buffers[i], Output{Destination: ToState, Field: f})
		}
	}
	fields := b.program.Layout.Fields()
	for _, s := range u.Slots {
		at := slices.IndexFunc(fields, func(f optim.Field) bool {
			return f.Kind == optim.Slot && f.Name == s.Field.Name && f.Slot == s.Field.Slot
		})
		if at < 0 {
			return fmt.Errorf("program: %T asks for slot %v now but did not when the program was made", b.program.Optimizer, s.Field)
		}
		b.input(s.Old, Input{Source: FromState, Field: fields[at]})
		b.result(s.New, Output{Destination: ToState, Field: fields[at]})
	}
	for _, s := range u.Scalars {
		b.input(s.Input, Input{Source: FromScalar, Eval: s.Eval})
	}
	for i, x := range u.Noise {
		b.input(x, Input{Source: FromNoise, Index: -1 - i})
	}
	return nil
}

// vector returns inputs that hold a vector with a part for each parameter.
func (b *builder) vector() []ops.Expr {
	parts := make([]ops.Expr, len(b.params))
	for i, f := range b.program.parameterFields() {
		parts[i] = ops.Input(b.graph.Expr, "vector "+f.Name, b.program.Precision, f.Shape...)
		b.input(parts[i], Input{Source: FromVector, Field: f})
	}
	return parts
}

// hold makes what the graph holds inputs, once everything is written.
func (b *builder) hold() {
	for _, h := range ops.HeldBy(b.graph.Expr) {
		b.input(h.Input, Input{Source: FromConstant, Value: h.Value})
	}
}

func (b *builder) input(x ops.Expr, in Input) {
	in.Node = x.Node()
	b.graph.Inputs = append(b.graph.Inputs, in)
}

// results makes the parts, one for each parameter, results.
func (b *builder) results(parts []ops.Expr, d Destination) {
	for i, f := range b.program.parameterFields() {
		b.result(parts[i], Output{Destination: d, Field: f})
	}
}

func (b *builder) result(x ops.Expr, out Output) {
	out.Node = x.Node()
	b.graph.Outputs = append(b.graph.Outputs, out)
}
