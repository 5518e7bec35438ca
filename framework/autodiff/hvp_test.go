package autodiff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gonum.org/v1/gonum/floats"
	"gorgonia.org/gorgonia"
)

func TestHessianOfAQuadraticFormIsItsMatrix(t *testing.T) {
	g := gorgonia.NewGraph()
	a, x, v := ops.Input(g, "a", array.Float64, 3, 3), ops.Input(g, "x", array.Float64, 3, 1), ops.Input(g, "v", array.Float64, 3, 1)
	form := x.Transpose(1, 0).MatMul(a).MatMul(x).Sum(false).Scale(0.5)
	products := hvp(t, form, []ops.Expr{x}, []ops.Expr{v})
	got := opstest.Run(t, opstest.Values{a: {2, -1, 0, -1, 3, 4, 0, 4, -5}, x: {7, 8, 9}, v: {1, 2, 3}}, products...)
	if want := []float64{0, 17, -7}; !slices.Equal(got[0], want) {
		t.Errorf("A·v is %v, want %v", got[0], want)
	}
}

func TestHessianOfALinearLossIsZero(t *testing.T) {
	g := gorgonia.NewGraph()
	x, v := vector(g, "x", 2), vector(g, "v", 2)
	got := opstest.Run(t, opstest.Values{x: {1, 2}, v: {3, 4}}, hvp(t, x.Scale(3).Sum(false), []ops.Expr{x}, []ops.Expr{v})...)
	if !slices.Equal(got[0], []float64{0, 0}) {
		t.Errorf("the product is %v", got[0])
	}
}

// The direction may be computed from the variables, even be their gradient: it counts as a vector.
func TestTheDirectionIsNotDifferentiated(t *testing.T) {
	g := gorgonia.NewGraph()
	x := vector(g, "x", 2)
	loss := x.Mul(x).Mul(x).Sum(false) // Hessian 6x, gradient 3x²
	wrt := []ops.Expr{x}
	alongGradient := hvp(t, loss, wrt, gradients(t, loss, x))
	alongX := hvp(t, loss, wrt, wrt)
	got := opstest.Run(t, opstest.Values{x: {1, -2}}, alongGradient[0], alongX[0])
	for i, want := range [][]float64{{18, -144}, {6, 24}} {
		if !slices.Equal(got[i], want) {
			t.Errorf("product %d is %v, want %v", i, got[i], want)
		}
	}
}

// classifier is a tanh network with softmax cross-entropy, with parameters and two directions among its inputs.
type classifier struct {
	loss              ops.Expr
	parameters, u, v  []ops.Expr
	values            opstest.Values
	gradients, hu, hv []ops.Expr
	machine           *opstest.Machine
}

func newClassifier(t *testing.T) *classifier {
	t.Helper()
	const examples = 5
	c := &classifier{values: opstest.Values{}}
	g := gorgonia.NewGraph()
	r := rand.New(rand.NewPCG(11, 12))
	input := func(name string, shape ...int) ops.Expr {
		x := ops.Input(g, name, array.Float64, shape...)
		c.values[x] = make([]float64, x.Shape().TotalSize())
		for i := range c.values[x] {
			c.values[x][i] = r.NormFloat64()
		}
		return x
	}
	for i, shape := range [][]int{{4, 6}, {6}, {6, 5}, {5}, {5, 3}, {3}} {
		c.parameters = append(c.parameters, input(fmt.Sprint("p", i), shape...))
		c.u = append(c.u, input(fmt.Sprint("u", i), shape...))
		c.v = append(c.v, input(fmt.Sprint("v", i), shape...))
	}
	labels := ops.Input(g, "labels", array.Float64, examples)
	c.values[labels] = []float64{0, 1, 2, 2, 1}
	p := c.parameters
	h := input("x", examples, 4).MatMul(p[0]).Add(p[1]).Tanh()
	h = h.MatMul(p[2]).Add(p[3]).Tanh()
	c.loss = h.MatMul(p[4]).Add(p[5]).LogSoftmax(1).Mul(labels.OneHot(3)).Sum(false, 1).Mean(false).Neg()
	c.gradients = gradients(t, c.loss, p...)
	c.hu, c.hv = hvp(t, c.loss, p, c.u), hvp(t, c.loss, p, c.v)
	c.machine = opstest.Compile(t, slices.Concat(c.gradients, c.hu, c.hv)...)
	return c
}

// run returns the gradient and the Hessian's products with both directions at the parameters moved by step·v.
func (c *classifier) run(step float64) (gradient, hu, hv []float64) {
	values := opstest.Values{}
	for x, numbers := range c.values {
		values[x] = slices.Clone(numbers)
	}
	for i, p := range c.parameters {
		floats.AddScaled(values[p], step, c.values[c.v[i]])
	}
	got := c.machine.Run(values)
	n := len(c.parameters)
	return slices.Concat(got[:n]...), slices.Concat(got[n : 2*n]...), slices.Concat(got[2*n:]...)
}

func (c *classifier) flat(parts []ops.Expr) []float64 {
	var numbers []float64
	for _, x := range parts {
		numbers = append(numbers, c.values[x]...)
	}
	return numbers
}

func TestHessianVectorProductsOfANetworkAreThoseOfFiniteDifferences(t *testing.T) {
	// Step and tolerance: a central difference errs by h² ≈ 4e-11 times a third derivative, and by roundoff/h ≈ 2e-11.
	const step, tolerance = 6e-6, 1e-7
	c := newClassifier(t)
	_, _, hv := c.run(0)
	ahead, _, _ := c.run(step)
	behind, _, _ := c.run(-step)
	scale := floats.Norm(hv, 2)
	for i := range hv {
		near(t, fmt.Sprint("relative element ", i), hv[i]/scale, (ahead[i]-behind[i])/(2*step)/scale, tolerance)
	}
}

func TestTheHessianOfANetworkIsSymmetric(t *testing.T) {
	c := newClassifier(t)
	_, hu, hv := c.run(0)
	uhv, vhu := floats.Dot(c.flat(c.u), hv), floats.Dot(c.flat(c.v), hu)
	scale := floats.Norm(c.flat(c.u), 2) * floats.Norm(hv, 2)
	if scale == 0 {
		t.Fatal("the Hessian vanishes")
	}
	near(t, "uᵀHv − vᵀHu, relative", (uhv-vhu)/scale, 0, 1e-14)
}

func hvp(t testing.TB, loss ops.Expr, wrt, direction []ops.Expr) []ops.Expr {
	t.Helper()
	products, err := autodiff.HVP(loss, wrt, direction)
	if err != nil {
		t.Fatal(err)
	}
	return products
}
