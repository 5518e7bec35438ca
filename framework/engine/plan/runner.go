package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/tensor"
)

// ends is where one run reads and writes. What a graph does not use stays empty.
type ends struct {
	state      *optim.State
	batch      engine.Batch
	group      []program.NoiseKey // of the batches, where they are several
	moment     optim.Moment
	vector     array.Array
	result     array.Array
	evaluation *engine.Evaluation
}

// runner is a plan with its memory and its ends.
type runner[T kernel.Float] struct {
	chain   *chain[T]
	reads   []reading
	results []finding
	given   map[space]array.Array // copies of what is given in the other precision
	backup  []T                   // of the state, if a step may fail in its middle
	noise   rand.ChaCha8          // seeded anew for every input
}

// noise returns what decides the noise of a part of the batches.
func (e ends) noise(part int) program.NoiseKey {
	if e.group == nil {
		return e.batch.Noise
	}
	return e.group[part]
}

// reading is an input of a graph.
type reading struct {
	program.Input
	name  string
	size  int
	place place
	used  bool
}

// finding is an output that is neither in the state nor in a vector.
type finding struct {
	destination program.Destination
	place       place
	shape       tensor.Shape
}

func newRunner[T kernel.Float](c *compiled[T], g *program.Graph) *runner[T] {
	batchInputs := 0
	r := &runner[T]{given: map[space]array.Array{}}
	placed := map[any]place{}
	for _, v := range c.graph.values {
		if p, is := c.layout.places[v]; is && v.input != nil && v.input.Node != nil {
			placed[v.input.Node] = p
		}
	}
	for _, in := range g.Inputs {
		if in.Source == program.FromBatch {
			batchInputs = max(batchInputs, in.Index+1)
		}
		if in.Source == program.FromState || in.Source == program.FromConstant {
			continue
		}
		p, used := placed[in.Node]
		r.reads = append(r.reads, reading{in, in.Node.Name(), in.Node.Shape().TotalSize(), p, used})
	}
	for _, out := range c.graph.outputs {
		if out.Destination != program.ToState && out.Destination != program.ToVector {
			r.results = append(r.results, finding{out.Destination, c.layout.places[out.value.storage()], out.value.shape})
		}
	}
	r.chain = newChain(c.plan, batchInputs)
	return r
}

// run binds the inputs, runs the plan, and hands out what it computed.
func (r *runner[T]) run(e ends) error {
	c := r.chain
	if err := r.bind(e); err != nil {
		return err
	}
	if c.plan.fallible {
		r.backup = append(r.backup[:0], c.spaces[state]...)
		if err := guard(c.run); err != nil {
			copy(c.spaces[state], r.backup)
			return err
		}
	} else {
		c.run()
	}
	if e.evaluation != nil {
		r.hand(e.evaluation)
	}
	return nil
}

// bind makes what a run is given the chain's spaces.
func (r *runner[T]) bind(e ends) error {
	c := r.chain
	c.spaces[state] = elements[T](e.state.Data)
	c.spaces[vector] = r.lent(vector, e.vector)
	if e.result.Len() > 0 && e.result.DType() != precision[T]() {
		return fmt.Errorf("a resulting vector of %s, the program is %s", e.result.DType(), precision[T]())
	}
	c.spaces[result] = elements[T](e.result.As(precision[T]()))
	for i := range r.reads {
		if err := r.bindOne(&r.reads[i], e); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner[T]) bindOne(in *reading, e ends) error {
	c := r.chain
	switch in.Source {
	case program.FromBatch, program.FromTargets:
		numbers, at := e.batch.Targets, targets
		if in.Source == program.FromBatch {
			numbers, at = e.batch.Inputs[in.Index], inputs+space(in.Index)
		}
		if numbers.Len() != in.size {
			return fmt.Errorf("%s has the shape %v but is given %d numbers", in.name, in.Node.Shape(), numbers.Len())
		}
		c.spaces[at] = r.lent(at, numbers)
	case program.FromScalar:
		if in.used {
			c.spaces[scalars][in.place.offset] = T(in.Eval(e.moment))
		}
	case program.FromNoise:
		if in.used {
			e.noise(in.Part).FillWith(&r.noise, view(c.at(in.place)), in.Index)
		}
	}
	return nil
}

// lent returns the numbers of an array, converted into memory of the runner's own if their precision differs.
func (r *runner[T]) lent(at space, numbers array.Array) []T {
	if numbers.DType() == precision[T]() || numbers.Len() == 0 {
		return elements[T](numbers.As(precision[T]()))
	}
	own := r.given[at]
	if own.Len() != numbers.Len() {
		own = array.New(precision[T](), numbers.Len())
		r.given[at] = own
	}
	own.Copy(numbers)
	return elements[T](own)
}

// hand returns what a run computed, in the chain's memory.
func (r *runner[T]) hand(e *engine.Evaluation) {
	for _, f := range r.results {
		numbers := view(r.chain.at(f.place))
		switch f.destination {
		case program.ToLosses:
			e.Losses = numbers
		case program.ToBuffer:
			e.Buffers = append(e.Buffers, numbers)
		case program.ToOutput:
			e.Output, e.Shape = numbers, f.shape
		}
	}
}

// guard returns a panic of f as an error: reference kernels panic when an index names no element.
func guard(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
			if cause, is := r.(error); is && errors.As(cause, new(*ops.IndexError)) {
				err = cause
			}
		}
	}()
	f()
	return nil
}

// EvaluateGraph returns the value of an expression in a graph that holds all its inputs, see [ops.HeldBy].
func (Engine) EvaluateGraph(x ops.Expr) (array.Array, error) {
	if x.Err() != nil {
		return array.Array{}, x.Err()
	}
	if x.Node() == nil {
		return array.Array{}, errors.New("plan: the expression is no node")
	}
	if x.DType() == array.Float64 {
		return evaluateGraph[float64](x)
	}
	return evaluateGraph[float32](x)
}

func evaluateGraph[T kernel.Float](x ops.Expr) (array.Array, error) {
	g := &program.Graph{Expr: x.Node().Graph(), Outputs: []program.Output{{Node: x.Node(), Destination: program.ToOutput}}}
	for _, held := range ops.HeldBy(g.Expr) {
		g.Inputs = append(g.Inputs, program.Input{Node: held.Input.Node(), Source: program.FromConstant, Value: held.Value})
	}
	p, err := compile[T](g, false) // what is tested are the kernels
	if err != nil {
		return array.Array{}, fmt.Errorf("plan: %w", err)
	}
	defer enter()()
	r := newRunner(p, g)
	if err := guard(r.chain.run); err != nil {
		return array.Array{}, fmt.Errorf("plan: %w", err)
	}
	return view(r.chain.at(r.results[0].place)).Clone(), nil
}
