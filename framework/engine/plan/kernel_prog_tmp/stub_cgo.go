//go:build cgo

package kernel

import "C"

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
