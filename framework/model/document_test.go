package model_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/model"
)

// document says of every operator what the tests found out about it.
const document = "OPERATORS.md"

// introduced are the operators that came after the first opset that is imported, by the opset that brought them.
var introduced = map[int64]string{
	7: "Acos Asin Atan Cos Multinomial Sin Tan Upsample",
	8: "Expand Scan",
	9: "Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool MeanVarianceNormalization NonZero OneHot " +
		"Scatter Shrink Sign Sinh TfIdfVectorizer Where",
	10: "ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear Resize " +
		"ReverseSequence RoiAlign StringNormalizer ThresholdedRelu",
	11: "BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements ScatterND " +
		"SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence Unique",
	12: "Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
	14: "HardSwish Trilu",
	15: "Bernoulli CastLike Optional OptionalGetElement OptionalHasElement",
	16: "GridSample",
	17: "BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap",
	18: "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish",
	19: "DeformConv",
	20: "AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit",
}

// withdrawn are the operators that are not in the last opset, by the first opset without them.
var withdrawn = map[string]int64{"Upsample": 10, "Scatter": 11}

func TestDocumentOfOperatorsIsUpToDate(t *testing.T) {
	text := describeOperators(backendTests(t), derivatives(t))
	if *update {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s is not what the tests find: write it anew with go test ./framework/model -update", document)
	}
}

func describeOperators(results []conformance.Result, found map[string]evidence) string {
	var b strings.Builder
	b.WriteString(`# Operators

Written by ` + "`go test ./framework/model -update`" + `; the tests fail while it is not what they find.

- **opsets**: those whose rules the importer follows and that have the operator.
- **gradient** and **second derivative**: *yes* if the gradient of a curved loss of the output, and its Hessian-vector product, agree with
  central differences in float64, in ONNX's node tests or an example where there is none; *constant* if the output is locally
  constant, so that both are zero.
- **node tests**: ONNX's own, passed of those that exist. Those named *expanded*, which write an operator as a function of others, count with it.

| operator | opsets | forward | gradient | second derivative | node tests |
|---|---|---|---|---|---|
`)
	tests := nodeTests(results)
	for _, operator := range model.Operators() {
		derivative := found[operator].verdict(operator)
		fmt.Fprintf(&b, "| %s | %s | yes | %s | %s | %s |\n", operator, opsets(operator), derivative, derivative, passed(tests[operator]))
	}
	b.WriteString("\n## ONNX's tests\n\n| group | tests | passed | failed | refused |\n|---|---|---|---|---|\n")
	for _, c := range conformance.Counts(results) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", c.Group, c.Tests, c.Passed, c.Failed, c.Unsupported)
	}
	b.WriteString("\n## Refused node tests\n\n| operator | tests | reason |\n|---|---|---|\n")
	for _, operator := range slices.Sorted(maps.Keys(tests)) {
		counts := map[string]int{}
		for _, r := range tests[operator] {
			if r.Outcome == conformance.Unsupported {
				counts[r.Reason]++
			}
		}
		for _, reason := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", operator, counts[reason], reason)
		}
	}
	return b.String()
}

// verdict is what a cell says of an operator's derivatives.
func (e evidence) verdict(operator string) string {
	switch {
	case e.wrong:
		return "no"
	case model.IsConstant(operator) && !e.varies:
		return "constant"
	case e.varies:
		return "yes"
	}
	return "no"
}

// opsets returns the range of opsets in which an operator can be imported.
func opsets(operator string) string {
	first, last := int64(model.MinOpset), int64(model.MaxOpset)
	for opset, operators := range introduced {
		if slices.Contains(strings.Fields(operators), operator) {
			first = opset
		}
	}
	if without, is := withdrawn[operator]; is {
		last = without - 1
	}
	return fmt.Sprintf("%d–%d", first, last)
}

// nodeTests returns the node tests by the operator that they test.
func nodeTests(results []conformance.Result) map[string][]conformance.Result {
	operators := map[string]string{}
	for _, r := range results {
		operators[full(r)] = soleOperator(r)
	}
	tests := map[string][]conformance.Result{}
	for _, r := range results {
		if r.Group != "node" {
			continue
		}
		original, _, _ := strings.Cut(full(r), "_expanded")
		operator := operators[original]
		tests[operator] = append(tests[operator], r)
	}
	return tests
}

func passed(tests []conformance.Result) string {
	n := 0
	for _, r := range tests {
		if r.Outcome == conformance.Passed {
			n++
		}
	}
	if len(tests) == 0 {
		return "none exist"
	}
	return fmt.Sprintf("%d of %d", n, len(tests))
}
