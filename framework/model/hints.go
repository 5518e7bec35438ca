package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// exportWithNormalization is how PyTorch's exporters keep BatchNormalization.
const exportWithNormalization = `torch.onnx.export(model, x, file, dynamo=True, optimize=False), and batchnorm = "train" in [model]; or ` +
	`torch.onnx.export(model.train(), x, file, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)`

var (
	// batchNormal are names of what belongs to a BatchNormalization.
	batchNormal = regexp.MustCompile(`(?i)batch_?norm|moving_(mean|var)|running_(mean|var)|(^|[./_])bn_?\d*([./_]|$)`)
	// foldedByTorch are weights that PyTorch's exporter by TorchScript computes from those of a Conv and a BatchNormalization.
	foldedByTorch = regexp.MustCompile(`^onnx::Conv_\d+$`)
	// spectral are the vectors of PyTorch's spectral normalization.
	spectral = regexp.MustCompile(`(weight_|\._)[uv]$`)
)

// hints returns what a user may want to know before training.
func (m *Model) hints() []string {
	list := []string{}
	if where := m.folded(); where != "" {
		list = append(list, fmt.Sprintf("BatchNormalization was folded into other layers by the exporter (%s): fine-tuning will be less stable. Export "+
			"it like this: %s", where, exportWithNormalization))
	}
	if len(m.Buffers) > 0 && (m.options.BatchNorm == "" || m.options.BatchNorm == AsExported) && !slices.ContainsFunc(m.nodes, m.normalizesBatches) {
		list = append(list, `BatchNormalization was exported for inference: it trains with the file's running statistics, which never change, unless `+
			`batchnorm = "train" stands in [model]`)
	}
	var vectors []string
	for _, p := range m.Parameters {
		if spectral.MatchString(p.Name) {
			vectors = append(vectors, p.Name)
		}
	}
	if len(vectors) > 0 {
		list = append(list, fmt.Sprintf("%q look like the vectors of spectral normalization, which PyTorch does not train: name them in freeze",
			vectors))
	}
	return append(list, m.sharing()...)
}

// sharing names the weights that several nodes read and that the option Untie leaves as they are.
func (m *Model) sharing() []string {
	trained := named(m.Parameters)
	shared, _ := sharedReadings(m.graph)
	shared = slices.DeleteFunc(shared, func(t *onnx.Tensor) bool { return !trained[t.Name] || merged(t) })
	if len(shared) == 0 {
		return nil
	}
	hint := fmt.Sprintf("%q is", shared[0].Name)
	if len(shared) > 1 {
		hint = fmt.Sprintf("%q and %d more initializers are", shared[0].Name, len(shared)-1)
	}
	hint += " read by several nodes and trained as one: layers share weights"
	if m.Source.ProducerName == "pytorch" {
		hint += ", or the exporter merged copies of a fresh layer, which optimize=False keeps apart in torch.onnx.export(…, dynamo=True)"
	}
	return []string{hint}
}

// folded says where a BatchNormalization was that the file no longer has, or "".
func (m *Model) folded() string {
	left := slices.ContainsFunc(m.nodes, func(n *onnx.Node) bool { return n.OpType == "BatchNormalization" })
	for _, n := range m.nodes {
		for _, e := range n.Metadata {
			if strings.Contains(e.Value, "FuseBatchNorm") {
				return n.String()
			}
		}
		if left {
			continue
		}
		if n.OpType == "Conv" && len(n.Inputs) > 2 && foldedByTorch.MatchString(n.Inputs[1]) && foldedByTorch.MatchString(n.Inputs[2]) {
			return n.String()
		}
		for _, name := range slices.Concat([]string{n.Name}, n.Inputs, n.Outputs) {
			if batchNormal.MatchString(name) {
				return fmt.Sprintf("the name %q", name)
			}
		}
		for _, e := range n.Metadata {
			if strings.HasPrefix(e.Key, "pkg.torch.") && strings.Contains(e.Value, ".batchnorm.") {
				return n.String()
			}
		}
	}
	return ""
}

// normalizesBatches reports whether a node was exported to normalize with the statistics of batches.
func (m *Model) normalizesBatches(n *onnx.Node) bool {
	if n.OpType != "BatchNormalization" {
		return false
	}
	if m.version(n) < 14 {
		return len(n.Outputs) > 1
	}
	a := n.Attr("training_mode")
	return a != nil && a.I != 0
}

// cuts returns the nodes that no gradient passes on its way from the output to a tensor that would train without them, those that it
// meets first.
func (m *Model) cuts() []Cut {
	depends := map[string]bool{} // values that are computed from tensors with several numbers
	for _, t := range m.graph.Initializers {
		n, err := t.Elems()
		depends[t.Name] = err == nil && n > 1 && isFloat(t.DType)
	}
	for _, n := range m.nodes {
		mentioned(n, func(name string, u usage) {
			if depends[name] && u == operand {
				for _, out := range n.Outputs {
					depends[out] = true
				}
			}
		})
	}
	list := []Cut{}
	met := map[string]bool{m.Output: true}
	for _, n := range slices.Backward(m.nodes) {
		if !reads(met, n) {
			continue
		}
		for _, name := range n.Inputs {
			switch {
			case !isFlat(n):
				met[name] = true
			case depends[name]:
				list = append(list, Cut{m.at(n), name})
			}
		}
	}
	return list
}

// Cut is a node that has no gradient in front of what would train.
type Cut struct {
	Node   string `json:"node"`
	Before string `json:"before"` // a tensor before it that could be the output
}

// isFlat reports whether the outputs of a node are locally constant: no gradient passes it.
func isFlat(n *onnx.Node) bool {
	if n.Domain != "" {
		return false
	}
	if n.OpType == "Cast" {
		a := n.Attr("to")
		return a != nil && !isFloat(onnx.DataType(a.I))
	}
	return operators[n.OpType].flat
}
