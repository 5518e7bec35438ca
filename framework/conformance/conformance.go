// Package conformance runs ONNX's backend tests: folders that hold a model, its inputs, and the outputs that it must have.
//
// A test passes only if every output of every data set has the right type, shape and numbers. What package model does not support is
// told apart, with the reason, from what is wrong. The package knows no operator and no engine.
package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Outcome is what became of a test.
type Outcome string

// The outcomes.
const (
	Passed      Outcome = "passed"
	Failed      Outcome = "failed"      // something is wrong: an output, the folder, or this program
	Unsupported Outcome = "unsupported" // the model or its data are refused
)

// Result is the outcome of a test.
type Result struct {
	Group     string   `json:"group"`
	Name      string   `json:"name"`
	Operators []string `json:"operators"` // of the graph, in alphabetical order; none if it cannot be read
	Outcome   Outcome  `json:"outcome"`
	Reason    string   `json:"reason,omitempty"` // what differs, or what is not supported
}

// Run runs a test. Whatever happens is a result.
func Run(t Test, e Evaluator) (r Result) {
	r = Result{Group: t.Group, Name: t.Name}
	defer func() {
		if p := recover(); p != nil {
			r.Outcome, r.Reason = Failed, fmt.Sprintf("it panics: %v", p)
		}
	}()
	c := t.newCase()
	err := c.load(t.Folder)
	r.Operators = c.operators()
	if err == nil {
		err = c.run(e)
	}
	var refusal *model.Refusal
	switch {
	case err == nil:
		r.Outcome = Passed
	case errors.As(err, &refusal):
		r.Outcome, r.Reason = Unsupported, reason(refusal)
	default:
		r.Outcome, r.Reason = Failed, err.Error()
	}
	return r
}

// reason is what a refusal says, apart from where.
func reason(r *model.Refusal) string {
	var list []string
	for _, p := range r.Problems {
		if !slices.Contains(list, p.Reason) {
			list = append(list, p.Reason)
		}
	}
	return strings.Join(list, "; ")
}

// operators returns the names of the operators of the graph.
func (c *Case) operators() []string {
	list := []string{}
	if c.Model == nil {
		return list
	}
	for _, n := range c.Model.Graph.Nodes {
		name := n.OpType
		if n.Domain != "" {
			name = n.Domain + "." + name
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// run returns nil, a refusal, or what is wrong.
func (c *Case) run(e Evaluator) error {
	for _, set := range c.DataSets {
		for i, out := range c.Model.Graph.Outputs {
			if err := c.check(e, set, out.Name, set.Outputs[i]); err != nil {
				return fmt.Errorf("%s, output %q: %w", set.Name, out.Name, err)
			}
		}
	}
	return nil
}

func (c *Case) check(e Evaluator, set DataSet, output string, want *onnx.Tensor) error {
	var applied *model.Applied
	err := ops.Build(func() (err error) {
		applied, err = model.Apply(c.Model, output, set.Inputs, c.Precision)
		return err
	})
	if err != nil {
		return err
	}
	numbers, known := applied.Output.Known()
	got := array.From64(numbers)
	if !known {
		if got, err = e.EvaluateGraph(applied.Output); err != nil {
			return err
		}
	}
	return compare(applied, got, want, c.tolerance(want.DType))
}

// Count counts the tests of a group by outcome.
type Count struct {
	Group       string `json:"group"`
	Tests       int    `json:"tests"`
	Passed      int    `json:"passed"`
	Failed      int    `json:"failed"`
	Unsupported int    `json:"unsupported"`
}

// Counts counts the outcomes of each group, in the order in which the groups first occur.
func Counts(results []Result) []Count {
	counts := []Count{}
	for _, r := range results {
		at := slices.IndexFunc(counts, func(c Count) bool { return c.Group == r.Group })
		if at < 0 {
			at = len(counts)
			counts = append(counts, Count{Group: r.Group})
		}
		c := &counts[at]
		c.Tests++
		switch r.Outcome {
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
		case Unsupported:
			c.Unsupported++
		}
	}
	return counts
}
