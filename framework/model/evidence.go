package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// evidence is what the nodes that read a tensor say of it.
type evidence struct {
	formula string // why a number belongs to the formula and is no parameter, or ""
	weight  bool   // a layer's weights, bias, scale or table
	unit    bool   // the same even if it is a single number, as layers with one unit have
	affine  bool   // scale or bias of a normalization
	state   bool   // where a recurrent layer begins
	scaling bool   // met with the data, before any weight
	other   bool   // read in another way
}

func (e evidence) and(f evidence) evidence {
	if e.formula == "" {
		e.formula = f.formula
	}
	return evidence{e.formula, e.weight || f.weight, e.unit || f.unit, e.affine || f.affine, e.state || f.state,
		e.scaling || f.scaling, e.other || f.other}
}

// witness collects evidence. It walks the nodes forward, for what values are computed from, and then backward, for what they are used
// for. Every value must have a name of its own, see inline.
type witness struct {
	numbers  map[string]float64  // of values that are a single number of the file, but for shape and type
	dims     map[string][]int64  // of values that are a tensor of the file, but for type and transposition
	static   map[string]bool     // values computed from tensors of the file alone
	data     map[string]bool     // values computed from inputs without any weight
	products map[string]int      // products with weights: the number of their units, or 0 where it is not known
	norms    map[string]bool     // values that were normalized
	roots    map[string]bool     // roots and their reciprocals: normalizations divide by them
	guarded  map[string]string   // values that must not be zero, by what would be infinite
	found    map[string]evidence // of what is read
}

// carriers keep the elements of their first input, but for shape, type and sign.
var carriers = map[string]bool{
	"Cast": true, "CastLike": true, "Identity": true, "Reshape": true, "Unsqueeze": true, "Squeeze": true, "Expand": true, "Flatten": true,
	"Transpose": true, "Tile": true, "Neg": true,
}

// pieces put tensors together or take them apart.
var pieces = map[string]bool{"Concat": true, "Slice": true, "Split": true, "Pad": true}

// pointwise operators are those of preprocessing.
var pointwise = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true, "Max": true, "Min": true, "Clip": true, "Sqrt": true, "Log": true, "Exp": true,
	"Abs": true, "Reciprocal": true, "Where": true,
}

// evidenceOf looks at nodes that are sorted, and their branches.
func evidenceOf(nodes []*onnx.Node, g *onnx.Graph) map[string]evidence {
	w := &witness{
		numbers: map[string]float64{}, dims: map[string][]int64{}, static: map[string]bool{}, data: map[string]bool{}, products: map[string]int{},
		norms: map[string]bool{}, roots: map[string]bool{}, guarded: map[string]string{}, found: map[string]evidence{},
	}
	for _, t := range g.Initializers {
		w.static[t.Name], w.dims[t.Name] = true, t.Dims
		if v, is := singleNumber(t); is {
			w.numbers[t.Name] = v
		}
	}
	for _, in := range fed(g) {
		w.data[in.Name] = true
	}
	nodes = unfolded(nodes)
	for _, n := range nodes {
		w.forward(n)
	}
	for _, n := range slices.Backward(nodes) {
		w.backward(n)
	}
	return w.found
}

// unfolded puts the nodes of branches before the nodes that have them, and passes their results on.
func unfolded(nodes []*onnx.Node) []*onnx.Node {
	var list []*onnx.Node
	for _, n := range nodes {
		for _, g := range subgraphs(n) {
			list = append(list, unfolded(g.Nodes)...)
			for i, out := range g.Outputs {
				if i < len(n.Outputs) {
					list = append(list, &onnx.Node{OpType: "Identity", Inputs: []string{out.Name}, Outputs: []string{n.Outputs[i]}})
				}
			}
		}
		list = append(list, n)
	}
	return list
}

// singleNumber returns the only number of a tensor.
func singleNumber(t *onnx.Tensor) (float64, bool) {
	if n, err := t.Elems(); err != nil || n != 1 || t.DType == onnx.String {
		return 0, false
	}
	numbers, err := t.Float64s()
	if err != nil {
		return 0, false
	}
	return numbers[0], true
}

// input returns the name of an input, or "".
func input(n *onnx.Node, i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

func (w *witness) forward(n *onnx.Node) {
	if n.Domain != "" || len(n.Outputs) == 0 || len(subgraphs(n)) > 0 {
		return
	}
	x, y := input(n, 0), n.Outputs[0]
	static, data := true, false
	for _, name := range n.Inputs {
		static = static && (name == "" || w.static[name])
		data = data || w.data[name]
	}
	for _, name := range n.Outputs {
		w.static[name] = static
		w.data[name] = data && w.preprocesses(n)
	}
	switch {
	case n.OpType == "Constant":
		if a := n.Attr("value"); a != nil && a.T != nil {
			if v, is := singleNumber(a.T); is {
				w.numbers[y] = v
			}
		}
	case carriers[n.OpType]:
		w.carry(n, x, y)
	case pieces[n.OpType]:
		w.pass(x, y)
	case isProduct(n) && (w.static[x] || w.static[input(n, 1)]):
		w.products[y] = w.units(n)
	case n.OpType == "Add" || n.OpType == "Mul":
		for i, name := range n.Inputs {
			if len(n.Inputs) == 2 && w.static[n.Inputs[1-i]] {
				w.pass(name, y)
			}
			if n.OpType == "Mul" && w.roots[name] {
				w.norms[y] = true
			}
		}
	case n.OpType == "Dropout":
		w.pass(x, y)
	case scaled[n.OpType], n.OpType == "Div" && w.roots[input(n, 1)]:
		w.norms[y] = true
	case n.OpType == "Sqrt", n.OpType == "Pow" && !w.natural(input(n, 1)),
		(n.OpType == "Reciprocal" || n.OpType == "Div") && w.roots[x]:
		w.roots[y] = true
	}
	if _, number := w.numbers[x]; number && n.OpType == "Div" && w.roots[input(n, 1)] || n.OpType == "Reciprocal" && w.roots[x] {
		w.roots[y] = true
	}
}

// scaled are the normalizations that have a scale and a bias.
var scaled = map[string]bool{"BatchNormalization": true, "InstanceNormalization": true, "LayerNormalization": true, "GroupNormalization": true}

func isProduct(n *onnx.Node) bool {
	return slices.Contains([]string{"MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum"}, n.OpType)
}

// carry passes on what a carrier keeps.
func (w *witness) carry(n *onnx.Node, x, y string) {
	w.pass(x, y)
	if v, known := w.numbers[x]; known {
		w.numbers[y] = v
		if n.OpType == "Neg" {
			w.numbers[y] = -v
		}
	}
	switch dims := w.dims[x]; n.OpType {
	case "Identity", "Cast":
		w.dims[y] = dims
	case "Transpose":
		if len(dims) == 2 {
			w.dims[y] = []int64{dims[1], dims[0]}
		}
	}
}

// pass says of y what is known of x.
func (w *witness) pass(x, y string) {
	if units, is := w.products[x]; is {
		w.products[y] = units
	}
	w.norms[y] = w.norms[y] || w.norms[x]
	w.roots[y] = w.roots[y] || w.roots[x]
}

// preprocesses reports whether a node that reads data may come before the first weight.
func (w *witness) preprocesses(n *onnx.Node) bool {
	for _, name := range n.Inputs {
		if _, number := w.numbers[name]; w.static[name] && !number && w.dims[name] != nil && pointwise[n.OpType] && !scalable(name) {
			return false
		}
	}
	return carriers[n.OpType] || pieces[n.OpType] || pointwise[n.OpType]
}

// scalable reports whether a vector that is met with the data may be a scaler's.
func scalable(name string) bool { return exporterNamed(name) || preprocessing.MatchString(name) }

// units returns how many numbers a product has for each example or place, or 0.
func (w *witness) units(n *onnx.Node) int {
	dims := w.dims[input(n, 1)]
	if len(dims) < 2 {
		return 0
	}
	switch n.OpType {
	case "MatMul":
		return int(dims[len(dims)-1])
	case "Gemm":
		if a := n.Attr("transB"); a != nil && a.I != 0 {
			return int(dims[0])
		}
		return int(dims[1])
	case "Conv":
		return int(dims[0])
	case "ConvTranspose":
		groups := int64(1)
		if a := n.Attr("group"); a != nil {
			groups = a.I
		}
		return int(dims[1] * groups)
	}
	return 0
}

// natural reports whether a value is a number like 2, whose power is finite everywhere.
func (w *witness) natural(name string) bool {
	v, known := w.numbers[name]
	return known && v >= 1 && v == math.Trunc(v)
}

func (w *witness) backward(n *onnx.Node) {
	if n.Domain != "" {
		return
	}
	for i, name := range n.Inputs {
		if name != "" {
			w.found[name] = w.found[name].and(w.reading(n, i))
			if guard := w.guard(n, i); guard != "" {
				w.guarded[name] = guard
			}
		}
	}
}

// reading returns what it says of an input that a node reads it.
func (w *witness) reading(n *onnx.Node, i int) evidence {
	y := ""
	if len(n.Outputs) > 0 {
		y = n.Outputs[0]
	}
	switch {
	case n.OpType == "CastLike" && i == 1: // its type is read
		return evidence{}
	case usageOf(n, i) == setting:
		if n.OpType == "Clip" {
			return evidence{formula: "a bound of Clip"}
		}
		return evidence{formula: "a setting of " + n.OpType}
	case usageOf(n, i) == running:
		return evidence{weight: true, unit: true}
	case carriers[n.OpType] && i == 0:
		return w.found[y]
	case pieces[n.OpType] && (i == 0 || n.OpType == "Concat"):
		var e evidence
		for _, name := range n.Outputs {
			e = e.and(w.found[name])
		}
		e.formula = ""
		return e
	case isProduct(n):
		return evidence{weight: true, unit: i < 2 || w.units(n) == 1}
	case scaled[n.OpType]:
		return evidence{weight: true, unit: true, affine: true}
	case n.OpType == "PRelu", n.OpType == "Gather" && i == 0 && !w.static[input(n, 1)]:
		return evidence{weight: true, unit: true}
	case slices.Contains([]string{"RNN", "GRU", "LSTM"}, n.OpType):
		return evidence{weight: i != 5 && i != 6, unit: i != 5 && i != 6, state: i == 5 || i == 6}
	case n.OpType == "Pow" && i == 1:
		return evidence{formula: "the exponent of Pow", scaling: w.data[input(n, 0)], other: !w.data[input(n, 0)]}
	case pointwise[n.OpType], n.OpType == "Sum":
		return w.meeting(n, i, y)
	}
	return evidence{other: true}
}

// meeting returns what it says of an operand that it meets the others.
func (w *witness) meeting(n *onnx.Node, i int, y string) evidence {
	var e evidence
	number := false // another operand is a single number of the file too
	for j, name := range n.Inputs {
		if j == i {
			continue
		}
		_, is := w.numbers[name]
		number = number || is
		e.scaling = e.scaling || w.data[name]
		units, product := w.products[name]
		if n.OpType == "Add" && product {
			e.weight, e.unit = true, units == 1
		}
		if (n.OpType == "Add" || n.OpType == "Mul") && (w.norms[name] || w.roots[name]) {
			e.weight = true
		}
	}
	e.other = !e.scaling
	switch guard := w.guarded[y]; {
	case number:
	case n.OpType == "Max" || n.OpType == "Min":
		e.formula = "a bound of " + n.OpType
	case (n.OpType == "Add" || n.OpType == "Sum") && guard != "" && !e.unit:
		e.formula = fmt.Sprintf("added under %s, which it keeps finite", guard)
	}
	return e
}

// guard returns what would be infinite if an input of a node were zero, or "".
func (w *witness) guard(n *onnx.Node, i int) string {
	switch {
	case len(n.Outputs) == 0:
	case n.OpType == "Sqrt" || n.OpType == "Pow" && i == 0 && !w.natural(input(n, 1)):
		return "a root"
	case n.OpType == "Log":
		return "a logarithm"
	case n.OpType == "Reciprocal" || n.OpType == "Div" && i == 1:
		return "a quotient"
	case i == 0 && (carriers[n.OpType] || n.OpType == "Clip"), n.OpType == "Max" || n.OpType == "Min":
		return w.guarded[n.Outputs[0]]
	}
	return ""
}
