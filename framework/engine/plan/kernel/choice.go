package kernel

import (
	"fmt"
	"os"
	"strings"
)

// choice is the environment variable that chooses the instruction set.
const choice = "BACKSTITCH_KERNELS"

var refused error

func init() { refused = choose(os.Getenv(choice)) }

// Refused returns an error if the environment asks for kernels that there are none of.
func Refused() error { return refused }

// choose takes the instruction set with a name into use, or with "" leaves the best one.
func choose(name string) error {
	if name == "" || Use(name) == nil {
		return nil
	}
	return fmt.Errorf("%s is %q, and there are no such kernels in this binary for this processor: want one of %s", choice, name, strings.Join(Sets(), ", "))
}
