package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Head replaces a classifier's last layer, so that the body of one task serves another.
type Head struct {
	Classes int // of the new task; 0 leaves the head as it is
}

// transparent are the operators behind which the last layer is looked for: they compute nothing with weights.
var transparent = []string{"Softmax", "LogSoftmax", "Sigmoid", "Relu", "Identity", "Cast", "Dropout", "Flatten", "Squeeze", "Unsqueeze",
	"Reshape", "GlobalAveragePool", "AveragePool", "ReduceMean"}

// replaceHead returns a graph whose last product before the output, a Gemm, MatMul or Conv, has as many outputs as there are
// classes, and the names of its new initializers, which are zeros until they are initialized.
func replaceHead(source *onnx.Graph, output string, classes int) (*onnx.Graph, []string, error) {
	if classes < 1 || classes > maxConstant {
		return nil, nil, fmt.Errorf("model: a head with %d classes", classes)
	}
	h := &headSurgery{graph: *source, classes: int64(classes)}
	h.graph.Initializers = slices.Clone(source.Initializers)
	if err := h.product(output); err != nil {
		return nil, nil, fmt.Errorf("model: replacing the head: %w", err)
	}
	h.graph.Outputs = h.resized(source.Outputs, output)
	h.graph.ValueInfo = nil // shapes that exporters inferred may be those of the old head
	return &h.graph, h.fresh, nil
}

type headSurgery struct {
	graph   onnx.Graph
	classes int64
	fresh   []string
}

// product follows the graph from a value back to the product that it comes from, and replaces its weights.
func (h *headSurgery) product(value string) error {
	for {
		n := h.producer(value)
		if n == nil {
			return fmt.Errorf("no layer with weights leads to %q", value)
		}
		switch {
		case n.Domain != "":
			return fmt.Errorf("%v is not known", n)
		case n.OpType == "Gemm":
			axis := 1
			if a := n.Attr("transB"); a != nil && a.I != 0 {
				axis = 0
			}
			return h.layer(n, axis)
		case n.OpType == "MatMul":
			return h.layer(n, 1)
		case n.OpType == "Conv":
			return h.layer(n, 0)
		case n.OpType == "Add":
			bias := slices.IndexFunc(n.Inputs, func(name string) bool { return h.initializer(name) >= 0 })
			if bias < 0 || len(n.Inputs) != 2 {
				return fmt.Errorf("%v adds two tensors that are computed; choose an output before it", n)
			}
			if err := h.resize(n.Inputs[bias], -1); err != nil {
				return err
			}
			value = n.Inputs[1-bias]
		case slices.Contains(transparent, n.OpType):
			value = n.Inputs[0]
		default:
			return fmt.Errorf("%v stands behind the last layer and is not known to keep its classes; choose an output before it", n)
		}
	}
}

// layer replaces the weights of a product, whose units are along an axis, and its bias.
func (h *headSurgery) layer(n *onnx.Node, axis int) error {
	if len(n.Inputs) < 2 {
		return fmt.Errorf("%v has no weights", n)
	}
	weights := n.Inputs[1]
	if t := h.producer(weights); t != nil && t.OpType == "Transpose" && axis < 2 {
		weights, axis = t.Inputs[0], 1-axis
	}
	if err := h.resize(weights, axis); err != nil {
		return fmt.Errorf("%v: %w", n, err)
	}
	if len(n.Inputs) > 2 && n.Inputs[2] != "" {
		return h.resize(n.Inputs[2], -1)
	}
	return nil
}

// resize gives an initializer zeros and another size along an axis, which may count from the end.
func (h *headSurgery) resize(name string, axis int) error {
	at := h.initializer(name)
	if at < 0 {
		return fmt.Errorf("%q is no initializer", name)
	}
	if uses := h.uses(name); uses != 1 {
		return fmt.Errorf("the initializer %q is read %d times: untie it, or choose another output", name, uses)
	}
	old := h.graph.Initializers[at]
	dims := slices.Clone(old.Dims)
	if axis < 0 {
		axis += len(dims)
	}
	if axis < 0 || axis >= len(dims) {
		return fmt.Errorf("the initializer %q has the shape %v", name, dims)
	}
	dims[axis] = h.classes
	fresh := &onnx.Tensor{Name: name, DType: old.DType, Dims: dims}
	size, err := fresh.Elems()
	if err == nil && size > maxElements {
		err = fmt.Errorf("the shape %v is too large", dims)
	}
	if err != nil {
		return err
	}
	if fresh, err = onnx.Zeros(name, old.DType, dims); err != nil {
		return err
	}
	h.graph.Initializers[at] = fresh
	h.fresh = append(h.fresh, name)
	return nil
}

// resized returns the graph's outputs, of which the one that is named has as many entries in its second dimension as there are
// classes.
func (h *headSurgery) resized(outputs []*onnx.ValueInfo, name string) []*onnx.ValueInfo {
	list := slices.Clone(outputs)
	for i, out := range list {
		if out.Name == name && len(out.Dims) > 1 {
			changed := *out
			changed.Dims = slices.Clone(out.Dims)
			changed.Dims[1] = onnx.FixedDim(h.classes)
			list[i] = &changed
		}
	}
	return list
}

func (h *headSurgery) producer(value string) *onnx.Node {
	for _, n := range h.graph.Nodes {
		if slices.Contains(n.Outputs, value) {
			return n
		}
	}
	return nil
}

func (h *headSurgery) initializer(name string) int {
	return slices.IndexFunc(h.graph.Initializers, func(t *onnx.Tensor) bool { return t.Name == name })
}

func (h *headSurgery) uses(name string) (n int) {
	for _, node := range h.graph.Nodes {
		mentioned(node, func(read string, _ usage) {
			if read == name {
				n++
			}
		})
	}
	return n
}
