package model

import (
	"regexp"
	"strings"
)

// What a file calls a number tells where it comes from: people name parameters (logit_scale, blocks.0.gamma), exporters number what
// they find in formulas.

// exporters are names that exporters make up.
var exporters = alternatives(
	`\d+`,             // PyTorch until 1.12
	`onnx::.*`, `/.*`, // PyTorch's exporter by TorchScript: onnx::Mul_7, /Constant_3_output_0
	`_?(val|tmp|var|arr|lit|cst)_?\d+`, // PyTorch's exporter since 2.9, onnxscript, jax2onnx
	`_inlfunc_.*`, `.*_cast(_\d+)?`,    // functions of onnxscript, inlined
	`.*scalar_tensor(_default)?(_\d+)?`, `(c_)?(_tensor_constant|lifted_tensor_?)\d+`, // torch.export
	`(.*[_.])?[Cc]onst(ant)?s?([_.]?\d+)?`, `const_.*`, `dot_bias_\d+`,
	`[A-Z][A-Za-z]*(_\d+)?_output(_\d+)?`,    // spox
	`.*__\d+`,                                // tf2onnx
	`.*cst\d*`, `unity\d*`, `num_classes\d*`, // skl2onnx
	`_?(mul|plus|minus|div|power|maximum|minimum)_?scalar\d*`,                 // MXNet
	`(auto|helper|p2o)\..*`, `.*\.tmp_\d+`, `(eager_tmp|generated_tensor)_.*`, // Paddle
	`init\d+_s.*`, `ortshared_.*`, // onnx-array-api, ONNX Runtime
)

// operation is the last part of a name that a value has from the operation that computed it, such as mul_3.
var operation = alternatives(`(cast|truediv|floordiv|mul|add|sub|div|pow|neg|abs|exp|log|sqrt|rsqrt|reciprocal|sum|mean|max|min|maximum|` +
	`minimum|clamp|clip|where|full|full_like|zeros|zeros_like|ones|ones_like|empty|arange|fill|transpose|permute|view|reshape|squeeze|` +
	`unsqueeze|expand|repeat|slice|select|gather|getitem|cat|concat|stack|clone|detach_?|alias|to|_to_copy|lift_fresh_copy|identity|` +
	`softplus|sigmoid|tanh|relu|erf|norm|linalg_vector_norm|constantofshape)(_recip)?(_\d+)*`)

// inOperation is the last part of a name with several that TensorFlow gives to what an operation reads, such as Gelu/add_1/x.
var inOperation = alternatives(`const(_\d+)*`, `[xy]`)

// variable is a name of TensorFlow that comes from a variable.
var variable = regexp.MustCompile(`(?i)ReadVariableOp|VarHandle|/(read|resource)(:\d+)?$`)

// copyNumber is what our own copies of a value have behind its name.
var copyNumber = regexp.MustCompile(`#\d+$`)

// exporterNamed reports whether an exporter made up a name.
func exporterNamed(name string) bool {
	name = copyNumber.ReplaceAllString(name, "")
	if variable.MatchString(name) {
		return false
	}
	at := strings.LastIndexByte(name, '/') + 1
	last, _, _ := strings.Cut(strings.ToLower(name[at:]), ":")
	return exporters.MatchString(name) || operation.MatchString(last) || at > 0 && inOperation.MatchString(last)
}

var (
	// epsilon is what numbers are called that keep a quotient or a logarithm finite.
	epsilon = alternatives(`(.*[./_])?eps(ilon)?`)
	// preprocessing is what the numbers of a scaler are called.
	preprocessing = alternatives(`mean`, `std`, `variance`, `range`, `data_(min|max|range)`)
	// byTorch is what PyTorch calls constants; its parameters keep the names that people gave.
	byTorch = alternatives(`/.*`, `onnx::.*`, `val_\d+`)
	// byPaddle is what Paddle calls parameters.
	byPaddle = alternatives(`.*\.[wb]_\d+`)
)

func alternatives(patterns ...string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join(patterns, "|") + `)$`)
}
