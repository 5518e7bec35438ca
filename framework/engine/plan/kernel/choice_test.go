package kernel

import (
	"strings"
	"testing"
)

func TestKernelsThatThereAreNoneOfAreRefused(t *testing.T) {
	before := Set()
	defer Use(before)
	for _, name := range append(Sets(), "") {
		if err := choose(name); err != nil || name != "" && Set() != name {
			t.Errorf("%q: %v; in use is %s", name, err, Set())
		}
	}
	want := `BACKSTITCH_KERNELS is "bogus", and there are no such kernels in this binary for this processor: want one of ` + strings.Join(Sets(), ", ")
	if err := choose("bogus"); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
