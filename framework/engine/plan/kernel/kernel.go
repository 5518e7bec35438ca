// Package kernel computes on flat memory, as fast as the processor can: elementwise programs, products of matrices, convolutions,
// pooling, softmax and copies, in float32 and float64.
//
// The kernels are written in C with vector extensions, once for both precisions, and compiled for several instruction sets, of which
// the best that the processor has is chosen when the process starts. Results are the same from run to run on one instruction set, however
// work is cut into parts; between instruction sets they differ in rounding. In float32, the kernels in C take subnormal numbers as zero. Without cgo there is a path in Go. The package knows
// neither graphs nor operators; shapes are checked by whoever calls it.
package kernel

// Float is the element type of a kernel.
type Float interface{ float32 | float64 }

// Tile is a rectangle of a matrix.
type Tile struct{ Row, Rows, Column, Columns int }

// Scratch, where a kernel asks for it, is working memory whose contents do not matter. Parts of a kernel that run at the same time
// need a scratch each.
