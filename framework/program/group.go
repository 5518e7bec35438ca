package program

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Group returns the graph of one update of k = parts batches of that size, in a phase of the optimizer: its update for the gradient
//
//	Σ_i g_i − c·Σ_i H_i (G − g_i),   G = Σ_i g_i,
//
// where g_i and H_i are the gradient and the Hessian of the mean loss of batch i at the state, and c is the moment's Correction
// (arXiv:2502.01557, Appendix D.2). Without the second-order term, it costs k gradients, else k Hessian-vector products more. Buffers
// become the mean of what steps on the batches would make of them.
//
// What the graph reads of batches is all FromBatch: with n inputs of the model, input i of part p has the index p·n + i, and the targets of
// part p have k·n + p. It fails as [Program.TakesGradient] does.
func (p *Program) Group(batch, parts, phase int, secondOrder bool) (*Graph, error) {
	if err := p.TakesGradient(); err != nil {
		return nil, err
	}
	return p.build(batch, true, func(b *builder) error {
		gradient, err := b.groupGradient(parts, secondOrder)
		if err != nil {
			return err
		}
		u, err := b.update(given{gradient}, phase)
		if err != nil {
			return err
		}
		return b.writeUpdate(u)
	})
}

// groupGradient returns the corrected gradient of a group, and makes its buffers the builder's. The first part is what was written; the
// others are the same over other inputs.
func (b *builder) groupGradient(parts int, secondOrder bool) ([]ops.Expr, error) {
	gradients, err := autodiff.Grad(b.loss, b.params...)
	if err != nil {
		return nil, err
	}
	along, products := b.directions(), []ops.Expr(nil)
	if secondOrder {
		if products, err = autodiff.HVP(b.loss, b.params, along); err != nil {
			return nil, err
		}
	}
	part := make([]*substitution, parts)
	inputs := b.batchInputs(parts)
	for i := range part {
		part[i] = newSubstitution(inputs[0], inputs[i])
	}
	each, total := make([][]ops.Expr, parts), make([]ops.Expr, len(gradients))
	for i := range part {
		each[i] = part[i].all(gradients)
		add(total, each[i], i == 0)
	}
	b.buffers = b.meanBuffers(part)
	if !secondOrder {
		return total, nil
	}
	term := make([]ops.Expr, len(total))
	for i := range part {
		others := make([]ops.Expr, len(total))
		for p := range others {
			others[p] = total[p].Sub(each[i][p])
		}
		add(term, part[i].with(along, others).all(products), i == 0)
	}
	correction := ops.Input(b.graph.Expr, "correction", b.program.Precision)
	b.input(correction, Input{Source: FromScalar, Eval: func(m optim.Moment) float64 { return m.Correction }})
	for p := range total {
		total[p] = total[p].Sub(term[p].Mul(correction))
	}
	return total, nil
}

// add adds a list to sums, or begins them.
func add(sums, list []ops.Expr, first bool) {
	for i, x := range list {
		if first {
			sums[i] = x
		} else {
			sums[i] = sums[i].Add(x)
		}
	}
}

// batchInputs adds to the inputs that read the batch those of the further parts, and returns them part by part.
func (b *builder) batchInputs(parts int) [][]ops.Expr {
	list := make([][]ops.Expr, parts)
	count := len(b.program.Model.Inputs)
	for at, in := range b.graph.Inputs { // of the first part
		if in.Source != FromBatch && in.Source != FromTargets && in.Source != FromNoise {
			continue
		}
		first := ops.FromNode(in.Node)
		for part := range parts {
			x, of := first, in
			if part > 0 {
				x = ops.Input(b.graph.Expr, fmt.Sprintf("%s of part %d", in.Node.Name(), part), b.program.Precision, first.Shape()...)
			}
			switch in.Source {
			case FromBatch:
				of.Index += part * count
			case FromTargets:
				of.Source, of.Index = FromBatch, parts*count+part
			case FromNoise:
				of.Part = part
			}
			if of.Node = x.Node(); part == 0 {
				b.graph.Inputs[at] = of
			} else {
				b.graph.Inputs = append(b.graph.Inputs, of)
			}
			list[part] = append(list[part], x)
		}
	}
	return list
}

// meanBuffers returns the mean of what the parts make of the buffers.
func (b *builder) meanBuffers(part []*substitution) []ops.Expr {
	mean := make([]ops.Expr, len(b.buffers))
	for i := range part {
		add(mean, part[i].all(b.buffers), i == 0)
	}
	for i := range mean {
		mean[i] = mean[i].Scale(1 / float64(len(part)))
	}
	return mean
}
