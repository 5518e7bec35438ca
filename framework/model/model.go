// Package model gives an ONNX graph its meaning: it imports the format's data as differentiable expressions, and says what trains.
//
// Every operator's attributes, defaults and differences between opsets are read here and nowhere else; an operator or an
// attribute that is not supported is refused by name. The package knows no loss and no optimizer.
package model

import (
	"errors"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// The opsets of the standard domain whose operators the importer knows.
const (
	MinOpset = 6
	MaxOpset = 21
)

// Model is an ONNX graph that was found fit for import: its nodes in the order of their dependencies, without those that the
// output does not need. It is read only.
type Model struct {
	Inputs     []Input
	Parameters []Parameter // what is trained
	Constants  []Constant  // what the output is differentiable in, but is no parameter
	Frozen     []Parameter // what would be trained, but was asked to stay as it is, and constants of several numbers
	Buffers    []Parameter // what the model updates itself: BatchNormalization's running statistics
	Output     string
	Source     *onnx.Model

	options   Options
	fixed     []Input              // those that the options fix
	ruledOut  map[*onnx.Graph]bool // branches that are never taken, whatever is fed
	graph     *onnx.Graph          // the source's, as it was prepared for import
	opset     int64
	sites     map[*onnx.Node]*site // of the nodes that functions were replaced by
	nodes     []*onnx.Node
	constants []*onnx.Tensor
	fresh     []string              // initializers of a replaced head
	separated []string              // initializers that the file has none for, and why there are some
	lifted    map[string]*onnx.Node // Constant nodes that became initializers, by name
}

// Input is a tensor that is fed in at every step. Its first dimension is the batch.
type Input struct {
	Name  string
	DType onnx.DataType
	Dims  []onnx.Dim // as the file declares them

	sizes []int
	value *literal // that the options fix it to
}

// Parameter is an initializer that is part of a model's state, or frozen.
type Parameter struct {
	Name  string
	Shape []int
	Value array.Array // the file's numbers: float64 for DOUBLE, else float32
}

// Options chooses what is imported.
type Options struct {
	Output    string    // a graph output or any inner tensor; "" for the first graph output
	BatchNorm BatchNorm // the mode of BatchNormalization in training; "" for AsExported
	Untie     bool      // make the initializers that the exporter merged parameters of their own again
	Freeze    []string  // patterns of names, see [plugin.Match], of parameters that are not trained
	Train     []string  // patterns of the only parameters that are trained, and of constants that are too, see Constant; nil for all
	Head      Head      // replaces the last layer before the output

	// TrainMasks makes parameters of initializers that hold infinities too, which no step could move.
	TrainMasks bool

	// Dims gives sizes to dimensions of inputs that the file leaves open, by the file's name for a dimension, which is of one size
	// wherever it occurs, or by input and axis, such as "x.2". The batch is not among them: a model is written at any.
	Dims map[string]int

	// Evaluation writes the model in evaluation mode also where it trains: gradients are those with running statistics and
	// without Dropout.
	Evaluation bool

	// Fix gives inputs values once and for all, by name: a boolean, an int64 or float64, or lists ([]any) of these, which fill the
	// input's shape by NumPy's rules. Such an input is a constant and no longer fed; what is decided by it folds.
	Fix map[string]any
}

// BatchNorm says which statistics BatchNormalization normalizes with while it trains. An evaluation always uses the running ones.
type BatchNorm string

// The modes of BatchNormalization.
const (
	AsExported      BatchNorm = "as-exported" // as each node says
	BatchStatistics BatchNorm = "train"       // the batch's, and the running statistics follow them
	RunningAverages BatchNorm = "eval"        // the running ones, which then never change
)

// Import reads the graph's meaning. It fails if the graph cannot be trained as it stands, and names what is in the way;
// [Inspect] describes a graph without failing.
func Import(source *onnx.Model, o Options) (*Model, error) {
	m, err := openModel(source, o)
	if err != nil {
		return nil, err
	}
	if problems := m.unsupported(); len(problems) > 0 {
		return nil, fmt.Errorf("model: %s", summarize(problems))
	}
	if dimensions := m.Open(); len(dimensions) > 0 {
		return nil, fmt.Errorf("model: %w", &OpenError{dimensions})
	}
	return m, nil
}

// openModel finds the part of the graph that the output needs, without looking at operators.
func openModel(source *onnx.Model, o Options) (*Model, error) {
	opset, err := Opset(source)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m := &Model{Source: source, Output: o.Output, options: o, opset: opset}
	if m.Output == "" {
		if len(source.Graph.Outputs) == 0 {
			return nil, fmt.Errorf("model: the graph has no output")
		}
		m.Output = source.Graph.Outputs[0].Name
	}
	if err := m.prepare(); err != nil {
		return nil, err
	}
	needed, err := m.trace()
	if err != nil {
		return nil, err
	}
	if err := m.readInputs(needed); err != nil {
		return nil, err
	}
	m.ruleOut()
	if err := m.readInitializers(needed, m.judge()); err != nil {
		return nil, err
	}
	return m, m.checkPatterns()
}

// Opset returns the opset of the standard domain that a file asks for, or says why it is not imported.
func Opset(source *onnx.Model) (int64, error) {
	opset, named := source.Opsets[""]
	switch {
	case !named:
		return 0, errors.New("the file names no opset of the standard domain (ai.onnx)")
	case opset < MinOpset || opset > MaxOpset:
		return 0, fmt.Errorf("opset %d is not supported (%d to %d are): convert the file, or export it again", opset, MinOpset, MaxOpset)
	}
	return opset, nil
}

// prepare rewrites the source's graph as the options ask for.
func (m *Model) prepare() error {
	inlined, sites, err := inline(m.Source)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	m.sites = sites
	lifted, nodes := m.lift(inlined)
	m.lifted = nodes
	m.graph, m.separated = separate(lifted, m.options.Untie, m.sites)
	if m.options.Head.Classes == 0 {
		return nil
	}
	m.graph, m.fresh, err = replaceHead(m.graph, m.Output, m.options.Head.Classes)
	return err
}

// Options returns what the model was imported with.
func (m *Model) Options() Options { return m.options }

func isFloat(d onnx.DataType) bool {
	switch d {
	case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
		return true
	}
	return false
}

// Size returns the number of trained numbers.
func (m *Model) Size() int {
	n := 0
	for _, p := range m.Parameters {
		n += p.Value.Len()
	}
	return n
}
