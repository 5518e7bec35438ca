//go:build !cgo

package kernel

// Scratch returns how many elements of working memory MatMulRows needs for that many rows.
func (p MatMul) Scratch(int) int { return 0 }

func matMulRows[E Float](p MatMul, a, b, c []E, lo, hi int, _ []E) {
	for i := lo; i < hi; i++ {
		row := c[(i-lo)*p.N : (i-lo+1)*p.N]
		clear(row)
		for l := range p.K {
			at := i*p.K + l
			if p.TransA {
				at = l*p.M + i
			}
			if p.TransB {
				for j := range row {
					row[j] += a[at] * b[j*p.K+l]
				}
			} else {
				add(row, a[at], b[l*p.N:])
			}
		}
	}
}
