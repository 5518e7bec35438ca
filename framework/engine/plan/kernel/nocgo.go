//go:build !cgo

package kernel

import "fmt"

// Native reports whether the kernels in C are built in.
const Native = false

// Sets returns the instruction sets that there are kernels for.
func Sets() []string { return []string{"go"} }

// Set returns the instruction set in use.
func Set() string { return "go" }

// Use changes the instruction set.
func Use(set string) error {
	if set != "go" {
		return fmt.Errorf("without cgo there are no kernels for %q, only those in Go", set)
	}
	return nil
}
