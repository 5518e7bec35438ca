package model

import "slices"

// refusals say why operators of the standard domain are not imported, where there is more to say than that they are not.
var refusals = []struct {
	reason    string
	operators []string
}{
	{"it repeats a graph; export the model with a fixed number of steps (unrolled)", []string{"Loop", "Scan"}},
	{"a quantized model cannot be trained; export the float model", []string{
		"ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QuantizeLinear"}},
	{"lists and optional values are not tensors; export the model without them", []string{
		"ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt", "SequenceConstruct", "SequenceEmpty",
		"SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence"}},
	{"text is not differentiable; prepare it before the model", []string{
		"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"}},
	{"only Dropout draws random numbers", []string{
		"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}},
}

// because returns the reason, after a colon, why an operator is refused, or nothing.
func because(operator string) string {
	for _, r := range refusals {
		if slices.Contains(r.operators, operator) {
			return ": " + r.reason
		}
	}
	return ""
}
