//go:build !cgo

package kernel

func dot[E Float](m, n, k int, a, b, c []E, ldc int, scratch []E) {
	for i := range m {
		x := a[i*k : (i+1)*k]
		for j := range n {
			var sum E
			for l, w := range b[j*k : (j+1)*k] {
				sum += w * x[l]
			}
			c[i*ldc+j] = sum
		}
	}
}

func combine[E Float](sum bool, m, n, k int, a []E, lda int, b, c []E, ldc int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if !sum {
			clear(row)
		}
		for l := range k {
			add(row, a[i*lda+l], b[l*n:])
		}
	}
}

func outer[E Float](lo, hi, n, k int, a []E, lda int, b []E, ldb int, c []E) {
	clear(c[:(hi-lo)*n])
	descend(lo, hi, n, k, -1, a, lda, b, ldb, c)
}

func descend[E Float](lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c []E) {
	for r := lo; r < hi; r++ {
		for l := range k {
			add(c[(r-lo)*n:(r-lo+1)*n], -rate*a[l*lda+r], b[l*ldb:])
		}
	}
}

func retreat[E Float](sum bool, lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c, d []E, ldd int) {
	combine(sum, k, n, hi-lo, a[lo:], lda, c, d, ldd)
	descend(lo, hi, n, k, rate, a, lda, b, ldb, c)
}

// add adds a multiple of x to y, which may be shorter.
func add[E Float](y []E, scale E, x []E) {
	for i, v := range x[:len(y)] {
		y[i] += scale * v
	}
}
