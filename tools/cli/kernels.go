package cli

import (
	"fmt"
	"io"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
)

// What a binary without the kernels in C has to say, and what its user can do.
const (
	withoutCompiler = "built without a C compiler, so steps take about ten times as long"
	compilerHint    = "install gcc or clang and build again with CGO_ENABLED=1"
)

// warnOfKernels says that an engine is slow for want of kernels in C.
func warnOfKernels(stderr io.Writer, engine string) {
	if engine == "plan" && !kernel.Native {
		fmt.Fprintf(stderr, "warning: %s: %s\n", withoutCompiler, compilerHint)
	}
}
