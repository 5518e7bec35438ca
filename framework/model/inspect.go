package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// Report describes a model file: what it holds, what would train, and what is in the way.
type Report struct {
	Producer   string            `json:"producer"`
	IRVersion  int64             `json:"ir_version"`
	Opsets     map[string]int64  `json:"opsets"`
	Inputs     []TensorReport    `json:"inputs"`
	Outputs    []TensorReport    `json:"outputs"`
	Parameters []ParameterReport `json:"parameters"`
	Buffers    []ParameterReport `json:"buffers"`
	Size       int               `json:"parameter_count"`
	Operators  []OperatorCount   `json:"operators"`
	Problems   []Problem         `json:"problems"`
}

// TensorReport is an input or an output.
type TensorReport struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
}

// ParameterReport is an initializer.
type ParameterReport struct {
	Name      string `json:"name"`
	Shape     []int  `json:"shape"`
	Trainable bool   `json:"trainable"`
}

// OperatorCount says how often an operator occurs and whether it can be imported, which implies that it has a gradient.
type OperatorCount struct {
	Name      string `json:"name"`
	Count     int    `json:"count"`
	Supported bool   `json:"supported"`
}

// Inspect describes a model. What is in the way of importing it is a problem in the report: a report without problems belongs to
// a model that imports.
func Inspect(source *onnx.Model, o Options) *Report {
	r := &Report{
		Producer:   strings.TrimSpace(source.ProducerName + " " + source.ProducerVersion),
		IRVersion:  source.IRVersion,
		Opsets:     map[string]int64{},
		Inputs:     describe(fed(source.Graph)),
		Outputs:    describe(source.Graph.Outputs),
		Parameters: []ParameterReport{},
		Buffers:    []ParameterReport{},
		Operators:  countOperators(source.Graph),
		Problems:   []Problem{},
	}
	for domain, version := range source.Opsets {
		r.Opsets[cmp.Or(domain, "ai.onnx")] = version
	}
	m, err := open(source, o)
	if err != nil {
		r.Problems = append(r.Problems, Problem{Reason: err.Error()})
		return r
	}
	r.Size = m.Size()
	r.Parameters = m.describeInitializers()
	if problems := m.unsupported(); len(problems) > 0 {
		r.Problems = problems
	} else if err := m.tryWrite(); err != nil {
		r.Problems = append(r.Problems, Problem{Reason: err.Error()})
	}
	return r
}

func (m *Model) describeInitializers() []ParameterReport {
	trained := map[string]bool{}
	for _, p := range m.Parameters {
		trained[p.Name] = true
	}
	list := []ParameterReport{}
	for _, t := range m.Source.Graph.Initializers {
		p := ParameterReport{Name: t.Name, Shape: []int{}, Trainable: trained[t.Name]}
		for _, n := range t.Dims {
			p.Shape = append(p.Shape, int(n))
		}
		list = append(list, p)
	}
	return list
}

// tryWrite writes the model into a graph that is thrown away, at the batch that the file was exported for if it fixes one.
func (m *Model) tryWrite() error {
	batch := 2
	if n := m.Inputs[0].Dims[0].Value; n >= 1 && n < 1<<16 {
		batch = int(n)
	}
	return ops.Build(func() error {
		g := gorgonia.NewGraph()
		params := make([]ops.Expr, len(m.Parameters))
		for i, p := range m.Parameters {
			params[i] = ops.Input(g, "parameter "+p.Name, array.Float32, p.Shape...)
		}
		_, err := m.Write(g, array.Float32, batch, params)
		return err
	})
}

func describe(values []*onnx.ValueInfo) []TensorReport {
	list := []TensorReport{}
	for _, v := range values {
		t := TensorReport{Name: v.Name, Type: v.DType.String(), Shape: []string{}}
		for _, d := range v.Dims {
			t.Shape = append(t.Shape, d.String())
		}
		list = append(list, t)
	}
	return list
}

func countOperators(g *onnx.Graph) []OperatorCount {
	counts := map[string]int{}
	for _, n := range g.Nodes {
		name := n.OpType
		if n.Domain != "" {
			name = fmt.Sprintf("%s.%s", n.Domain, n.OpType)
		}
		counts[name]++
	}
	list := []OperatorCount{}
	for name, count := range counts {
		_, supported := operators[name]
		list = append(list, OperatorCount{name, count, supported})
	}
	slices.SortFunc(list, func(a, b OperatorCount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
