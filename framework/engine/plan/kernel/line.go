package kernel

// Softmax stores exp(x − max)/Σ exp(x − max), along the middle axis of (outer, n, inner), in y, which may be x.
func Softmax[E Float](x, y []E, outer, n, inner int) { softmax(false, x, y, outer, n, inner) }

// LogSoftmax stores the logarithm of what Softmax does.
func LogSoftmax[E Float](x, y []E, outer, n, inner int) { softmax(true, x, y, outer, n, inner) }

// Gather fills dst, in row-major order of a shape of at most MaxAxes axes, with the elements of src that the strides lead to from the
// first. Callers join axes: the last one that is left should be long.
func Gather[E Float](dst, src []E, first int, shape, strides []int) {
	if len(dst) > 0 {
		gather(dst, src, first, shape, strides)
	}
}

// Scatter moves the elements of src, in row-major order of the shape, to those of dst that the strides lead to from the first.
func Scatter[E Float](dst []E, first int, src []E, shape, strides []int) {
	if len(src) > 0 {
		scatter(dst, first, src, shape, strides)
	}
}

// Pool is windows of KH·KW elements that slide over planes of H·W, at OH·OW positions each. The pads are those before a plane; what is
// outside of it does not count.
type Pool struct {
	H, W, KH, KW, OH, OW                               int
	StrideH, StrideW, PadH, PadW, DilationH, DilationW int
}

// PoolSelect stores, for every position on the planes lo to hi, the element of from at which where has the maximum of the window: the first of
// several, or a NaN. Each window must have an element inside.
func PoolSelect[E Float](p *Pool, where, from, out []E, lo, hi int) {
	pool(selectMaximum, p, where, from, out, lo, hi)
}

// PoolScatter stores, on the planes lo to hi, the sums of the elements of g that belong to windows whose maximum where has there.
func PoolScatter[E Float](p *Pool, where, g, out []E, lo, hi int) {
	pool(scatterMaximum, p, where, g, out, lo, hi)
}

// PoolSum stores, for every position on the planes lo to hi, the sum of the window.
func PoolSum[E Float](p *Pool, x, out []E, lo, hi int) { pool(sumWindow, p, x, x, out, lo, hi) }

// PoolSpread stores, on the planes lo to hi, the sums of the elements of g whose windows cover a place.
func PoolSpread[E Float](p *Pool, g, out []E, lo, hi int) { pool(spreadWindow, p, g, g, out, lo, hi) }

// What is done in windows, as in kernels.h.
const (
	selectMaximum = iota
	scatterMaximum
	sumWindow
	spreadWindow
)
