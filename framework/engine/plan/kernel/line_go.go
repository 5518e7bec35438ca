//go:build !cgo

package kernel

import "math"

func softmax[E Float](logarithm bool, x, y []E, outer, n, inner int) {
	for o := range outer {
		for i := range inner {
			at := func(j int) int { return (o*n+j)*inner + i }
			largest, sum := math.Inf(-1), 0.0
			for j := range n {
				largest = max(largest, float64(x[at(j)]))
			}
			for j := range n {
				sum += math.Exp(float64(x[at(j)]) - largest)
			}
			for j := range n {
				v := float64(x[at(j)]) - largest
				if logarithm {
					v -= math.Log(sum)
				} else {
					v = math.Exp(v) / sum
				}
				y[at(j)] = E(v)
			}
		}
	}
}

func gather[E Float](dst, src []E, first int, shape, strides []int) {
	for i := range dst {
		dst[i] = src[first+Access(strides).element(shape, i)]
	}
}

func scatter[E Float](dst []E, first int, src []E, shape, strides []int) {
	for i, v := range src {
		dst[first+Access(strides).element(shape, i)] = v
	}
}

func pool[E Float](mode int, p *Pool, a, b, y []E, lo, hi int) {
	area, positions := p.H*p.W, p.OH*p.OW
	if mode == scatterMaximum || mode == spreadWindow {
		clear(y[lo*area : hi*area])
	}
	for q := lo * positions; q < hi*positions; q++ {
		best, sum := -1, 0.0
		p.window(q/positions*area, q%positions, func(at int) {
			switch {
			case mode == spreadWindow:
				y[at] += a[q]
			case mode == sumWindow:
				sum += float64(a[at])
			case best < 0 || a[at] > a[best] || a[at] != a[at]:
				best = at
			}
		})
		switch mode {
		case selectMaximum:
			y[q] = b[best]
		case scatterMaximum:
			y[best] += b[q]
		case sumWindow:
			y[q] = E(sum)
		}
	}
}

// window calls f for the elements of the window at a position of the plane that begins at an element.
func (p *Pool) window(plane, position int, f func(at int)) {
	for t := range p.KH * p.KW {
		h := position/p.OW*p.StrideH - p.PadH + t/p.KW*p.DilationH
		w := position%p.OW*p.StrideW - p.PadW + t%p.KW*p.DilationW
		if 0 <= h && h < p.H && 0 <= w && w < p.W {
			f(plane + h*p.W + w)
		}
	}
}
