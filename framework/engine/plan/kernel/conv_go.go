//go:build !cgo

package kernel

// Sliding computes sums over channels and taps: a convolution, or its adjoint in the input.
type Sliding struct {
	conv    Conv
	adjoint bool
}

// Forward returns the kernel of y, from x and w.
func (c Conv) Forward() *Sliding { return &Sliding{conv: c} }

// Input returns the kernel of the gradient in x, from that in y and w.
func (c Conv) Input() *Sliding { return &Sliding{conv: c, adjoint: true} }

// Parts returns how many parts the work is cut into.
func (s *Sliding) Parts() int { return 1 }

// Scratch returns how many elements of working memory a part needs.
func (s *Sliding) Scratch() int { return 0 }

// Slide computes a part of y.
func Slide[E Float](s *Sliding, x, w, y []E, _ int, _ []E) {
	clear(y)
	if s.adjoint {
		s.conv.each(0, s.conv.Groups*s.conv.Filters, func(i, j, k int) { y[i] += x[k] * w[j] })
	} else {
		s.conv.each(0, s.conv.Groups*s.conv.Filters, func(i, j, k int) { y[k] += x[i] * w[j] })
	}
}

// Correlating computes the gradient of a convolution in its weights.
type Correlating struct{ conv Conv }

// Weights returns the kernel of the gradient in w, from x and that in y.
func (c Conv) Weights() *Correlating { return &Correlating{c} }

// Scratch returns how many elements of working memory Correlate needs.
func (k *Correlating) Scratch() int { return 0 }

// Correlate stores a tile of the gradient in dw, whose rows begin ld elements apart.
func Correlate[E Float](k *Correlating, x, g, dw []E, ld int, t Tile, _ []E) {
	for row := range t.Rows {
		clear(dw[row*ld:][:t.Columns])
	}
	length := k.conv.Channels * k.conv.KH * k.conv.KW
	k.conv.each(t.Row, t.Row+t.Rows, func(i, j, k int) {
		if column := j%length - t.Column; 0 <= column && column < t.Columns {
			dw[(j/length-t.Row)*ld+column] += x[i] * g[k]
		}
	})
}

// each calls f with the places in input, weights and output of every product, for some filters.
func (c *Conv) each(lo, hi int, f func(x, w, y int)) {
	for n := range c.Batch {
		for m := lo; m < hi; m++ {
			for ch := range c.Channels {
				plane := (n*c.Groups+m/c.Filters)*c.Channels + ch
				for t := range c.KH * c.KW {
					for p := range c.OH * c.OW {
						h := p/c.OW*c.StrideH - c.PadH + t/c.KW*c.DilationH
						w := p%c.OW*c.StrideW - c.PadW + t%c.KW*c.DilationW
						if 0 <= h && h < c.H && 0 <= w && w < c.W {
							f(plane*c.H*c.W+h*c.W+w, (m*c.Channels+ch)*c.KH*c.KW+t, (n*c.Groups*c.Filters+m)*c.OH*c.OW+p)
						}
					}
				}
			}
		}
	}
}
