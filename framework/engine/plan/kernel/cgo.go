//go:build cgo

package kernel

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wno-psabi
#cgo LDFLAGS: -lm
#include "kernels.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Native reports whether the kernels in C are built in.
const Native = true

var sets = []string{"portable", "avx2", "avx512"}

var level = best()

// best takes the best instruction set into use.
func best() int {
	level := C.backstitch_level()
	C.backstitch_use(level)
	return int(level)
}

// Sets returns the instruction sets that kernels are compiled for and the processor has, the best one last.
func Sets() []string { return sets[:1+int(C.backstitch_level())] }

// Set returns the instruction set in use.
func Set() string { return sets[level] }

// Use changes the instruction set. No kernel may be running.
func Use(set string) error {
	for i, name := range Sets() {
		if name == set {
			level = i
			C.backstitch_use(C.int(i))
			return nil
		}
	}
	return fmt.Errorf("kernels for %q are not built in or the processor has no such instructions: there are %v", set, Sets())
}

func single[E Float]() bool {
	var x E
	return unsafe.Sizeof(x) == 4
}

func f32[E Float](x []E) *C.float  { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }
func f64[E Float](x []E) *C.double { return (*C.double)(unsafe.Pointer(unsafe.SliceData(x))) }
