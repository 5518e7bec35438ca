package compose

import (
	"context"
	"errors"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// A piece of a word is as many letters as take about this long.
const (
	shortPiece = 50 * time.Millisecond
	longPiece  = 100 * time.Millisecond
)

// walker applies words of one job on one worker.
type walker struct {
	maps     Maps
	piece    int // letters
	progress func(units int)
}

// path goes from where a node starts to the node, along the word of that index. It ends early where a state is not finite.
func (w *walker) path(ctx context.Context, job *Job, n *node, index int) (Point, error) {
	p := n.start(job)
	var word []int
	for i, leg := range n.path {
		c := n.by.Compose(leg.iterate)
		group := c.Group != nil && len(c.Words[0]) > 1
		if !group {
			word = append(word, c.Words[index][leg.skip:]...)
		}
		takesIn := job.chain && job.takesIn(leg.iterate)
		if !group && !takesIn && i < len(n.path)-1 {
			continue // so that words are long
		}
		if err := w.apply(ctx, p.State, word); err != nil {
			return p, err
		}
		word = word[:0]
		if group {
			if err := w.group(ctx, p.State, c.Words[0], *c.Group); err != nil {
				return p, err
			}
		}
		if !p.State.Finite() {
			return p, nil
		}
		if takesIn {
			p.Averages = job.take(p.Averages, leg.iterate, p.State.Data)
		}
	}
	return p, nil
}

// group makes one update of the batches of a word.
func (w *walker) group(ctx context.Context, s *optim.State, word []int, g Group) error {
	maps, can := w.maps.(Groups)
	if !can {
		return errors.New("these steps cannot be taken as one update of a group of batches")
	}
	if !s.Finite() {
		return nil
	}
	err := w.unit(ctx, func() error { return maps.ApplyGroup(ctx, s, word, g) })
	if w.progress != nil && err == nil {
		w.progress(int(Composition{Words: [][]int{word}, Group: &g}.work(0).Units()) - 1)
	}
	return err
}

// bracket makes an iterate with a bracket from an earlier one on the same base, or from the base.
func (w *walker) bracket(ctx context.Context, job *Job, n *node) (Point, error) {
	maps, can := w.maps.(Derivatives)
	if !can {
		return Point{}, errors.New("the derivatives of these steps are not known")
	}
	base := job.Initial
	if n.base != nil {
		base = n.base.point.State
	}
	p := n.start(job)
	leg := n.path[0]
	b := newBracket(base)
	if leg.skip > 0 {
		b = bracketOf(p.Bracket, p.State)
	}
	c := n.by.Compose(leg.iterate)
	word, rate := c.Words[0], c.Bracket.Rate
	if rate == 0 {
		var err error
		if rate, err = maps.Rate(base); err != nil {
			return p, err
		}
	}
	if err := w.apply(ctx, b.end, word[leg.skip:]); err != nil {
		return p, err
	}
	if err := b.extend(ctx, w, maps, base, word[:leg.skip], word[leg.skip:]); err != nil {
		return p, err
	}
	p.State, p.Bracket = b.iterate(rate), b.memory()
	if job.chain && job.takesIn(n.iterate) {
		p.Averages = job.take(p.Averages, n.iterate, p.State.Data)
	}
	return p, nil
}

// unit does work of one gradient or Hessian-vector product.
func (w *walker) unit(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if w.progress != nil {
		w.progress(1)
	}
	return nil
}

// apply applies a word in pieces, so that cancelling, progress and divergence show soon. It ends early when s is not finite.
func (w *walker) apply(ctx context.Context, s *optim.State, word []int) error {
	for len(word) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece := word[:min(w.piece, len(word))]
		start := time.Now()
		if err := w.maps.Apply(ctx, s, piece); err != nil {
			return err
		}
		took := time.Since(start)
		if w.progress != nil {
			w.progress(len(piece))
		}
		if !s.Finite() {
			return nil
		}
		switch {
		case took < shortPiece && len(piece) == w.piece:
			w.piece *= 2
		case took > longPiece:
			w.piece = max(1, w.piece/2)
		}
		word = word[len(piece):]
	}
	return nil
}
