package ops

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/tensor"
)

// MatMul is the product of matrices in the last two axes, each transposed first if asked; the axes before them are broadcast.
// ONNX MatMul, and the product in Gemm.
type MatMul struct{ TransA, TransB bool }

// Arity is 2.
func (MatMul) Arity() int { return 2 }

// Shape is (…, m, n) for (…, m, k) and (…, k, n).
func (o MatMul) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	a, b := in[0], in[1]
	if len(a) < 2 || len(b) < 2 {
		return nil, fmt.Errorf("shapes %v and %v: both operands need two axes or more", a, b)
	}
	m, k, k2, n := o.sizes(a, b)
	if k != k2 {
		return nil, fmt.Errorf("shapes %v and %v: %d columns against %d rows", a, b, k, k2)
	}
	lead, err := Broadcast(a[:len(a)-2], b[:len(b)-2])
	if err != nil {
		return nil, err
	}
	return append(lead, m, n), nil
}

func (o MatMul) sizes(a, b tensor.Shape) (m, k, k2, n int) {
	m, k = a[len(a)-2], a[len(a)-1]
	if o.TransA {
		m, k = k, m
	}
	k2, n = b[len(b)-2], b[len(b)-1]
	if o.TransB {
		k2, n = n, k2
	}
	return m, k, k2, n
}

// withoutEmpty is zeros: sums of no products.
func (MatMul) withoutEmpty(shape tensor.Shape, _ []Expr) Expr { return Scalar(0).Expand(shape...) }

// Gradient is two products: for C = A·B they are G·Bᵀ and Aᵀ·G.
func (o MatMul) Gradient(in []Expr, _, g Expr) []Expr {
	a, b := in[0], in[1]
	if o.stacks(a.Shape(), b.Shape()) {
		da, db := MatMul{TransB: o.TransB}.pullback(stacked(a), matrix(b), stacked(g))
		return []Expr{da.Reshape(a.Shape()...), db.Reshape(b.Shape()...)}
	}
	da, db := o.pullback(a, b, g)
	return []Expr{da.SumTo(a.Shape()), db.SumTo(b.Shape())}
}

// stacks reports whether the product is that of all rows of a with a single matrix b.
func (o MatMul) stacks(a, b tensor.Shape) bool {
	return !o.TransA && len(a) >= len(b) && b[:len(b)-2].TotalSize() == 1
}

// stacked is x as one matrix with the rows of all.
func stacked(x Expr) Expr {
	shape := x.Shape()
	columns := shape[len(shape)-1]
	return x.Reshape(shape.TotalSize()/columns, columns)
}

// matrix is x without the axes of size one before its last two.
func matrix(x Expr) Expr {
	shape := x.Shape()
	return x.Reshape(shape[len(shape)-2:]...)
}

// pullback returns the products, before what was repeated is summed.
func (o MatMul) pullback(a, b, g Expr) (da, db Expr) {
	if o.TransA {
		da = Apply(MatMul{TransA: o.TransB, TransB: true}, b, g)
	} else {
		da = Apply(MatMul{TransB: !o.TransB}, g, b)
	}
	if o.TransB {
		db = Apply(MatMul{TransA: true, TransB: o.TransA}, g, a)
	} else {
		db = Apply(MatMul{TransA: !o.TransA}, a, g)
	}
	return da, db
}

// Eval32 calls Gonum's BLAS.
func (o MatMul) Eval32(out Tensor[float32], in ...Tensor[float32]) { matmul(o, out, in[0], in[1]) }

// Eval64 calls Gonum's BLAS.
func (o MatMul) Eval64(out Tensor[float64], in ...Tensor[float64]) { matmul(o, out, in[0], in[1]) }

func matmul[T Float](o MatMul, out, a, b Tensor[T]) {
	m, k, _, n := o.sizes(a.Shape, b.Shape)
	if k == 0 { // Gonum has no empty matrices
		clear(out.Data)
		return
	}
	if o.stacks(a.Shape, b.Shape) {
		gemm(false, o.TransB, len(a.Data)/k, n, k, a.Data, b.Data, 0, out.Data)
		return
	}
	lead := out.Shape[:len(out.Shape)-2]
	as, bs := matrixOffsets(a.Shape, lead), matrixOffsets(b.Shape, lead)
	for i := range as {
		gemm(o.TransA, o.TransB, m, n, k, a.Data[as[i]*m*k:], b.Data[bs[i]*k*n:], 0, out.Data[i*m*n:])
	}
}

// matrixOffsets returns, for each matrix of the broadcast product, the number of the operand's matrix that it reads.
func matrixOffsets(operand, lead tensor.Shape) []int {
	own := operand[:len(operand)-2]
	numbers := Tensor[float64]{Shape: own, Data: make([]float64, own.TotalSize())}
	for i := range numbers.Data {
		numbers.Data[i] = float64(i)
	}
	offsets := make([]int, lead.TotalSize())
	for i, v := range expand(numbers, lead) {
		offsets[i] = int(v)
	}
	return offsets
}

// gemm computes c = op(a)·op(b) + beta·c for row-major matrices, c of shape (m, n). Long sums of single precision are cut into
// pieces that are added in double precision: a network with kinks differs from another framework's wherever rounding decides
// on which side of one a number falls. Gonum skips zeros of a, so that their products with infinity and NaN may count as zero.
func gemm[T Float](transA, transB bool, m, n, k int, a, b []T, beta T, c []T) {
	p := multiplication{transA: transA, transB: transB, m: m, n: n, k: k}
	switch c := any(c).(type) {
	case []float32:
		p.single(any(a).([]float32), any(b).([]float32), float32(beta), c)
	case []float64:
		lda, ta, ldb, tb := p.layout()
		gonum.Implementation{}.Dgemm(ta, tb, m, n, k, 1, any(a).([]float64), lda, any(b).([]float64), ldb, float64(beta), c, n)
	}
}

// multiplication is the shape of a product of two matrices, (m, k) and (k, n) once they are transposed.
type multiplication struct {
	transA, transB bool
	m, n, k        int
}

// layout returns the leading dimensions as BLAS wants them.
func (p multiplication) layout() (lda int, ta blas.Transpose, ldb int, tb blas.Transpose) {
	lda, ldb, ta, tb = p.k, p.n, blas.NoTrans, blas.NoTrans
	if p.transA {
		lda, ta = p.m, blas.Trans
	}
	if p.transB {
		ldb, tb = p.k, blas.Trans
	}
	return lda, ta, ldb, tb
}

// maxTerms is the number of terms that are added in single precision.
const maxTerms = 128

// single computes in pieces of maxTerms what gemm computes.
func (p multiplication) single(a, b []float32, beta float32, c []float32) {
	lda, ta, ldb, tb := p.layout()
	if p.k <= maxTerms {
		gonum.Implementation{}.Sgemm(ta, tb, p.m, p.n, p.k, 1, a, lda, b, ldb, beta, c, p.n)
		return
	}
	sums, piece := make([]float64, p.m*p.n), make([]float32, p.m*p.n)
	for from := 0; from < p.k; from += maxTerms {
		atA, atB := from, from*p.n
		if p.transA {
			atA = from * p.m
		}
		if p.transB {
			atB = from
		}
		gonum.Implementation{}.Sgemm(ta, tb, p.m, p.n, min(maxTerms, p.k-from), 1, a[atA:], lda, b[atB:], ldb, 0, piece, p.n)
		for i, v := range piece {
			sums[i] += float64(v)
		}
	}
	for i, v := range sums {
		if beta != 0 {
			v += float64(beta) * float64(c[i])
		}
		c[i] = float32(v)
	}
}
