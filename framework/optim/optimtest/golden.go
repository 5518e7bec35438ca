package optimtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// golden is a file of trajectories that another implementation computed in float64 on the suite's network, with cross-entropy.
type golden struct {
	Source     string               `json:"source"`     // the implementation
	Parameters map[string][]float64 `json:"parameters"` // at the start
	Batches    []goldenBatch        `json:"batches"`    // step k reads batch k modulo their number
	Cases      []goldenCase         `json:"cases"`
}

type goldenBatch struct {
	Inputs  []float64 `json:"inputs"`
	Targets []float64 `json:"targets"`
}

type goldenCase struct {
	Name    string         `json:"name"`
	Options map[string]any `json:"options"` // that differ from the plugin's defaults
	Policy  goldenPolicy   `json:"policy"`
	States  []goldenState  `json:"states"`
}

// goldenPolicy surrounds the optimizer.
type goldenPolicy struct {
	Clipping map[string]any `json:"clipping"`
	Groups   []goldenGroup  `json:"groups"`
}

type goldenGroup struct {
	Match   []string       `json:"match"`
	Options map[string]any `json:"options"` // that differ from the optimizer's
}

type goldenState struct {
	Step       int                  `json:"step"`
	Parameters map[string][]float64 `json:"parameters"`
}

// Golden compares whole trajectories with those in a file, to 1e-12 of the largest number of each parameter. The construct's
// optimizer is given the file's options. The file is written by another implementation on the same network; see
// plugins/testdata/torch_golden.py.
func Golden(t *testing.T, construct func() optim.Optimizer, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(g.Cases) == 0 || len(g.Batches) == 0 {
		t.Fatalf("%s: no cases, or no batches", file)
	}
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if err := g.compare(c, construct); err != nil {
				t.Errorf("%s: %v", g.Source, err)
			}
		})
	}
}

// Batch returns the batch of T_k. The noise is that of the seed 0 and of k.
func (g golden) Batch(k int) (engine.Batch, error) {
	b := g.Batches[k%len(g.Batches)]
	return engine.Batch{
		Size: len(b.Targets), Inputs: []array.Array{array.From64(b.Inputs)}, Targets: array.From64(b.Targets),
		Noise: program.NoiseKey{Batch: uint64(k)},
	}, nil
}

func (g golden) compare(c goldenCase, construct func() optim.Optimizer) error {
	if len(c.States) == 0 {
		return errors.New("no states to compare with")
	}
	o := construct()
	if err := apply(c.Options, o); err != nil {
		return err
	}
	policy, err := c.Policy.around(o)
	if err != nil {
		return err
	}
	l := &lab{}
	defer l.close()
	t := l.trialWith(o, policy, everyRank, array.Float64)
	if l.err != nil {
		return l.err
	}
	if err := g.set(t.start); err != nil {
		return err
	}
	state := t.start.Clone()
	for _, want := range c.States {
		for k := int(state.Count) + 1; k <= want.Step; k++ {
			if err := t.machine.Apply(context.Background(), state, g, []int{k}); err != nil {
				return err
			}
		}
		if err := agree(state, want.Parameters); err != nil {
			return fmt.Errorf("after %d steps: %w", want.Step, err)
		}
	}
	return nil
}

// around returns the policy around an optimizer.
func (g goldenPolicy) around(o optim.Optimizer) (policy optim.Policy, err error) {
	err = apply(g.Clipping, &policy.Clipping)
	for i, group := range g.Groups {
		own := plugin.Clone(o)
		err = cmp.Or(err, apply(group.Options, own))
		policy.Groups = append(policy.Groups, optim.Group{Name: fmt.Sprint(i), Match: group.Match, Optimizer: own})
	}
	return policy, err
}

// apply sets options as a recipe would.
func apply(values map[string]any, o any) error {
	known := plugin.Options(o)
	for name, v := range values {
		at := slices.IndexFunc(known, func(o plugin.Option) bool { return o.Name == name })
		if at < 0 {
			return fmt.Errorf("%T has no option %q", o, name)
		}
		if number, ok := v.(float64); ok && known[at].Type() == "integer" {
			v = int64(number)
		}
		if err := known[at].Set(v); err != nil {
			return err
		}
	}
	return nil
}

func (g golden) set(s *optim.State) error {
	return eachParameter(s, g.Parameters, func(_ optim.Field, numbers array.Array, given []float64) error {
		numbers.Copy(array.From64(given))
		return nil
	})
}

func agree(s *optim.State, want map[string][]float64) error {
	return eachParameter(s, want, func(f optim.Field, got array.Array, want []float64) error {
		difference, scale := 0.0, 0.0
		for i, w := range want {
			difference = max(difference, math.Abs(got.At(i)-w))
			scale = max(scale, math.Abs(w))
		}
		if !(difference <= 1e-12*scale) {
			return fmt.Errorf("%v differs by %.1e of its largest number", f, difference/scale)
		}
		return nil
	})
}

// eachParameter calls f with every parameter and the numbers of its name.
func eachParameter(s *optim.State, named map[string][]float64, f func(optim.Field, array.Array, []float64) error) error {
	for _, field := range s.Layout.Fields() {
		if field.Kind != optim.Parameter {
			continue
		}
		numbers := named[field.Name]
		if len(numbers) != field.Size() {
			return fmt.Errorf("%d numbers for the parameter %v of %d", len(numbers), field, field.Size())
		}
		if err := f(field, s.Field(field), numbers); err != nil {
			return err
		}
	}
	return nil
}
