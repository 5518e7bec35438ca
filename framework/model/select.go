package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// trace collects the nodes that the output needs, and returns the names of all values that they read.
func (m *Model) trace() (needed map[string]bool, err error) {
	needed = map[string]bool{m.Output: true}
	for _, n := range slices.Backward(m.graph.Nodes) {
		if !reads(needed, n) {
			continue
		}
		m.nodes = append(m.nodes, n)
		mentioned(n, func(name string, _ usage) { needed[name] = true })
	}
	slices.Reverse(m.nodes)
	if len(m.nodes) == 0 {
		return nil, fmt.Errorf("model: no node computes a tensor %q", m.Output)
	}
	return needed, nil
}

// reads reports whether an output of n is among the names.
func reads(names map[string]bool, n *onnx.Node) bool {
	return slices.ContainsFunc(n.Outputs, func(name string) bool { return name != "" && names[name] })
}

// usage is how a node reads a value.
type usage int

const (
	operand usage = iota // the output is differentiable in it
	setting              // like an attribute
	running              // as a statistic that training updates
)

// mentioned calls f with every value that a node reads, its branches included, and how.
func mentioned(n *onnx.Node, f func(name string, u usage)) {
	for i, name := range n.Inputs {
		if name != "" {
			f(name, usageOf(n, i))
		}
	}
	for _, a := range n.Attributes {
		if a.G == nil {
			continue
		}
		for _, inner := range a.G.Nodes {
			mentioned(inner, f)
		}
		for _, out := range a.G.Outputs {
			f(out.Name, operand)
		}
	}
}

// usages returns how the output depends on each value: as an operand if a path of differentiable operators leads there.
func (m *Model) usages() map[string]usage {
	f := finder{ruledOut: m.ruledOut, differentiable: map[string]bool{m.Output: true}, found: map[string]usage{}}
	f.nodes(m.nodes)
	return f.found
}

// finder finds how values are used. Every value must have a name of its own, see inline.
type finder struct {
	ruledOut       map[*onnx.Graph]bool
	differentiable map[string]bool
	found          map[string]usage
}

// nodes looks at nodes that are sorted, and at those of their branches that may be taken.
func (f finder) nodes(list []*onnx.Node) {
	for _, n := range slices.Backward(list) {
		leads := reads(f.differentiable, n) && !isFlat(n)
		for i, name := range n.Inputs {
			f.use(name, usageOf(n, i), leads)
		}
		for _, g := range subgraphs(n) {
			if f.ruledOut[g] {
				continue
			}
			for _, out := range g.Outputs {
				f.use(out.Name, operand, leads)
			}
			f.nodes(g.Nodes)
		}
	}
}

func (f finder) use(name string, u usage, leads bool) {
	if u == operand && !leads {
		u = setting
	}
	if u == operand {
		f.differentiable[name] = true
	}
	if before, known := f.found[name]; !known || before != operand && u != setting {
		f.found[name] = u
	}
}

// readInitializers sorts the initializers into parameters, frozen ones, buffers and constants. Those without elements have nothing
// to train. The judge says why a tensor that the output is differentiable in is no parameter, or "".
func (m *Model) readInitializers(needed map[string]bool, judge func(*onnx.Tensor, Parameter) string) error {
	for _, t := range m.graph.SparseInitializers {
		if t.Values != nil && needed[t.Values.Name] {
			return fmt.Errorf("model: initializer %q is sparse, which is not supported", t.Values.Name)
		}
	}
	usages := m.usages()
	for _, t := range m.graph.Initializers {
		if !needed[t.Name] {
			continue
		}
		u, used := usages[t.Name]
		if !isFloat(t.DType) || slices.Contains(t.Dims, 0) {
			m.constants = append(m.constants, t)
			continue
		}
		p, err := readParameter(t)
		if err != nil {
			return fmt.Errorf("model: initializer %q: %w", t.Name, err)
		}
		if u == running {
			m.Buffers = append(m.Buffers, p)
			continue
		}
		if !used {
			m.Constants = append(m.Constants, Constant{p.Name, append([]int{}, p.Shape...), "in a branch that a fixed input rules out"})
			m.constants = append(m.constants, t)
			continue
		}
		if reason := judge(t, p); reason != "" || u == setting {
			if reason != "" {
				m.Constants = append(m.Constants, Constant{p.Name, append([]int{}, p.Shape...), reason})
			}
			if u != setting && p.Value.Len() > 1 && m.lifted[t.Name] == nil { // others fold into what is computed from them
				m.Frozen = append(m.Frozen, p)
			} else {
				m.constants = append(m.constants, t)
			}
			continue
		}
		switch {
		case m.options.trains(t.Name):
			m.Parameters = append(m.Parameters, p)
		case slices.Contains(m.fresh, t.Name):
			return unfreezable(t.Name)
		default:
			m.Frozen = append(m.Frozen, p)
		}
	}
	return nil
}

// trains reports whether the patterns let an initializer be trained.
func (o Options) trains(name string) bool {
	return (o.Train == nil || plugin.Match(o.Train, name)) && !plugin.Match(o.Freeze, name)
}

func readParameter(t *onnx.Tensor) (Parameter, error) {
	p := Parameter{Name: t.Name}
	for _, n := range t.Dims {
		if n < 1 {
			return p, fmt.Errorf("it is damaged: its shape is %v, and no size can be below one: export the model again", t.Dims)
		}
		p.Shape = append(p.Shape, int(n))
	}
	if t.DType == onnx.Double {
		numbers, err := t.Float64s()
		p.Value = array.From64(numbers)
		return p, err
	}
	numbers, err := t.Float32s()
	p.Value = array.From32(numbers)
	return p, err
}

// fed returns the graph's inputs without those that are initializers: before IR version 4 all initializers were inputs too.
func fed(g *onnx.Graph) []*onnx.ValueInfo {
	initialized := map[string]bool{}
	for _, t := range g.Initializers {
		initialized[t.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(in *onnx.ValueInfo) bool { return initialized[in.Name] })
}

// readInputs reads those of the graph's inputs that are needed, what the options say of their sizes, and which of them they fix.
func (m *Model) readInputs(needed map[string]bool) error {
	if err := m.checkFix(); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	var list []*onnx.ValueInfo
	values := map[*onnx.ValueInfo]*literal{}
	for _, in := range fed(m.graph) {
		if !needed[in.Name] {
			continue
		}
		value, err := m.options.fixed(in)
		switch {
		case err != nil:
			return fmt.Errorf("model: %w", err)
		case in.Kind != onnx.KindTensor:
			return fmt.Errorf("model: input %q is a %v; only tensors are supported", in.Name, in.Kind)
		case in.DType == onnx.String || in.DType == onnx.Complex64 || in.DType == onnx.Complex128 || in.DType == onnx.Undefined:
			return fmt.Errorf("model: input %q holds %v elements; only numbers and truth values are supported", in.Name, in.DType)
		case !in.HasShape && value == nil:
			return fmt.Errorf("model: input %q has no batch dimension: its shape is not declared", in.Name)
		}
		list, values[in] = append(list, in), value
	}
	isFed := func(in *onnx.ValueInfo) bool { return values[in] == nil }
	at := slices.IndexFunc(list, isFed)
	switch {
	case len(list) == 0:
		return fmt.Errorf("model: the output %q depends on no input", m.Output)
	case at < 0:
		return fmt.Errorf("model: every input that the output %q depends on is fixed: nothing is left for examples", m.Output)
	case len(list[at].Dims) == 0:
		return fmt.Errorf("model: input %q has no batch dimension: examples are fed to the first input; %s",
			list[at].Name, HowToFix(Input{Name: list[at].Name, DType: list[at].DType}))
	}
	first := list[at]
	if err := m.checkDims(first.Dims[0]); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	for _, in := range list {
		sizes, err := m.options.sizes(in, first)
		if err != nil {
			return fmt.Errorf("model: %w", err)
		}
		if value := values[in]; value != nil {
			sizes = value.decide(sizes, in, first, m.options)
			m.fixed = append(m.fixed, Input{in.Name, in.DType, in.Dims, sizes, value})
			continue
		}
		if empty := slices.Index(sizes, 0); empty >= 0 && in == first {
			return fmt.Errorf("model: input %q: dimension %d is 0: it has no elements, and examples are fed to it", in.Name, empty)
		} else if empty >= 0 { // such as a cache that holds nothing yet: there is nothing to feed
			m.fixed = append(m.fixed, Input{in.Name, in.DType, in.Dims, sizes, &literal{}})
			continue
		}
		m.Inputs = append(m.Inputs, Input{in.Name, in.DType, in.Dims, sizes, nil})
	}
	return nil
}
