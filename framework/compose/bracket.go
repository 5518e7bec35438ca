package compose

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// bracket is what the iterates with a bracket on one base have in common. The longest of them so far has a word of m letters.
type bracket struct {
	end       *optim.State // of the word
	term      sum          // Σ_{i<j} (H_i g_j − H_j g_i) over the letters i, j of the word
	gradients sum          // Σ_i g_i
}

func newBracket(base *optim.State) bracket {
	n := base.Layout.Parameters()
	return bracket{base.Clone(), make(sum, n), make(sum, n)}
}

// extend goes on to a longer word, whose first letters were there before. With the old letters i and the new ones j, the term
// grows by Σ_i H_i (Σ_j g_j) − Σ_j H_j (Σ_i g_i), and by the bracket of the new letters themselves. With one new letter that is
// Corollary C.4 of the paper, with nothing but new letters the double sum of Theorem C.2, as one sum over its Hessians.
func (b *bracket) extend(ctx context.Context, w *walker, maps Derivatives, base *optim.State, old, added []int) error {
	n := base.Layout.Parameters()
	g, direction, product := array.New(base.Data.DType(), n), array.New(base.Data.DType(), n), array.New(base.Data.DType(), n)
	gradient := func(k int) error {
		return w.unit(ctx, func() error { return maps.Gradient(ctx, base, k, g) })
	}
	hvp := func(k int, v sum) error {
		v.mean(1, direction)
		err := w.unit(ctx, func() error { return maps.HVP(ctx, base, k, direction, product) })
		b.term.add(product)
		return err
	}
	before, after := b.gradients, make(sum, n) // of the letter at hand: sums of gradients
	for _, k := range added {
		if err := gradient(k); err != nil {
			return err
		}
		after.add(g)
	}
	for _, k := range old {
		if err := hvp(k, after); err != nil {
			return err
		}
	}
	v := make(sum, n)
	for i, k := range added {
		if i < len(added)-1 {
			if err := gradient(k); err != nil {
				return err
			}
		} else {
			after.mean(1, g) // what is left of the sum is the last letter's
		}
		after.subtract(g)
		for p := range v {
			v[p] = after[p] - before[p]
		}
		if len(old)+len(added) > 1 {
			if err := hvp(k, v); err != nil {
				return err
			}
		}
		before.add(g)
	}
	return nil
}

// iterate returns the end of the word plus the term.
func (b *bracket) iterate(rate float64) *optim.State {
	s := b.end.Clone()
	parameters := s.Parameters()
	for i, v := range b.term {
		if v != 0 {
			parameters.Set(i, parameters.At(i)+rate*rate*v)
		}
	}
	return s
}

func (s sum) subtract(a array.Array) {
	for i, v := range a.F32 {
		s[i] -= float64(v)
	}
	for i, v := range a.F64 {
		s[i] -= v
	}
}

// memory returns the bracket as vectors, of which the first is the end's state.
func (b *bracket) memory() Memory {
	end := make(sum, b.end.Data.Len())
	end.add(b.end.Data)
	return Memory{end, b.term, b.gradients}
}

// bracketOf returns the bracket that memory returned, in memory of its own.
func bracketOf(m Memory, like *optim.State) bracket {
	b := newBracket(like)
	b.end.Data.Copy(array.From64(m[0]))
	b.term.add(array.From64(m[1]))
	b.gradients.add(array.From64(m[2]))
	return b
}
