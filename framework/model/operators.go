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
		elementwise, linear, convolution, normalization, reduction, layout, shapes, branches,
	} {
		maps.Copy(operators, family)
	}
}

// operator is how many inputs an ONNX operator has, at least and at most, and how it is imported.
type operator struct {
	least, most int
	importer    importer
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

// settings are the inputs that an operator reads like attributes. An initializer that serves as nothing else is not trained.
var settings = map[string][]int{
	"Pow":     {1},
	"Dropout": {1},
}

// Problem is a node that cannot be imported.
type Problem struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// unsupported returns what can be told from operators and outputs alone, before shapes are known.
func (m *Model) unsupported() []Problem {
	var problems []Problem
	read := map[string]bool{m.Output: true}
	for _, n := range m.nodes {
		mentioned(n, func(name string, _ bool) { read[name] = true })
	}
	for _, n := range m.nodes {
		if reason := m.refusal(n, read); reason != "" {
			problems = append(problems, Problem{m.at(n), reason})
		}
	}
	return problems
}

func (m *Model) refusal(n *onnx.Node, read map[string]bool) string {
	if reason := m.unknown(n); reason != "" {
		return reason
	}
	for i, name := range n.Outputs {
		if i > 0 && name != "" && read[name] {
			return fmt.Sprintf("output %d (%q) of %s is not supported", i, name, n.OpType)
		}
	}
	return ""
}

func (m *Model) unknown(n *onnx.Node) string {
	if n.Domain != "" {
		return fmt.Sprintf("domain %q: only operators of the standard domain are supported", n.Domain)
	}
	for _, f := range m.Source.Functions {
		if f.Name == n.OpType && f.Domain == "" {
			return "it calls a function that the file defines, which is not supported"
		}
	}
	o, known := operators[n.OpType]
	switch {
	case !known:
		return fmt.Sprintf("operator %s of opset %d is not supported", n.OpType, m.opset)
	case len(n.Inputs) < o.least || len(n.Inputs) > o.most:
		return fmt.Sprintf("%s takes %v inputs, not %d", n.OpType, o.arity(), len(n.Inputs))
	case len(n.Outputs) == 0 || n.Outputs[0] == "":
		return "its first output is omitted"
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

// at names a node with its operator and opset: node "conv1" (Conv, opset 13).
func (m *Model) at(n *onnx.Node) string {
	return fmt.Sprintf("%s, opset %d)", strings.TrimSuffix(n.String(), ")"), m.Source.Opsets[n.Domain])
}
