package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// operators are the ONNX operators that can be imported, by family. Each is imported in the file of its family.
var operators = map[string]operator{}

func init() {
	for _, family := range []map[string]operator{
		elementwise, activation, comparison, linear, convolution, recurrent, normalization, reduction, losses,
		layout, indexing, resizing, shapes, casts, branches(),
	} {
		maps.Copy(operators, family)
	}
}

// operator is how an ONNX operator is imported.
type operator struct {
	least, most int // inputs
	importer    importer
	flat        bool          // the outputs are locally constant
	usages      map[int]usage // of the inputs that are no operands
}

// takes describes an operator by its numbers of inputs, at least and at most.
func takes(least, most int, f importer) operator {
	return operator{least: least, most: most, importer: f}
}

// constant says that nothing is trained through the operator.
func (o operator) constant() operator {
	o.flat = true
	return o
}

// settings names the inputs that are read like attributes: an initializer that serves as nothing else is not trained.
func (o operator) settings(inputs ...int) operator { return o.using(setting, inputs) }

// running names the inputs that are statistics, which training updates.
func (o operator) running(inputs ...int) operator { return o.using(running, inputs) }

func (o operator) using(u usage, inputs []int) operator {
	o.usages = maps.Clone(o.usages)
	if o.usages == nil {
		o.usages = map[int]usage{}
	}
	for _, i := range inputs {
		o.usages[i] = u
	}
	return o
}

// usageOf returns how a node reads an input.
func usageOf(n *onnx.Node, input int) usage {
	if n.Domain != "" {
		return operand
	}
	return operators[n.OpType].usages[input]
}

const many = math.MaxInt

func (o operator) arity() string {
	switch o.most {
	case o.least:
		return fmt.Sprint(o.least)
	case many:
		return fmt.Sprintf("%d or more", o.least)
	}
	return fmt.Sprintf("%d to %d", o.least, o.most)
}

// Operators returns the names of the ONNX operators that can be imported.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

// Problem is a node that cannot be imported.
type Problem struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// unsupported returns what can be told from operators alone, before shapes are known.
func (m *Model) unsupported() []Problem {
	var problems []Problem
	for _, n := range m.nodes {
		if reason := m.unknown(n); reason != "" {
			problems = append(problems, Problem{m.at(n), reason})
		}
	}
	return problems
}

func (m *Model) unknown(n *onnx.Node) string {
	if n.Domain != "" {
		return fmt.Sprintf("domain %q: only operators of the standard domain are supported", n.Domain)
	}
	o, known := operators[n.OpType]
	switch {
	case !known:
		return fmt.Sprintf("operator %s of opset %d is not supported%s", n.OpType, m.version(n), because(n.OpType))
	case len(n.Inputs) < o.least || len(n.Inputs) > o.most:
		return fmt.Sprintf("%s takes %v inputs, not %d", n.OpType, o.arity(), len(n.Inputs))
	case len(n.Outputs) == 0:
		return "it has no output"
	}
	return ""
}

func summarize(problems []Problem) string {
	const shown = 3
	var lines []string
	for i, p := range problems {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(problems)-shown))
			break
		}
		lines = append(lines, p.Node+": "+p.Reason)
	}
	return strings.Join(lines, "; ")
}

// at names a node with its operator and opset, and the call of a function that it comes from: node "conv1" (Conv, opset 13).
func (m *Model) at(n *onnx.Node) string {
	return fmt.Sprintf("%s, opset %d)%s", strings.TrimSuffix(n.String(), ")"), m.version(n), m.calls(n))
}
