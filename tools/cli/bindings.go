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
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/spf13/cobra"
)

// bindings are the flags that say what a model file leaves open. Every command that takes a model has them.
type bindings struct {
	dims dimSizes
	fix  fixedInputs
}

// bindingFlags adds --dim and --fix.
func bindingFlags(c *cobra.Command, b *bindings) {
	b.dims, b.fix = dimSizes{}, fixedInputs{}
	c.Flags().Var(b.dims, "dim", "give a dimension of the model's inputs that the file leaves open a size, as `NAME=SIZE` or INPUT.AXIS=SIZE; may be repeated")
	c.Flags().Var(b.fix, "fix", "give an input of the model a value once and for all, as `INPUT=VALUE`: a number, true or false, or a list; may be repeated")
}

// apply puts the bindings into a model's options.
func (b bindings) apply(o model.Options) model.Options {
	o.Dims, o.Fix = maps.Clone(b.dims), map[string]any{}
	for name, text := range b.fix {
		o.Fix[name] = recipe.ParseValue(text)
	}
	return o
}

// overrides are the bindings as values that --set puts into a recipe.
func (b bindings) overrides() []string {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(b.dims)) {
		set = append(set, fmt.Sprintf("model.dims.%s=%d", plugin.Key(name), b.dims[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(b.fix)) {
		set = append(set, fmt.Sprintf("model.fix.%s=%s", plugin.Key(name), b.fix[name]))
	}
	return set
}

// dimSizes is a flag such as time=128 that may be repeated.
type dimSizes map[string]int

// Set reads one size. A name may hold any letters, so the last = ends it.
func (d dimSizes) Set(text string) error {
	at := max(strings.LastIndex(text, "="), 0)
	size, err := strconv.ParseInt(strings.TrimPrefix(text[at:], "="), 10, 32)
	if at == 0 || err != nil || size < 0 {
		return errors.New("want NAME=SIZE or INPUT.AXIS=SIZE with a size from 0 on, such as time=128 or x.2=48")
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

// fixedInputs is a flag such as sr=16000 that may be repeated: values as they were written.
type fixedInputs map[string]string

// Set reads one value.
func (f fixedInputs) Set(text string) error {
	at := max(strings.LastIndex(text, "="), 0)
	value := strings.TrimSpace(strings.TrimPrefix(text[at:], "="))
	if at == 0 || value == "" {
		return errors.New("want INPUT=VALUE, such as sr=16000, training=false or size=[8, 8]")
	}
	if err := model.CheckFixed(recipe.ParseValue(value)); err != nil {
		return err
	}
	f[text[:at]] = value
	return nil
}

// String prints the values in the order of their inputs' names.
func (f fixedInputs) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		list = append(list, name+"="+f[name])
	}
	return strings.Join(list, " ")
}

// Type names the flag's type in help texts.
func (fixedInputs) Type() string { return "INPUT=VALUE" }
