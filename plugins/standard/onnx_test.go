package standard

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
	"github.com/seed5b471a7e/backstitch/plugins/adagrad"
	"github.com/seed5b471a7e/backstitch/plugins/adam"
	"github.com/seed5b471a7e/backstitch/plugins/sgd"
)

// mapped is a node of the domain ai.onnx.preview.training as a plugin.
type mapped struct {
	optimizer optim.Optimizer
	slots     []string // what the node's state inputs are called here, in their order
	count     int64
}

// translations map a node with the rate r and the count t. What a node calls norm_coefficient is the L2 penalty.
var translations = map[string]func(a attributes, r float64, t int64) mapped{
	"Adagrad": func(a attributes, r float64, t int64) mapped {
		return mapped{&adagrad.Adagrad{
			LR: r, LRDecay: a.float("decay_factor", 0), Epsilon: a.float("epsilon", 1e-6), WeightDecay: a.float("norm_coefficient", 0),
		}, []string{"sum"}, t}
	},
	// Adam of ONNX multiplies the rate by √(1 − βᵗ) / (1 − αᵗ) and adds ε to √H, uncorrected: ours is the same with ε / √(1 − βᵗ). At t = 0
	// there are no corrections, so those of our first step are taken back.
	"Adam": func(a attributes, r float64, t int64) mapped {
		alpha, beta := a.float("alpha", 0.9), a.float("beta", 0.999)
		epsilon := a.float("epsilon", 1e-6) / math.Sqrt(1-math.Pow(beta, float64(max(t, 1))))
		if t == 0 {
			r *= (1 - alpha) / math.Sqrt(1-beta)
		}
		return mapped{&adam.Adam{LR: r, Beta1: alpha, Beta2: beta, Epsilon: epsilon, WeightDecay: a.float("norm_coefficient", 0)},
			[]string{"mean", "square"}, max(t, 1) - 1}
	},
	// Momentum's beta is what joins of a gradient, except the first one.
	"Momentum": func(a attributes, r float64, t int64) mapped {
		return mapped{&sgd.SGD{
			LR: r, Momentum: a.float("alpha", 0), Dampening: 1 - a.float("beta", 1), WeightDecay: a.float("norm_coefficient", 0),
			Nesterov: string(a.Attr("mode").S) == "nesterov",
		}, []string{"velocity"}, t}
	},
}

type attributes struct{ *onnx.Node }

func (a attributes) float(name string, missing float64) float64 {
	if attribute := a.Attr(name); attribute != nil {
		return float64(attribute.F)
	}
	return missing
}

func TestPluginsAreONNXsOptimizers(t *testing.T) {
	root := onnxtest.TestData(t)
	for _, name := range []string{
		"adagrad", "adagrad_multiple", "adam", "adam_multiple", "momentum", "momentum_multiple", "nesterov_momentum",
	} {
		tests, err := conformance.Find(filepath.Join(root, "node", "test_"+name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := tests[0].Load()
		if err != nil {
			t.Fatal(err)
		}
		n := c.Model.Graph.Nodes[0]
		if name == "adam_multiple" { // whose outputs were computed with an ε that the node does not have
			n.Attributes = append(n.Attributes, onnx.FloatAttr("epsilon", 0.01))
		}
		for engineName, e := range map[string]engine.Engine{"tape": tape.Engine{}, "plan": plan.Engine{}} {
			for _, set := range c.DataSets {
				t.Run(name+"/"+engineName+"/"+set.Name, func(t *testing.T) { compareNode(t, e, n, set) })
			}
		}
	}
}

// TestPluginsAreONNXsFormulas continues where ONNX's tests end: all of them are at T = 0. The formulas are those of the operators'
// specification, for one number.
func TestPluginsAreONNXsFormulas(t *testing.T) {
	const r, norm, epsilon, x, g, v, h = 0.1, 0.01, 1e-3, 1.2, -0.94, 1.7, 0.3
	const alpha, beta, decay = 0.875, 0.75, 0.125
	penalized := g + norm*x
	sum := h + penalized*penalized
	mean, square := alpha*v+(1-alpha)*penalized, beta*h+(1-beta)*penalized*penalized
	velocity := alpha*v + beta*penalized
	for _, T := range []float64{1, 2, 7} {
		corrected := r * math.Sqrt(1-math.Pow(beta, T)) / (1 - math.Pow(alpha, T))
		for _, c := range []struct {
			operator, mode string
			state, want    []float64
		}{
			{"Adagrad", "", []float64{h}, []float64{x - r/(1+T*decay)*penalized/(math.Sqrt(sum)+epsilon), sum}},
			{"Adam", "", []float64{v, h}, []float64{x - corrected*mean/(math.Sqrt(square)+epsilon), mean, square}},
			{"Momentum", "standard", []float64{v}, []float64{x - r*velocity, velocity}},
			{"Momentum", "nesterov", []float64{v}, []float64{x - r*(penalized+alpha*velocity), velocity}},
		} {
			n := &onnx.Node{OpType: c.operator, Attributes: []*onnx.Attribute{
				onnx.FloatAttr("alpha", alpha), onnx.FloatAttr("beta", beta), onnx.FloatAttr("decay_factor", decay),
				onnx.FloatAttr("epsilon", epsilon), onnx.FloatAttr("norm_coefficient", norm), onnx.StringAttr("mode", c.mode),
			}}
			set := conformance.DataSet{Inputs: single(append([]float64{r, T, x, g}, c.state...)), Outputs: single(c.want)}
			t.Run(fmt.Sprint(c.operator, c.mode, T), func(t *testing.T) { compareNode(t, tape.Engine{}, n, set) })
		}
	}
}

// single makes a tensor of every number.
func single(numbers []float64) []*onnx.Tensor {
	list := make([]*onnx.Tensor, len(numbers))
	for i, x := range numbers {
		list[i] = onnx.NewDoubleTensor(fmt.Sprint("number ", i), []int64{1}, []float64{x})
	}
	return list
}

// compareNode reads the inputs R, T, and then parameters, gradients and slots, one for each tensor; the outputs are parameters and slots.
func compareNode(t *testing.T, e engine.Engine, n *onnx.Node, set conformance.DataSet) {
	m := translations[n.OpType](attributes{n}, numbers(t, set.Inputs[0]).At(0), int64(numbers(t, set.Inputs[1]).At(0)))
	tensors := (len(set.Inputs) - 2) / (2 + len(m.slots))
	group := func(i int) []*onnx.Tensor { return set.Inputs[2+i*tensors:][:tensors] }
	p := programFor(t, m.optimizer, group(0))
	state := p.NewState(all(t, group(0)))
	state.Count = m.count
	for i, slot := range m.slots {
		for j, numbers := range all(t, group(2+i)) {
			state.Field(slotOf(t, p, j, slot)).Copy(numbers)
		}
	}
	gradient := array.New(array.Float32, p.Layout.Parameters())
	for j, numbers := range all(t, group(1)) {
		f := p.Layout.Fields()[j]
		gradient.Slice(f.Offset(), f.Offset()+f.Size()).Copy(numbers)
	}
	machine, err := e.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	if err := machine.Update(t.Context(), state, 1, gradient); err != nil {
		t.Fatal(err)
	}
	for j := range tensors {
		closeToONNX(t, set.Outputs[j], state.Field(p.Layout.Fields()[j]))
		for i, slot := range m.slots {
			closeToONNX(t, set.Outputs[(1+i)*tensors+j], state.Field(slotOf(t, p, j, slot)))
		}
	}
}

// programFor is a program whose parameters have the shapes of tensors.
func programFor(t *testing.T, o optim.Optimizer, tensors []*onnx.Tensor) *program.Program {
	t.Helper()
	network := programtest.NewNetwork(2)
	for _, x := range tensors {
		network = network.Mul(x.Name, int(x.Dims[0]))
	}
	m, err := network.Import()
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.MeanSquaredError{}, Optimizer: o, Precision: array.Float32}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func slotOf(t *testing.T, p *program.Program, parameter int, slot string) optim.Field {
	t.Helper()
	fields := p.Layout.Fields()
	for _, f := range fields {
		if f.Kind == optim.Slot && f.Name == fields[parameter].Name && f.Slot == slot {
			return f
		}
	}
	t.Fatalf("%T has no slot %q", p.Optimizer, slot)
	return optim.Field{}
}

func all(t *testing.T, tensors []*onnx.Tensor) []array.Array {
	t.Helper()
	list := make([]array.Array, len(tensors))
	for i, x := range tensors {
		list[i] = numbers(t, x)
	}
	return list
}

func numbers(t *testing.T, x *onnx.Tensor) array.Array {
	t.Helper()
	values, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return array.From64(values)
}

// closeToONNX uses the tolerance of ONNX's own runner.
func closeToONNX(t *testing.T, want *onnx.Tensor, got array.Array) {
	t.Helper()
	for i, w := range all(t, []*onnx.Tensor{want})[0].F64 {
		if !(math.Abs(got.At(i)-w) <= 1e-7+1e-3*math.Abs(w)) {
			t.Errorf("number %d of %s is %v, want %v", i, want.Name, got.At(i), w)
		}
	}
}
