package ops_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is a classifier: its loss, its parameters and values for all inputs of the graph.
type network struct {
	loss       ops.Expr
	parameters []ops.Expr
	values     opstest.Values
}

var networks = map[string]func() network{"multilayer perceptron": perceptron, "convolutional network": convolutionalNetwork}

const examples = 4

// builder adds inputs with random values to a graph.
type builder struct {
	*network
	g *gorgonia.ExprGraph
	r *rand.Rand
}

func newBuilder() builder {
	return builder{&network{values: opstest.Values{}}, gorgonia.NewGraph(), rand.New(rand.NewPCG(7, 8))}
}

func (b builder) input(name string, shape ...int) ops.Expr {
	x := ops.Input(b.g, name, array.Float64, shape...)
	b.values[x] = signed(b.r, size(shape))
	return x
}

func (b builder) parameter(shape ...int) ops.Expr {
	p := b.input(fmt.Sprint("parameter ", len(b.parameters)), shape...)
	b.parameters = append(b.parameters, p)
	return p
}

// crossEntropy finishes the network: the mean over the examples.
func (b builder) crossEntropy(logits ops.Expr) network {
	labels := ops.Input(b.g, "labels", array.Float64, examples)
	b.values[labels] = []float64{0, 2, 1, 2}
	b.loss = logits.LogSoftmax(1).Mul(labels.OneHot(3)).Sum(false).Scale(-1.0 / examples)
	return *b.network
}

func perceptron() network {
	b := newBuilder()
	h := b.input("x", examples, 5)
	h = h.MatMul(b.parameter(5, 6)).Add(b.parameter(6)).Relu()
	h = h.MatMul(b.parameter(6, 4)).Add(b.parameter(4)).Tanh()
	return b.crossEntropy(h.MatMul(b.parameter(4, 3)).Add(b.parameter(3)))
}

func convolutionalNetwork() network {
	b := newBuilder()
	h := b.input("x", examples, 2, 6, 6)
	padded := ops.Conv{Window: window(2, func(w *ops.Window) { w.Pads = []int{1, 1, 1, 1} }), Groups: 1}
	h = ops.Apply(padded, h, b.parameter(4, 2, 3, 3)).Add(b.parameter(4, 1, 1)).Relu()
	h = h.MaxPool([]int{2, 2}, window(2, func(w *ops.Window) { w.Strides = []int{2, 2} }))
	h = ops.Apply(ops.Conv{Window: window(2, nil), Groups: 2}, h, b.parameter(6, 2, 2, 2)).Sigmoid()
	return b.crossEntropy(h.Mean(false, 2, 3).MatMul(b.parameter(6, 3)))
}

func TestStockGorgoniaFindsTheSameGradients(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			ours, stock := build(), build()
			gradients, err := autodiff.Grad(ours.loss, ours.parameters...)
			if err != nil {
				t.Fatal(err)
			}
			want := opstest.Run(t, ours.values, gradients...)
			nodes, err := gorgonia.Grad(stock.loss.Node(), nodesOf(stock.parameters)...)
			if err != nil {
				t.Fatal(err)
			}
			var stockGradients []ops.Expr
			for _, n := range nodes {
				stockGradients = append(stockGradients, ops.FromNode(n))
			}
			for i, got := range opstest.Run(t, stock.values, stockGradients...) {
				compare(t, fmt.Sprint("gradient of parameter ", i), got, want[i], valueTolerance)
			}
		})
	}
}

func TestAStockSolverTrains(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			n := build()
			nodes := nodesOf(n.parameters)
			if _, err := gorgonia.Grad(n.loss.Node(), nodes...); err != nil {
				t.Fatal(err)
			}
			for x, v := range n.values {
				if err := gorgonia.Let(x.Node(), tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(v))); err != nil {
					t.Fatal(err)
				}
			}
			vm := gorgonia.NewTapeMachine(n.loss.Node().Graph(), gorgonia.BindDualValues(nodes...))
			defer vm.Close()
			solver := gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.1))
			var losses []float64
			for range 200 {
				if err := vm.RunAll(); err != nil {
					t.Fatal(err)
				}
				losses = append(losses, n.loss.Node().Value().Data().(float64))
				if err := solver.Step(gorgonia.NodesToValueGrads(nodes)); err != nil {
					t.Fatal(err)
				}
				vm.Reset()
			}
			if first, last := losses[0], losses[len(losses)-1]; !(last < first/2) {
				t.Errorf("the loss went from %v to %v", first, last)
			}
		})
	}
}

// Stock Gorgonia dereferences the gradient of every input that DiffWRT announces.
func TestEveryAnnouncedGradientExists(t *testing.T) {
	for _, c := range operatorCases() {
		g := gorgonia.NewGraph()
		in := variables(g, c.in)
		y := ops.Apply(c.op, in...)
		op := y.Node().Op().(ops.Op)
		gradients, err := op.SymDiff(nodesOf(in), y.Node(), ops.Input(g, "gradient", array.Float64, c.out...).Node())
		if err != nil {
			t.Fatal(err)
		}
		for i, announced := range op.DiffWRT(len(in)) {
			if exists := gradients[i] != nil; exists != announced {
				t.Errorf("%v: gradient of input %d is announced: %v, exists: %v", c, i, announced, exists)
			}
		}
	}
}

func nodesOf(xs []ops.Expr) gorgonia.Nodes {
	nodes := make(gorgonia.Nodes, len(xs))
	for i, x := range xs {
		nodes[i] = x.Node()
	}
	return nodes
}
