package plan

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// writer writes the elementwise program of a group.
type writer struct {
	task      *task
	inside    map[*value]bool // computed in the group
	uses      map[*value]int  // by what is inside
	registers map[*value]int

	program kernel.Program
	leaves  []*value // of the inputs
	numbers map[float64]int

	reciprocals map[*value]int
}

// write returns the program of a group, and the values that its inputs read. The layout says which outputs overwrite which inputs.
func (t *tasks) write(k *task, l *layout) (kernel.Program, []*value) {
	w := &writer{task: k, inside: map[*value]bool{}, uses: map[*value]int{}, registers: map[*value]int{}, numbers: map[float64]int{},
		reciprocals: map[*value]int{}}
	code := t.code(k)
	for _, v := range code {
		w.inside[v] = true
	}
	for _, v := range code {
		for _, x := range v.in {
			w.uses[x]++
			if !w.inside[x] && x.known == nil && !slices.Contains(w.leaves, x) {
				w.registers[x] = len(w.leaves)
				w.leaves = append(w.leaves, x)
			}
		}
	}
	for _, r := range k.roots {
		w.uses[r]++
		w.value(r)
	}
	for _, r := range k.roots {
		w.result(r, l)
	}
	w.join()
	return w.program, w.leaves
}

// value returns the register that holds a value; for a sum, that holds what is summed.
func (w *writer) value(v *value) int {
	if v.sum() && w.inside[v] {
		return w.value(v.in[0])
	}
	if v.known != nil {
		return w.number(*v.known)
	}
	if register, made := w.registers[v]; made {
		return register
	}
	in := w.instruction(v)
	in.Out = len(w.leaves) + len(w.program.Code)
	w.program.Code = append(w.program.Code, in)
	w.registers[v] = in.Out
	return in.Out
}

// number returns a register that holds the same number for every element.
func (w *writer) number(x float64) int {
	register, made := w.numbers[x]
	if !made {
		register = len(w.leaves) + len(w.program.Code)
		w.program.Code = append(w.program.Code, kernel.Instruction{Op: kernel.Fill, Out: register, P: x})
		w.numbers[x] = register
	}
	return register
}

func (w *writer) instruction(v *value) kernel.Instruction {
	switch op := v.op.(type) {
	case ops.Unary:
		return kernel.Instruction{Op: functions[op.Func], A: w.value(v.in[0])}
	case ops.Affine:
		return kernel.Instruction{Op: kernel.Affine, A: w.value(v.in[0]), P: op.Scale, Q: op.Shift}
	case ops.Clamp:
		return kernel.Instruction{Op: kernel.Clamp, A: w.value(v.in[0]), P: op.Min, Q: op.Max}
	case ops.Within:
		return kernel.Instruction{Op: kernel.Within, A: w.value(v.in[0]), P: op.Min, Q: op.Max}
	case ops.Where:
		return kernel.Instruction{Op: kernel.Where, A: w.value(v.in[0]), B: w.value(v.in[1]), C: w.value(v.in[2])}
	case ops.Binary:
		return w.binary(op, v)
	default: // ops.Expand
		return kernel.Instruction{Op: kernel.Copy, A: w.value(v.in[0])}
	}
}

// binary lets a product that only a sum reads be computed with it.
func (w *writer) binary(op ops.Binary, v *value) kernel.Instruction {
	a, b := v.in[0], v.in[1]
	switch {
	case op.Func == ops.Add && w.product(a):
		return w.fused(kernel.MulAdd, a, b)
	case op.Func == ops.Add && w.product(b):
		return w.fused(kernel.MulAdd, b, a)
	case op.Func == ops.Sub && w.product(b):
		return w.fused(kernel.MulSub, b, a)
	case w.scaled(v):
		x, y := w.factors(v)
		return kernel.Instruction{Op: kernel.Mul, A: x, B: y}
	}
	return kernel.Instruction{Op: arithmetics[op.Func], A: w.value(a), B: w.value(b)}
}

// fused multiplies the factors of a product and adds c.
func (w *writer) fused(op kernel.Code, product, c *value) kernel.Instruction {
	x, y := w.factors(product)
	return kernel.Instruction{Op: op, A: x, B: y, C: w.value(c)}
}

// product reports whether a value is a product that nothing else reads.
func (w *writer) product(v *value) bool {
	op, is := v.op.(ops.Binary)
	return is && w.inside[v] && w.uses[v] == 1 && slices.Equal(v.shape, w.task.space) && (op.Func == ops.Mul || w.scaled(v))
}

// scaled reports whether a value is a quotient that is computed with the divisor's reciprocal, because that is the same for all
// elements: divisions take several times as long. The last bit may differ, which must not be rounded or compared.
func (w *writer) scaled(v *value) bool {
	op, is := v.op.(ops.Binary)
	return is && op.Func == ops.Div && v.in[1].size == 1 && v.size > 1 && v.in[1].known == nil && !slices.ContainsFunc(v.users, discontinuous)
}

// discontinuous reports whether a value may jump where an operand changes by its last bit.
func discontinuous(v *value) bool {
	switch op := v.op.(type) {
	case ops.Unary:
		return slices.Contains([]ops.Function{ops.Sign, ops.Step, ops.Floor, ops.Ceil, ops.Round, ops.Trunc}, op.Func)
	case ops.Binary:
		return slices.Contains([]ops.Arithmetic{ops.Mod, ops.Fmod, ops.Less, ops.Equal}, op.Func)
	case ops.Affine, ops.Clamp, ops.Expand, ops.Reshape:
		return slices.ContainsFunc(v.users, discontinuous)
	}
	_, within := v.op.(ops.Within)
	return within
}

// factors returns the registers of a product's factors.
func (w *writer) factors(v *value) (x, y int) {
	a, b := v.in[0], v.in[1]
	if !w.scaled(v) {
		return w.value(a), w.value(b)
	}
	x = w.value(a)
	y, made := w.reciprocals[b]
	if !made {
		one, divisor := w.number(1), w.value(b)
		y = len(w.leaves) + len(w.program.Code)
		w.program.Code = append(w.program.Code, kernel.Instruction{Op: kernel.Div, Out: y, A: one, B: divisor})
		w.reciprocals[b] = y
	}
	return x, y
}

// result stores or sums a root.
func (w *writer) result(r *value, l *layout) {
	register := w.value(r)
	if r.sum() {
		w.program.Sums = append(w.program.Sums, kernel.Sum{Register: register, Into: kept(r)})
		return
	}
	out := kernel.Output{Register: register, Alias: -1}
	for i, leaf := range w.leaves {
		if p := l.places[leaf.storage()]; slices.Equal(leaf.shape, w.task.space) && p.size > 0 && p == l.places[r] {
			out.Alias = i
		}
	}
	w.program.Outputs = append(w.program.Outputs, out)
}

// kept returns the strides that lead from what is summed to the sums.
func kept(r *value) kernel.Access {
	shape := r.in[0].shape.Clone()
	for _, axis := range r.op.(ops.ReduceSum).Axes {
		shape[axis] = 1
	}
	return kernel.Access(ops.Repeating(shape, r.in[0].shape))
}

// join describes how inputs and sums are accessed in as few axes as possible.
func (w *writer) join() {
	space := w.task.space
	strides := [][]int{ops.RowMajor(space)}
	for _, leaf := range w.leaves {
		strides = append(strides, ops.Repeating(leaf.shape, space))
	}
	for _, s := range w.program.Sums {
		strides = append(strides, s.Into)
	}
	shape, walks := ops.Joined(space, strides...)
	w.program.Shape = shape
	for _, walk := range walks[1 : 1+len(w.leaves)] {
		w.program.Inputs = append(w.program.Inputs, access(shape, walk))
	}
	for i, walk := range walks[1+len(w.leaves):] {
		w.program.Sums[i].Into = walk
	}
}

// access is nil for row-major order.
func access(shape tensor.Shape, strides []int) kernel.Access {
	if shape.TotalSize() > 1 && slices.Equal(strides, ops.RowMajor(shape)) {
		return nil
	}
	return strides
}

var functions = map[ops.Function]kernel.Code{
	ops.Exp: kernel.Exp, ops.Log: kernel.Log, ops.Sqrt: kernel.Sqrt, ops.Abs: kernel.Abs, ops.Sign: kernel.Sign, ops.Step: kernel.Step,
	ops.Relu: kernel.Relu, ops.Tanh: kernel.Tanh, ops.Sigmoid: kernel.Sigmoid, ops.Softplus: kernel.Softplus, ops.Erf: kernel.Erf,
	ops.Sin: kernel.Sin, ops.Cos: kernel.Cos, ops.Tan: kernel.Tan, ops.Asin: kernel.Asin, ops.Acos: kernel.Acos, ops.Atan: kernel.Atan,
	ops.Sinh: kernel.Sinh, ops.Cosh: kernel.Cosh, ops.Asinh: kernel.Asinh, ops.Acosh: kernel.Acosh, ops.Atanh: kernel.Atanh,
	ops.Floor: kernel.Floor, ops.Ceil: kernel.Ceil, ops.Round: kernel.Round, ops.Trunc: kernel.Trunc, ops.IsNaN: kernel.IsNaN,
	ops.IsInf: kernel.IsInf,
}

var arithmetics = map[ops.Arithmetic]kernel.Code{
	ops.Add: kernel.Add, ops.Sub: kernel.Sub, ops.Mul: kernel.Mul, ops.Div: kernel.Div, ops.Pow: kernel.Pow, ops.Max: kernel.Max,
	ops.Min: kernel.Min, ops.Mod: kernel.Mod, ops.Fmod: kernel.Fmod, ops.Less: kernel.Less, ops.Equal: kernel.Equal,
}
