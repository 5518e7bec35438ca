package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// A recurrent layer is unrolled: its steps are written one after the other, with the operators of every other layer. So gradients
// through time and their gradients need no rule of their own, and every activation, peephole and limit is just an expression.
var recurrent = map[string]operator{
	"RNN":  takes(3, 6, recurrence(cell{gates: 1, states: 1, byDefault: []string{"Tanh"}, step: rnnStep})).settings(4),
	"GRU":  takes(3, 6, recurrence(cell{gates: 3, states: 1, byDefault: []string{"Sigmoid", "Tanh"}, step: gruStep})).settings(4),
	"LSTM": takes(3, 8, recurrence(cell{gates: 4, states: 2, byDefault: []string{"Sigmoid", "Tanh", "Tanh"}, step: lstmStep})).settings(4),
}

// cell is a kind of recurrent layer.
type cell struct {
	gates     int      // blocks of rows in the weights
	states    int      // what is carried from step to step: h, and for LSTM c
	byDefault []string // activations of one direction
	// step returns the states after one step, given the weighted input of all gates and the states before.
	step func(d *direction, input ops.Expr, states []ops.Expr) []ops.Expr
}

// direction is one direction of a layer: its weights and settings.
type direction struct {
	hidden      int
	recurrence  ops.Expr // (gates·hidden, hidden)
	bias        ops.Expr // of the recurrence: (gates·hidden)
	peepholes   ops.Expr // (3·hidden), or absent
	activations []func(ops.Expr) ops.Expr
	limit       float64 // of what enters an activation; 0 for none
	linear      bool    // GRU's linear_before_reset
	coupled     bool    // LSTM's input_forget
}

// layer is what the directions share.
type layer struct {
	x                    ops.Expr // (steps, batch, features)
	steps, batch, hidden int
	lengths              ops.Expr // of the sequences (batch), absent if all are whole
}

// recurrence imports RNN, GRU and LSTM. The outputs are Y (steps, directions, batch, hidden), the last h, and LSTM's last c, both
// (directions, batch, hidden). With layout = 1 (from opset 14) the batch comes first.
func recurrence(k cell) importer {
	return func(c *call) ops.Expr {
		l, directions := c.recurrentLayer(k)
		if c.err != nil {
			return ops.Expr{}
		}
		var all []ops.Expr
		last := make([][]ops.Expr, k.states)
		for i, d := range directions {
			outputs, states := l.run(k, d, c.weightedInput(k, l, i), c.initialStates(k, l, i), c.backwards(i))
			all = append(all, outputs)
			for j := range last {
				last[j] = append(last[j], states[j].Reshape(1, l.batch, l.hidden))
			}
		}
		y := joined(1, all)
		for j, states := range last {
			h := joined(0, states)
			if c.attrBool("layout") {
				h = h.Transpose(1, 0, 2)
			}
			c.also(1+j, h, onnx.Undefined)
		}
		if c.attrBool("layout") {
			return y.Transpose(2, 0, 1, 3)
		}
		return y
	}
}

// joined is the concatenation of the parts, of which a single one needs none.
func joined(axis int, parts []ops.Expr) ops.Expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return ops.Concatenate(axis, parts...)
}

// maxSteps bounds how far a layer is unrolled.
const maxSteps = 1 << 12

// recurrentLayer reads shapes, settings and the recurrent weights of every direction.
func (c *call) recurrentLayer(k cell) (*layer, []*direction) {
	x, count := c.sequence(k)
	if c.err != nil {
		return nil, nil
	}
	l := &layer{x: x, steps: x.Shape()[0], batch: x.Shape()[1], hidden: c.expr(2).Shape()[2]}
	if l.steps > maxSteps {
		c.fail("%d steps; a layer is unrolled over at most %d", l.steps, maxSteps)
	}
	if c.has(4) {
		l.lengths = c.lengths(l)
	}
	activations := c.activations(k, count)
	if c.err != nil {
		return nil, nil
	}
	directions := make([]*direction, count)
	for i := range directions {
		directions[i] = c.direction(k, l.hidden, i)
		directions[i].activations = activations[i*len(k.byDefault):][:len(k.byDefault)]
	}
	return l, directions
}

// sequence returns the input as (steps, batch, features), and the number of directions, for which weights must be there.
func (c *call) sequence(k cell) (x ops.Expr, directions int) {
	x, w, r := c.expr(0), c.expr(1), c.expr(2)
	if c.attrBool("layout") && x.Rank() == 3 {
		x = x.Transpose(1, 0, 2)
	}
	if c.opset < 7 {
		c.attrBool("output_sequence") // which the names of outputs say too
	}
	mode := c.attrString("direction", "forward")
	directions = map[string]int{"forward": 1, "reverse": 1, "bidirectional": 2}[mode]
	if c.err == nil && (x.Rank() != 3 || w.Rank() != 3 || r.Rank() != 3 || directions == 0) {
		c.fail("direction %q with shapes %v, %v and %v", mode, x.Shape(), w.Shape(), r.Shape())
	}
	if c.err != nil {
		return x, directions
	}
	hidden, features := r.Shape()[2], x.Shape()[2]
	rows := k.gates * hidden
	if c.attrInt("hidden_size", hidden) != hidden || !slices.Equal(r.Shape(), []int{directions, rows, hidden}) ||
		!slices.Equal(w.Shape(), []int{directions, rows, features}) {
		c.fail("weights of shapes %v and %v for %d directions of %d gates on %d features", w.Shape(), r.Shape(), directions, k.gates, features)
	}
	return x, directions
}

// direction reads the weights and settings of direction i, without its activations.
func (c *call) direction(k cell, hidden, i int) *direction {
	rows := k.gates * hidden
	d := &direction{
		hidden: hidden, recurrence: row(c.expr(2), i), limit: c.attrFloat("clip", 0),
		bias: ops.Constant([]int{rows}, make([]float64, rows)),
	}
	if c.has(3) {
		d.bias = row(c.expr(3), i).Narrow(0, rows, 2*rows)
	}
	switch k.gates {
	case 3:
		d.linear = c.attrBool("linear_before_reset")
	case 4:
		d.coupled = c.attrBool("input_forget")
		if c.has(7) {
			d.peepholes = row(c.expr(7), i)
		}
	}
	return d
}

// row is x[i], without its axis.
func row(x ops.Expr, i int) ops.Expr {
	if x.Rank() == 0 {
		return x
	}
	return x.Narrow(0, i, i+1).Reshape(x.Shape()[1:]...)
}

// lengths reads how long each sequence of the batch is, which may be computed from data; absent if all are whole.
func (c *call) lengths(l *layer) ops.Expr {
	lengths := c.expr(4)
	if c.err == nil && !slices.Equal([]int(lengths.Shape()), []int{l.batch}) {
		c.fail("lengths of shape %v for %d sequences", lengths.Shape(), l.batch)
	}
	if _, known := lengths.Known(); !known || c.err != nil {
		return lengths
	}
	numbers := c.ints(4)
	if c.err == nil && slices.ContainsFunc(numbers, func(n int) bool { return n < 0 || n > l.steps }) {
		c.fail("lengths %v for %d sequences of %d steps", numbers, l.batch, l.steps)
	}
	if !slices.ContainsFunc(numbers, func(n int) bool { return n != l.steps }) {
		return ops.Expr{}
	}
	return lengths
}

// weightedInput returns the input of direction i times its weights plus the input's bias, for all steps at once:
// (steps·batch, gates·hidden).
func (c *call) weightedInput(k cell, l *layer, i int) ops.Expr {
	x := l.x.Reshape(l.steps*l.batch, l.x.Shape()[2])
	y := ops.Apply(ops.MatMul{TransB: true}, x, row(c.expr(1), i))
	if c.has(3) {
		y = y.Add(row(c.expr(3), i).Narrow(0, 0, k.gates*l.hidden))
	}
	return y
}

// initialStates returns the states of direction i before the first step, zeros if there are none.
func (c *call) initialStates(k cell, l *layer, i int) []ops.Expr {
	states := make([]ops.Expr, k.states)
	for j := range states {
		if !c.has(5 + j) {
			states[j] = ops.Constant([]int{l.batch, l.hidden}, make([]float64, l.batch*l.hidden))
			continue
		}
		x := c.expr(5 + j)
		if c.attrBool("layout") && x.Rank() == 3 {
			x = x.Transpose(1, 0, 2)
		}
		states[j] = row(x, i)
	}
	return states
}

// backwards reports whether direction i reads the sequence from its end.
func (c *call) backwards(i int) bool {
	return i == 1 || c.attrString("direction", "forward") == "reverse"
}

// run applies the steps of one direction, and returns the outputs (steps, 1, batch, hidden) and the last states.
func (l *layer) run(k cell, d *direction, input ops.Expr, states []ops.Expr, backwards bool) (outputs ops.Expr, last []ops.Expr) {
	steps := make([]ops.Expr, l.steps)
	for i := range l.steps {
		t := i
		if backwards {
			t = l.steps - 1 - i
		}
		next := k.step(d, input.Narrow(0, t*l.batch, (t+1)*l.batch), states)
		output := next[0]
		if !l.lengths.Absent() {
			output, next = l.masked(t, states, next)
		}
		states, steps[t] = next, output.Reshape(1, 1, l.batch, l.hidden)
	}
	return joined(0, steps), states
}

// masked lets a sequence that has ended, or not yet begun, keep its states and output zeros.
func (l *layer) masked(t int, before, after []ops.Expr) (output ops.Expr, states []ops.Expr) {
	mask := ops.Scalar(float64(t)).Less(l.lengths).Reshape(l.batch, 1)
	for j := range after {
		states = append(states, mask.Where(after[j], before[j]))
	}
	return mask.Where(after[0], ops.Scalar(0)), states
}

// gate returns block i of the columns of all gates.
func (d *direction) gate(x ops.Expr, i int) ops.Expr { return x.Narrow(1, i*d.hidden, (i+1)*d.hidden) }

// activate limits x and applies activation i.
func (d *direction) activate(i int, x ops.Expr) ops.Expr {
	if d.limit > 0 {
		x = x.Clamp(-d.limit, d.limit)
	}
	return d.activations[i](x)
}

// recur is h·Rᵀ plus the bias of the recurrence, for all gates.
func (d *direction) recur(h ops.Expr) ops.Expr {
	return ops.Apply(ops.MatMul{TransB: true}, h, d.recurrence).Add(d.bias)
}

// rnnStep is h' = f(x + h·Rᵀ).
func rnnStep(d *direction, input ops.Expr, states []ops.Expr) []ops.Expr {
	return []ops.Expr{d.activate(0, input.Add(d.recur(states[0])))}
}

// gruStep has the gates update, reset and hidden (Cho et al., arXiv:1406.1078): h' = (1 − z)·ĥ + z·h. The reset acts before the
// recurrence of the hidden gate or, if linear, after it.
func gruStep(d *direction, input ops.Expr, states []ops.Expr) []ops.Expr {
	h, recurred := states[0], d.recur(states[0])
	z := d.activate(0, d.gate(input, 0).Add(d.gate(recurred, 0)))
	r := d.activate(0, d.gate(input, 1).Add(d.gate(recurred, 1)))
	reset := r.Mul(d.gate(recurred, 2))
	if !d.linear {
		weights, bias := d.recurrence.Narrow(0, 2*d.hidden, 3*d.hidden), d.bias.Narrow(0, 2*d.hidden, 3*d.hidden)
		reset = ops.Apply(ops.MatMul{TransB: true}, r.Mul(h), weights).Add(bias)
	}
	candidate := d.activate(1, d.gate(input, 2).Add(reset))
	return []ops.Expr{z.OneMinus().Mul(candidate).Add(z.Mul(h))}
}

// lstmStep has the gates input, output, forget and cell (Hochreiter and Schmidhuber, 1997; peepholes of Gers and Schmidhuber,
// 2000): c' = f·c + i·ĉ, h' = o·tanh(c').
func lstmStep(d *direction, input ops.Expr, states []ops.Expr) []ops.Expr {
	sum := input.Add(d.recur(states[0]))
	before := states[1]
	peep := func(x ops.Expr, block int, state ops.Expr) ops.Expr {
		if d.peepholes.Absent() {
			return x
		}
		return x.Add(d.peepholes.Narrow(0, block*d.hidden, (block+1)*d.hidden).Mul(state))
	}
	i := d.activate(0, peep(d.gate(sum, 0), 0, before))
	forget := i.OneMinus()
	if !d.coupled {
		forget = d.activate(0, peep(d.gate(sum, 2), 2, before))
	}
	after := forget.Mul(before).Add(i.Mul(d.activate(1, d.gate(sum, 3))))
	o := d.activate(0, peep(d.gate(sum, 1), 1, after))
	return []ops.Expr{o.Mul(d.activations[2](after)), after}
}
