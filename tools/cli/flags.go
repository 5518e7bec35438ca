package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/spf13/cobra"
)

// choiceFlag adds a flag for one of some names.
func choiceFlag(c *cobra.Command, chosen *string, name, value string, names []string, usage string) {
	*chosen = value
	c.Flags().Var(&choice{chosen, names}, name, fmt.Sprintf("%s: %s", usage, strings.Join(names, ", ")))
}

func engineFlag(c *cobra.Command, name *string) {
	choiceFlag(c, name, "engine", "plan", engine.Names(), "the engine")
}

func precisionFlag(c *cobra.Command, name *string) {
	names := []string{string(array.Float32), string(array.Float64)}
	choiceFlag(c, name, "dtype", names[0], names, "the precision")
}

type choice struct {
	chosen *string
	names  []string
}

// Set takes one of the names.
func (f *choice) Set(text string) error {
	if slices.Contains(f.names, text) {
		*f.chosen = text
		return nil
	}
	if meant := plugin.Suggest(text, f.names); meant != "" {
		return fmt.Errorf("did you mean %q?", meant)
	}
	return fmt.Errorf("want one of %s", strings.Join(f.names, ", "))
}

// String is the chosen name.
func (f *choice) String() string { return *f.chosen }

// Type names the flag's type in help texts.
func (*choice) Type() string { return "NAME" }

// positiveFlag adds a flag for an integer from 1 to a million.
func positiveFlag(c *cobra.Command, n *int, name string, value int, usage string) {
	boundedFlag(c, n, name, value, 1_000_000, usage)
}

// workersFlag adds a flag for how much is done at the same time.
func workersFlag(c *cobra.Command, n *int, name string, value int, usage string) {
	boundedFlag(c, n, name, value, max(1024, value), usage)
}

// boundedFlag adds a flag for an integer from 1 to most.
func boundedFlag(c *cobra.Command, n *int, name string, value, most int, usage string) {
	*n = value
	c.Flags().Var(&bounded{n, most}, name, usage)
}

type bounded struct {
	n    *int
	most int
}

// Set reads the number, in any base that Go writes.
func (b *bounded) Set(text string) error {
	n, err := strconv.ParseInt(text, 0, strconv.IntSize)
	if err != nil || n < 1 || n > int64(b.most) {
		return fmt.Errorf("want an integer from 1 to %d", b.most)
	}
	*b.n = int(n)
	return nil
}

// String prints the number.
func (b *bounded) String() string {
	if b.n == nil { // as pflag asks of a zero value
		return "0"
	}
	return strconv.Itoa(*b.n)
}

// Type names the flag's type in help texts.
func (*bounded) Type() string { return "N" }

// seedList is a flag such as 0,1,2.
type seedList []string

// Set reads different seeds.
func (l *seedList) Set(text string) error {
	seeds := strings.Split(text, ",")
	if len(seeds) > recipe.MaxSeeds {
		return fmt.Errorf("it has %d seeds: a run has at most %d", len(seeds), recipe.MaxSeeds)
	}
	for i, seed := range seeds {
		n, err := strconv.ParseUint(seed, 10, 63)
		if err != nil {
			return errors.New("want integers from 0 on, such as 0,1,2")
		}
		if seeds[i] = strconv.FormatUint(n, 10); slices.Contains(seeds[:i], seeds[i]) {
			return fmt.Errorf("it has %s twice", seeds[i])
		}
	}
	*l = seeds
	return nil
}

// String prints the seeds with commas between them.
func (l *seedList) String() string { return strings.Join(*l, ",") }

// Type names the flag's type in help texts.
func (*seedList) Type() string { return "SEEDS" }

// byteSize is a flag such as 8GiB.
type byteSize int64

var units = []struct {
	name string
	size float64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// Set reads a number with a unit.
func (b *byteSize) Set(text string) error {
	for _, u := range units {
		digits, matches := strings.CutSuffix(text, u.name)
		if !matches {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(n*u.size >= 1 && n*u.size < 1<<60) {
			break
		}
		*b = byteSize(n * u.size)
		return nil
	}
	return errors.New("want a size such as 512MiB or 8GiB")
}

// String prints the size in the largest unit of which there is one; nothing for none.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return size(int64(*b))
}

// Type names the flag's type in help texts.
func (*byteSize) Type() string { return "SIZE" }
