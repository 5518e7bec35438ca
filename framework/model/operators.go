package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// operators are the ONNX operators that can be imported, by family. Each is imported in the file of its family.
var operators = map[string]importer{}

func init() {
	for _, family := range []map[string]importer{
		elementwise, linear, convolution, normalization, reduction, layout,
	} {
		maps.Copy(operators, family)
	}
}

// Operators returns the names of the ONNX operators that can be imported.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

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
		for _, name := range n.Inputs {
			read[name] = true
		}
	}
	for _, n := range m.nodes {
		if reason := m.refusal(n, read); reason != "" {
			problems = append(problems, Problem{n.String(), reason})
		}
	}
	return problems
}

func (m *Model) refusal(n *onnx.Node, read map[string]bool) string {
	if n.Domain != "" {
		return fmt.Sprintf("domain %q: only operators of the standard domain are supported", n.Domain)
	}
	if _, known := operators[n.OpType]; !known {
		return fmt.Sprintf("operator %s of opset %d is not supported", n.OpType, m.opset)
	}
	for i, name := range n.Outputs {
		if i > 0 && name != "" && read[name] {
			return fmt.Sprintf("output %d (%q) of %s is not supported", i, name, n.OpType)
		}
	}
	if n.Outputs[0] == "" {
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
