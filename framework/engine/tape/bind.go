package tape

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// tape is one compiled graph.
type tape struct {
	graph   *program.Graph
	outputs []program.Output // without what a run leaves as it is
	vm      gorgonia.VM
}

func newTape(g *program.Graph) (*tape, error) {
	var roots gorgonia.Nodes
	for _, out := range g.Outputs {
		roots = append(roots, out.Node)
	}
	// Differentiation leaves gradients behind that nobody reads; only what the outputs need is compiled.
	needed := g.Expr.SubgraphRoots(roots...)
	compiled, locations, err := gorgonia.Compile(needed)
	if err != nil {
		return nil, err
	}
	outputs := slices.DeleteFunc(slices.Clone(g.Outputs), func(out program.Output) bool { return unchanged(g, out) })
	return &tape{g, outputs, gorgonia.NewTapeMachine(needed, gorgonia.WithPrecompiled(compiled, locations))}, nil
}

// unchanged reports whether an output is the field of the state that it would be stored in.
func unchanged(g *program.Graph, out program.Output) bool {
	return out.Destination == program.ToState && slices.ContainsFunc(g.Inputs, func(in program.Input) bool {
		return in.Node == out.Node && in.Source == program.FromState && in.Field.Offset() == out.Field.Offset()
	})
}

func (t *tape) close() error { return t.vm.Close() }

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

// run binds the inputs, runs the tape, and stores the outputs.
func (t *tape) run(e ends) error {
	for _, in := range t.graph.Inputs {
		if err := bind(in.Node, e.read(in)); err != nil {
			return err
		}
	}
	defer func() { // what lies between the inputs and the results is garbage, which nodes would keep until the next run
		t.vm.Reset()
		t.graph.Expr.UnbindAllNonInputs()
	}()
	if err := t.vm.RunAll(); err != nil {
		return cause(err)
	}
	// All results are looked up before any is stored: an output may be an input's own memory.
	results := make([]array.Array, len(t.outputs))
	for i, out := range t.outputs {
		results[i] = numbers(out.Node.Value())
		if out.Node.Op() == nil {
			results[i] = results[i].Clone()
		}
	}
	for i, out := range t.outputs {
		e.write(out, results[i])
	}
	return nil
}

func (e ends) read(in program.Input) array.Array {
	switch in.Source {
	case program.FromState:
		return e.state.Field(in.Field)
	case program.FromVector:
		return e.vector.Slice(in.Field.Offset(), in.Field.Offset()+in.Field.Size())
	case program.FromBatch:
		return e.batch.Inputs[in.Index]
	case program.FromTargets:
		return e.batch.Targets
	case program.FromScalar:
		return array.From64([]float64{in.Eval(e.moment)})
	case program.FromNoise:
		noise := array.New(array.Float64, in.Node.Shape().TotalSize())
		key := e.batch.Noise
		if e.group != nil {
			key = e.group[in.Part]
		}
		key.Fill(noise, in.Index)
		return noise
	default:
		return in.Value
	}
}

func (e ends) write(out program.Output, result array.Array) {
	switch out.Destination {
	case program.ToState:
		e.state.Field(out.Field).Copy(result)
	case program.ToVector:
		e.result.Slice(out.Field.Offset(), out.Field.Offset()+out.Field.Size()).Copy(result)
	case program.ToLosses:
		e.evaluation.Losses = result
	case program.ToBuffer:
		e.evaluation.Buffers = append(e.evaluation.Buffers, result)
	case program.ToOutput:
		e.evaluation.Output, e.evaluation.Shape = result, out.Node.Shape()
	}
}

// bind gives a node its value without copying, unless the precision differs.
func bind(n *gorgonia.Node, numbers array.Array) error {
	shape := n.Shape()
	if numbers.Len() != shape.TotalSize() {
		return fmt.Errorf("%s has the shape %v but is given %d numbers", n.Name(), shape, numbers.Len())
	}
	single := n.Dtype() == tensor.Float32
	if single {
		numbers = numbers.As(array.Float32)
	} else {
		numbers = numbers.As(array.Float64)
	}
	switch {
	case len(shape) == 0 && single:
		return gorgonia.Let(n, gorgonia.NewF32(numbers.F32[0]))
	case len(shape) == 0:
		return gorgonia.Let(n, gorgonia.NewF64(numbers.F64[0]))
	case single:
		return gorgonia.Let(n, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(numbers.F32)))
	default:
		return gorgonia.Let(n, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(numbers.F64)))
	}
}

func numbers(v gorgonia.Value) array.Array {
	switch data := v.Data().(type) {
	case []float32:
		return array.From32(data)
	case []float64:
		return array.From64(data)
	case float32:
		return array.From32([]float32{data})
	default:
		return array.From64([]float64{data.(float64)})
	}
}
