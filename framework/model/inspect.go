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
	Constants  []Constant        `json:"constants"` // initializers and Constant nodes that do not train, whatever the options say
	Tied       []Tie             `json:"tied"`
	Edits      []string          `json:"edits"` // what an export changes besides numbers
	Size       int               `json:"parameter_count"`
	Halves     []string          `json:"half_precision,omitempty"` // inputs, initializers and outputs of 16 bits, which are computed in a run's precision
	Open       []OpenDimension   `json:"open_dimensions"`
	Operators  []OperatorCount   `json:"operators"`
	Hints      []string          `json:"hints"`
	Cuts       []Cut             `json:"gradient_cut_by"` // where nothing trains: what is in the way
	Problems   []Problem         `json:"problems"`
}

// TensorReport is an input or an output.
type TensorReport struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
	Fixed bool     `json:"fixed,omitempty"` // an input that the options fix
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
	graph, _, err := inline(source)
	nodes := []*onnx.Node{}
	if err != nil {
		graph = source.Graph
		for _, f := range source.Functions {
			nodes = append(nodes, f.Nodes...)
		}
	}
	r := &Report{
		Producer:   strings.TrimSpace(source.ProducerName + " " + source.ProducerVersion),
		IRVersion:  source.IRVersion,
		Opsets:     map[string]int64{},
		Inputs:     describe(fed(source.Graph)),
		Outputs:    describe(source.Graph.Outputs),
		Parameters: []ParameterReport{},
		Buffers:    []ParameterReport{},
		Constants:  []Constant{},
		Edits:      []string{},
		Tied:       append([]Tie{}, Ties(graph)...),
		Open:       []OpenDimension{},
		Halves:     halfPrecision(source.Graph),
		Operators:  countOperators(append(nodes, graph.Nodes...)),
		Hints:      []string{},
		Cuts:       []Cut{},
		Problems:   []Problem{},
	}
	for domain, version := range source.Opsets {
		r.Opsets[cmp.Or(domain, "ai.onnx")] = version
	}
	m, err := openModel(source, o)
	if err != nil {
		r.Problems = append(r.Problems, Problem{Reason: err.Error()})
		return r
	}
	r.Size = m.Size()
	r.Parameters, r.Buffers = m.describeInitializers()
	for i, in := range r.Inputs {
		r.Inputs[i].Fixed = slices.ContainsFunc(m.fixed, func(f Input) bool { return f.Name == in.Name })
	}
	r.Open = append(r.Open, m.Open()...)
	r.Constants = append(r.Constants, m.Constants...)
	r.Edits = append(r.Edits, m.Edits()...)
	r.Tied = slices.DeleteFunc(r.Tied, func(t Tie) bool { return !named(m.Parameters)[t.Initializer] })
	r.Hints = append(r.Hints, m.hints()...)
	if len(m.Parameters) == 0 {
		r.Cuts = append(r.Cuts, m.cuts()...)
	}
	r.Problems = append(r.Problems, m.problems()...)
	return r
}

func (m *Model) describeInitializers() (parameters, buffers []ParameterReport) {
	trained, updated := named(m.Parameters), named(m.Buffers)
	skipped := map[string]bool{}
	for _, c := range m.Constants {
		skipped[c.Name] = true
	}
	parameters, buffers = []ParameterReport{}, []ParameterReport{}
	for _, t := range m.graph.Initializers {
		if skipped[t.Name] || m.lifted[t.Name] != nil && !trained[t.Name] && !updated[t.Name] {
			continue
		}
		p := ParameterReport{Name: t.Name, Shape: []int{}, Trainable: trained[t.Name]}
		for _, n := range t.Dims {
			p.Shape = append(p.Shape, int(n))
		}
		if updated[t.Name] {
			buffers = append(buffers, p)
		} else {
			parameters = append(parameters, p)
		}
	}
	return parameters, buffers
}

// named returns the names in a list.
func named(list []Parameter) map[string]bool {
	names := make(map[string]bool, len(list))
	for _, p := range list {
		names[p.Name] = true
	}
	return names
}

// problems writes the model into a graph that is thrown away, and returns every node that cannot be written for a reason of its own.
// Without the sizes of all dimensions that is not possible yet.
func (m *Model) problems() (list []Problem) {
	if dimensions := m.Open(); len(dimensions) > 0 {
		return append(m.unsupported(), Problem{Reason: (&OpenError{dimensions}).Error()})
	}
	err := ops.Build(func() error {
		given := Given{Graph: gorgonia.NewGraph(), Precision: array.Float32, Batch: TypicalBatch(m.Inputs), Training: true}
		for _, p := range m.Parameters {
			given.Params = append(given.Params, ops.Input(given.Graph, "parameter "+p.Name, given.Precision, p.Shape...))
		}
		for _, p := range m.Buffers {
			given.Buffers = append(given.Buffers, ops.Input(given.Graph, "buffer "+p.Name, given.Precision, p.Shape...))
		}
		w, err := m.newWriter(given)
		if err != nil {
			return err
		}
		if err := w.inputs(); err != nil {
			return err
		}
		w.report = func(n *onnx.Node, err error) { list = append(list, Problem{m.at(n), err.Error()}) }
		if err := w.nodes(m.nodes); err != nil || len(list) > 0 {
			return err
		}
		_, err = w.output()
		return err
	})
	if err != nil {
		list = append(list, Problem{Reason: err.Error()})
	}
	return list
}

// halfPrecision returns the inputs, initializers and outputs of a graph whose elements have 16 bits.
func halfPrecision(g *onnx.Graph) []string {
	var list []string
	add := func(name string, d onnx.DataType) {
		if _, short := shortFormats[d]; short && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	for _, in := range g.Inputs {
		add(in.Name, in.DType)
	}
	for _, t := range g.Initializers {
		add(t.Name, t.DType)
	}
	for _, out := range g.Outputs {
		add(out.Name, out.DType)
	}
	return list
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

// countOperators counts those of nodes and of their branches.
func countOperators(nodes []*onnx.Node) []OperatorCount {
	counts := map[string]int{}
	count(nodes, counts)
	list := []OperatorCount{}
	for name, count := range counts {
		_, supported := operators[name]
		list = append(list, OperatorCount{name, count, supported})
	}
	slices.SortFunc(list, func(a, b OperatorCount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func count(nodes []*onnx.Node, counts map[string]int) {
	for _, n := range nodes {
		name := n.OpType
		if n.Domain != "" {
			name = fmt.Sprintf("%s.%s", n.Domain, n.OpType)
		}
		counts[name]++
		for _, g := range subgraphs(n) {
			count(g.Nodes, counts)
		}
	}
}
