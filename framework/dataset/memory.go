package dataset

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime/debug"

	"github.com/pbnjay/memory"
)

// mostBytes returns how much of memory a data set may take: three quarters of the machine's, or of what GOMEMLIMIT leaves the
// process. A small file can claim any size, so what is claimed is compared with it before anything is made room for.
func mostBytes() int64 {
	most := int64(math.MaxInt64)
	if machine := memory.TotalMemory(); machine > 0 && machine < math.MaxInt64 { // 0 where it is not known
		most = int64(machine)
	}
	return min(most, debug.SetMemoryLimit(-1)) / 4 * 3
}

// affordable returns an error if something takes too much memory: so many numbers of so many bytes.
func affordable(what string, numbers int64, width int) error {
	if most := mostBytes(); numbers > most/int64(width) {
		return fmt.Errorf("%s takes %s of memory, more than the %s that are taken for data", what, gibibytes(float64(numbers)*float64(width)), gibibytes(float64(most)))
	}
	return nil
}

func gibibytes(n float64) string { return fmt.Sprintf("%.4g GiB", n/(1<<30)) }

// interruptible is a reader that fails when the context is cancelled.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read reads a piece.
func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
