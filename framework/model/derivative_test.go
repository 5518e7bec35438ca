package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
)

// Gradients and Hessian-vector products are compared with central differences, of the loss and of the gradient, in float64. A
// difference of step h errs by h²/6 times the next derivative but one, and by roundoff/h times the loss. The best of some steps must
// be within the bound: where a function is steep a long step is too coarse, and a derivative that is wrong is wrong with all of them.
const derivativeTolerance = 1e-6

var derivativeSteps = []float64{1e-5, 1e-6, 1e-4, 1e-7}

// derivativeExample is a node applied to floating-point inputs of some shapes.
type derivativeExample struct {
	operator   string
	shapes     [][]int64
	attributes []*onnx.Attribute
}

// derivativeExamples are of the operators that no node test reaches with a floating-point input and output.
func derivativeExamples() []derivativeExample {
	image, line := [][]int64{{2, 4, 3, 3}}, [][]int64{{5}}
	return []derivativeExample{
		{"Gelu", line, nil},
		{"Gelu", line, []*onnx.Attribute{onnx.StringAttr("approximate", "tanh")}},
		{"GlobalLpPool", image, []*onnx.Attribute{onnx.IntAttr("p", 3)}},
		{"GroupNormalization", append(image, []int64{4}, []int64{4}), []*onnx.Attribute{onnx.IntAttr("num_groups", 2)}},
		{"LpNormalization", image, []*onnx.Attribute{onnx.IntAttr("axis", 1)}},
		{"LpPool", image, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 2, 2)}},
		{"Mish", line, nil},
		{"Trilu", image, []*onnx.Attribute{onnx.IntAttr("upper", 0)}},
	}
}

func TestGradientsAndHessianVectorProductsOfAllOperators(t *testing.T) {
	found := derivatives(t)
	for _, operator := range model.Operators() {
		switch e := found[operator]; {
		case model.IsConstant(operator) && e.varies:
			t.Errorf("%s is said to be locally constant, but has a gradient", operator)
		case !model.IsConstant(operator) && !e.varies:
			t.Errorf("the gradient of %s is checked nowhere: it needs an entry in derivativeExamples", operator)
		}
	}
}

// evidence is what was found out about an operator's derivatives.
type evidence struct {
	checked int  // outputs whose gradient and Hessian-vector product agree with differences
	varies  bool // a gradient is not zero
	wrong   bool // one disagrees
}

var differentiated struct {
	sync.Once
	by map[string]evidence
}

// derivatives checks all node tests of a single operator that pass, and the examples, once. What disagrees fails the test.
func derivatives(t *testing.T) map[string]evidence {
	t.Helper()
	differentiated.Do(func() {
		differentiated.by = map[string]evidence{}
		root := onnxtest.TestData(t)
		for _, r := range backendTests(t) {
			operator := soleOperator(r)
			if operator == "" || r.Group != "node" || r.Outcome != conformance.Passed || rounds(r.Name) {
				continue
			}
			c, err := conformance.Test{Group: r.Group, Name: r.Name, Folder: root + "/" + full(r)}.Load()
			if err != nil {
				t.Fatal(err)
			}
			checkDerivatives(t, r.Name, operator, c.Model, c.DataSets[0].Inputs)
		}
		for _, e := range derivativeExamples() {
			source, inputs := e.graph()
			checkDerivatives(t, "an example", e.operator, source, inputs)
		}
		source, inputs := branchExample()
		checkDerivatives(t, "an example", "If", source, inputs)
	})
	return differentiated.by
}

// rounds reports whether a test casts to a type of 16 bits: gradients pass straight through the rounding, and differences see it.
func rounds(test string) bool {
	_, to, casts := strings.Cut(test, "_to_")
	return casts && strings.HasPrefix(test, "test_cast") && (strings.HasPrefix(to, "FLOAT16") || strings.HasPrefix(to, "BFLOAT16"))
}

// soleOperator returns the operator of a graph that has but one, beside constants; else "".
func soleOperator(r conformance.Result) string {
	others := slices.DeleteFunc(slices.Clone(r.Operators), func(name string) bool { return name == "Constant" })
	switch {
	case strings.Contains(r.Name, "_expanded") || len(others) > 1:
		return ""
	case len(others) == 0:
		return "Constant"
	}
	return others[0]
}

// graph returns the example with random inputs.
func (e derivativeExample) graph() (*onnx.Model, []*onnx.Tensor) {
	random := rand.New(rand.NewPCG(17, 4))
	n := &onnx.Node{OpType: e.operator, Outputs: []string{"y"}, Attributes: e.attributes}
	var inputs []*onnx.Tensor
	for i, dims := range e.shapes {
		size := 1
		for _, d := range dims {
			size *= int(d)
		}
		numbers := make([]float64, size)
		for k := range numbers {
			numbers[k] = random.NormFloat64()
		}
		n.Inputs = append(n.Inputs, fmt.Sprint("x", i))
		inputs = append(inputs, onnx.NewDoubleTensor(n.Inputs[i], dims, numbers))
	}
	return exampleModel(n), inputs
}

// branchExample is If, whose branch reads a value from outside.
func branchExample() (*onnx.Model, []*onnx.Tensor) {
	branch := func(operator string) *onnx.Graph {
		n := &onnx.Node{OpType: operator, Inputs: []string{"x"}, Outputs: []string{"z"}}
		return &onnx.Graph{Nodes: []*onnx.Node{n}, Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("z", onnx.Float)}}
	}
	n := &onnx.Node{OpType: "If", Inputs: []string{"chosen"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{
		onnx.GraphAttr("then_branch", branch("Tanh")), onnx.GraphAttr("else_branch", branch("Sigmoid")),
	}}
	return exampleModel(n), []*onnx.Tensor{
		onnx.NewInt64Tensor("chosen", nil, []int64{1}), onnx.NewDoubleTensor("x", []int64{3}, []float64{-1, 0.5, 2}),
	}
}

func exampleModel(n *onnx.Node) *onnx.Model {
	return &onnx.Model{Opsets: map[string]int64{"": model.MaxOpset}, Graph: &onnx.Graph{
		Nodes: []*onnx.Node{n}, Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
	}}
}

// checkDerivatives checks all floating-point outputs that depend on a floating-point input.
func checkDerivatives(t *testing.T, name, operator string, source *onnx.Model, inputs []*onnx.Tensor) {
	t.Helper()
	for _, out := range source.Graph.Outputs {
		p, err := newProbe(t, source, out.Name, inputs)
		if err != nil {
			t.Fatalf("%s, output %q: %v", name, out.Name, err)
		}
		if p == nil {
			continue
		}
		e := differentiated.by[operator]
		gradient, product := p.errors()
		if !(gradient <= derivativeTolerance) || !(product <= derivativeTolerance) {
			e.wrong = true
			t.Errorf("%s (%s), output %q: the gradient is off by %.2g, the Hessian-vector product by %.2g", name, operator, out.Name, gradient, product)
		}
		e.checked++
		e.varies = e.varies || p.varies
		differentiated.by[operator] = e
	}
}

// probe is a loss of an output y that is curved even if the operator is linear: Σ slope·y + ½ Σ (bend·y)², as a function of all
// floating-point inputs, and a direction to move them in.
type probe struct {
	machine      *opstest.Machine
	inputs       []ops.Expr
	x, direction []float64      // of all inputs, one after the other
	values       opstest.Values // of everything else
	varies       bool           // the gradient is not zero
}

// newProbe returns nil if no input leads to the output, or the output is no floating-point tensor.
func newProbe(t *testing.T, source *onnx.Model, output string, inputs []*onnx.Tensor) (p *probe, err error) {
	t.Helper()
	err = ops.Build(func() error {
		a, err := model.Apply(source, output, inputs, array.Float64)
		if err != nil {
			return err
		}
		if _, known := a.Output.Known(); known || len(a.Inputs) == 0 || a.DType != onnx.Float {
			return nil
		}
		p = &probe{inputs: a.Inputs, values: opstest.Values{}}
		return p.write(t, a)
	})
	return p, err
}

// write adds the loss and its derivatives to the graph and chooses where to evaluate them.
func (p *probe) write(t *testing.T, a *model.Applied) error {
	y := a.Output
	slope := ops.Input(a.Graph, "slope", array.Float64, y.Shape()...)
	bend := ops.Input(a.Graph, "bend", array.Float64, y.Shape()...)
	loss := slope.Mul(y).Sum(false).Add(bend.Mul(y).Square().Sum(false).Scale(0.5))
	var directions []ops.Expr
	for i, x := range p.inputs {
		directions = append(directions, ops.Input(a.Graph, fmt.Sprint("direction ", i), array.Float64, x.Shape()...))
	}
	gradients, err := autodiff.Grad(loss, p.inputs...)
	if err != nil {
		return err
	}
	products, err := autodiff.HVP(loss, p.inputs, directions)
	if err != nil {
		return err
	}
	p.machine = opstest.Compile(t, slices.Concat([]ops.Expr{y, loss}, gradients, products)...)
	for _, h := range ops.HeldBy(a.Graph) {
		p.values[h.Input] = h.Value.F64
	}
	return p.place(slope, bend, directions)
}

// place moves the inputs off the kinks and ties that round numbers often are, to where the output is finite, and scales the loss to
// the size of the output. Of many numbers only some move, so that none of them meets a kink within a step.
func (p *probe) place(slope, bend ops.Expr, directions []ops.Expr) error {
	const size, moved, attempts = 1e-2, 1000, 20
	random := rand.New(rand.NewPCG(2502, 1557))
	weights := func(n int) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = math.Copysign(0.5+random.Float64(), random.Float64()-0.5)
		}
		return list
	}
	var start []float64
	for _, x := range p.inputs {
		start = append(start, p.values[x]...)
	}
	for i, x := range p.inputs {
		v := weights(x.Shape().TotalSize())
		for k := range v {
			if random.Float64()*float64(len(start)) > moved {
				v[k] = 0
			}
		}
		p.values[directions[i]] = v
		p.direction = append(p.direction, v...)
	}
	n := slope.Shape().TotalSize()
	for range attempts {
		p.x = slices.Clone(start)
		for i, v := range p.x {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v = 0
			}
			p.x[i] = v + size*(2*random.Float64()-1)
		}
		p.values[slope], p.values[bend] = weights(n), weights(n)
		y, _, gradient, _ := p.run(p.x)
		if magnitude(y) < math.Inf(1) && magnitude(gradient) < math.Inf(1) {
			scale := math.Max(1, magnitude(y))
			for i := range n {
				p.values[slope][i] /= scale
				p.values[bend][i] /= scale
			}
			return nil
		}
	}
	return fmt.Errorf("no finite output near the test's inputs in %d attempts", attempts)
}

// run returns the output, the loss, and its gradient and Hessian-vector product in all inputs, one after the other.
func (p *probe) run(x []float64) (y []float64, loss float64, gradient, product []float64) {
	for _, in := range p.inputs {
		n := in.Shape().TotalSize()
		p.values[in], x = x[:n], x[n:]
	}
	results := p.machine.Run(p.values)
	n := len(p.inputs)
	return results[0], results[1][0], slices.Concat(results[2 : 2+n]...), slices.Concat(results[2+n:]...)
}

// errors returns how far gradient and Hessian-vector product are from differences, relative to the largest number, or to a thousandth
// of what is differentiated where both are small.
func (p *probe) errors() (ofGradient, ofProduct float64) {
	_, loss, gradient, product := p.run(p.x)
	p.varies = magnitude(gradient) > 0
	along := 0.0
	for i, g := range gradient {
		along += g * p.direction[i]
	}
	ofGradient, ofProduct = math.Inf(1), math.Inf(1)
	for _, h := range derivativeSteps {
		_, lossAhead, ahead, _ := p.run(p.moved(h))
		_, lossBehind, behind, _ := p.run(p.moved(-h))
		change := make([]float64, len(gradient))
		for i := range change {
			change[i] = (ahead[i] - behind[i]) / (2 * h)
		}
		floor := math.Max(magnitude(gradient), 1e-3*(1+math.Abs(loss)))
		if e := apart([]float64{along}, []float64{(lossAhead - lossBehind) / (2 * h)}, floor); e < ofGradient {
			ofGradient = e
		}
		if e := apart(product, change, 1e-3*(1+magnitude(gradient))); e < ofProduct {
			ofProduct = e
		}
		if ofGradient <= derivativeTolerance && ofProduct <= derivativeTolerance {
			break
		}
	}
	return ofGradient, ofProduct
}

func (p *probe) moved(h float64) []float64 {
	x := slices.Clone(p.x)
	for i, v := range p.direction {
		x[i] += h * v
	}
	return x
}

// apart is the largest difference relative to the largest number, which is the floor at least. It is NaN if a number is.
func apart(a, b []float64, floor float64) float64 {
	difference := make([]float64, len(a))
	for i := range a {
		difference[i] = a[i] - b[i]
	}
	return magnitude(difference) / max(magnitude(a), magnitude(b), floor)
}

// magnitude is the largest absolute value, NaN if a number is.
func magnitude(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = math.Max(m, math.Abs(v))
	}
	return m
}
