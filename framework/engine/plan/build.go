package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// builder turns tasks into instructions.
type builder[T kernel.Float] struct {
	*layout
	tasks *tasks
	plan  *plan[T]
}

// compiled is a plan with what a machine must know to run it.
type compiled[T kernel.Float] struct {
	*plan[T]
	graph  *graph
	layout *layout
}

// compile makes the plan of a program's graph. With fold, what depends on constants only is computed now.
func compile[T kernel.Float](p *program.Graph, fold bool) (c *compiled[T], err error) {
	if failure := guard(func() { c, err = compileGraph[T](p, fold) }); failure != nil {
		return nil, failure
	}
	return c, err
}

func compileGraph[T kernel.Float](p *program.Graph, fold bool) (*compiled[T], error) {
	g, err := read(p, precision[T](), fold)
	if err != nil {
		return nil, err
	}
	t := divide(g)
	delivered := t.deliver()
	t.schedule()
	b := &builder[T]{layout: lay(t, delivered), tasks: t, plan: &plan[T]{}}
	for _, k := range t.list {
		i := b.instruction(k)
		b.plan.instructions = append(b.plan.instructions, i)
	}
	b.plan.arena, b.plan.least, b.plan.scalars = b.arena, b.least, b.scalars
	b.plan.constants = alignedSlice[T](b.constant)
	for _, v := range b.constants {
		p := b.places[v]
		copyInto(b.plan.constants[p.offset:p.offset+p.size], v.numbers(g.precision))
	}
	return &compiled[T]{b.plan, g, b.layout}, nil
}

func precision[T kernel.Float]() array.DType {
	if _, double := any(T(0)).(float64); double {
		return array.Float64
	}
	return array.Float32
}

// view is a slice as an array.
func view[T kernel.Float](x []T) array.Array {
	switch x := any(x).(type) {
	case []float64:
		return array.From64(x)
	default:
		return array.From32(x.([]float32))
	}
}

// elements are an array's numbers, which must be of that precision.
func elements[T kernel.Float](a array.Array) []T {
	if precision[T]() == array.Float64 {
		return any(a.F64).([]T)
	}
	return any(a.F32).([]T)
}

func copyInto[T kernel.Float](to []T, from array.Array) { view(to).Copy(from) }

// place returns where the elements of a value are.
func (b *builder[T]) place(v *value) place {
	p, placed := b.places[v.storage()]
	if !placed {
		panic(fmt.Sprintf("plan: %v has no place", v)) // a mistake in this package
	}
	return p
}

func (b *builder[T]) allPlaces(values []*value) []place {
	list := make([]place, len(values))
	for i, v := range values {
		list[i] = b.place(v)
	}
	return list
}

// needScratch makes the plan's scratch large enough.
func (b *builder[T]) needScratch(n int) { b.plan.scratch = max(b.plan.scratch, n) }

func (b *builder[T]) instruction(k *task) instruction[T] {
	switch {
	case k.copies != nil:
		return b.copy(k)
	case k.op == nil:
		return b.group(k)
	}
	if i, fast := b.fast(k.op); fast {
		return i
	}
	return b.reference(k.op)
}

// copy moves a result to where it belongs.
func (b *builder[T]) copy(k *task) instruction[T] {
	from, to := b.place(k.op), destination(k.copies)
	return instruction[T]{
		name: "copy", detail: k.copies.Field.String(), parts: 1,
		run: func(c *chain[T], _ int, _ []T) { copy(c.at(to), c.at(from)) },
	}
}

// reference runs an operator's reference kernel.
func (b *builder[T]) reference(v *value) instruction[T] {
	in, out := make([]ops.Tensor[T], len(v.in)), b.place(v)
	from := b.allPlaces(v.in)
	for i, x := range v.in {
		in[i].Shape = x.shape
	}
	kernel := referenceKernel[T](v.op)
	b.plan.fallible = true
	shape := v.shape
	return instruction[T]{
		name: "reference " + strings.TrimPrefix(fmt.Sprintf("%T", v.op), "ops."), detail: fmt.Sprint(v, " ", v.shape), parts: 1,
		run: func(c *chain[T], _ int, _ []T) {
			operands := slices.Clone(in) // plans are shared by chains
			for i, p := range from {
				operands[i].Data = c.at(p)
			}
			kernel(ops.Tensor[T]{Shape: shape, Data: c.at(out)}, operands...)
		},
	}
}

func referenceKernel[T kernel.Float](op ops.Operator) func(ops.Tensor[T], ...ops.Tensor[T]) {
	if precision[T]() == array.Float64 {
		return any(op.Eval64).(func(ops.Tensor[T], ...ops.Tensor[T]))
	}
	return any(op.Eval32).(func(ops.Tensor[T], ...ops.Tensor[T]))
}
