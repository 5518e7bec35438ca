package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/spf13/cobra"
)

// bindings are the flags that say what a model file leaves open. Every command that takes a model has them.
type bindings struct{ dims dimSizes }

// bindingFlags adds --dim.
func bindingFlags(c *cobra.Command, b *bindings) {
	b.dims = dimSizes{}
	c.Flags().Var(b.dims, "dim", "give a dimension of the model's inputs that the file leaves open a size, as `NAME=SIZE` or INPUT.AXIS=SIZE; may be repeated")
}

// apply puts the bindings into a model's options.
func (b bindings) apply(o model.Options) model.Options {
	o.Dims = maps.Clone(b.dims)
	return o
}

// overrides are the bindings as values that --set puts into a recipe.
func (b bindings) overrides() []string {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(b.dims)) {
		set = append(set, fmt.Sprintf("model.dims.%s=%d", plugin.Key(name), b.dims[name]))
	}
	return set
}

// dimSizes is a flag such as time=128 that may be repeated.
type dimSizes map[string]int

// Set reads one size. A name may hold any letters, so the last = ends it.
func (d dimSizes) Set(text string) error {
	at := max(strings.LastIndex(text, "="), 0)
	size, err := strconv.ParseInt(strings.TrimPrefix(text[at:], "="), 10, 32)
	if at == 0 || err != nil || size < 1 {
		return errors.New("want NAME=SIZE or INPUT.AXIS=SIZE with a size from 1 on, such as time=128 or x.2=48")
	}
	d[text[:at]] = int(size)
	return nil
}

// String prints the sizes in the order of their names.
func (d dimSizes) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		list = append(list, fmt.Sprintf("%s=%d", name, d[name]))
	}
	return strings.Join(list, " ")
}

// Type names the flag's type in help texts.
func (dimSizes) Type() string { return "NAME=SIZE" }
