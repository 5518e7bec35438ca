package ops_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestDoRefusesValuesThatItCannotRead(t *testing.T) {
	g := gorgonia.NewGraph()
	column, row := ops.Input(g, "column", array.Float64, 3, 1), ops.Input(g, "row", array.Float64, 1, 3)
	op := column.Add(row).Node().Op()
	sound := constant(false, []int{1, 3}, []float64{1, 2, 3})
	view := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float64{1, 2, 3}))
	if err := view.T(); err != nil {
		t.Fatal(err)
	}
	byColumn := tensor.New(tensor.WithShape(3, 1), tensor.WithBacking([]float64{1, 2, 3}), tensor.AsFortran(nil))
	for _, c := range []struct {
		rule   string
		values []gorgonia.Value
		want   string
	}{
		{"there are as many values as inputs", []gorgonia.Value{sound}, "1 inputs, want 2"},
		{"elements are floating-point numbers", []gorgonia.Value{gorgonia.NewI(1), sound}, "element type int is not float32 or float64"},
		{"values have one precision", []gorgonia.Value{constant(true, []int{3, 1}, []float64{1, 2, 3}), sound}, "input 1: element type float64 differs"},
		{"a vector is no column", []gorgonia.Value{constant(false, []int{3}, []float64{1, 2, 3}), sound}, "input 0 has shape (3), its node has 2 axes"},
		{"shapes follow the rule", []gorgonia.Value{constant(false, []int{3, 2}, make([]float64, 6)), sound}, "do not broadcast"},
		{"a transposed view is not row-major", []gorgonia.Value{view, sound}, "not contiguous in row-major order"},
		{"column-major order is not row-major", []gorgonia.Value{byColumn, sound}, "not contiguous in row-major order"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := op.Do(c.values...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("value %v, error %v, want %q", got, err, c.want)
			}
		})
	}
}

// faulty is an operator of another package whose kernel panics.
type faulty struct{ ops.Affine }

func (faulty) Eval64(ops.Tensor[float64], ...ops.Tensor[float64]) { panic("out of order") }

func TestAPanicOfAKernelIsAnErrorOfTheMachine(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64, 2)
	ops.Apply(faulty{}, x)
	if err := gorgonia.Let(x.Node(), constant(false, []int{2}, []float64{1, 2})); err != nil {
		t.Fatal(err)
	}
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err == nil || !strings.Contains(err.Error(), "ops_test.faulty{Affine:{Scale:0 Shift:0}}: out of order") {
		t.Errorf("the machine's error is %v", err)
	}
}

func TestAnIndexThatNamesNoElementIsAnError(t *testing.T) {
	const reason = "names none of an axis of size 3: want an integer from -3 to 2"
	one := []int{1}
	for _, c := range []struct {
		op   ops.Operator
		size int
	}{
		{ops.Gather{}, 3},
		{ops.ScatterAdd{Size: 3}, 1},
		{ops.GatherElements{}, 3},
		{ops.ScatterAddElements{Dims: []int{3}}, 1},
	} {
		op := ops.Apply(c.op, variables(gorgonia.NewGraph(), [][]int{{c.size}, one})...).Node().Op()
		for _, single := range []bool{false, true} {
			elements := constant(single, []int{c.size}, make([]float64, c.size))
			for number, want := range map[float64]string{3: "3", -4: "-4", 0.5: "0.5", nan: "NaN", inf: "+Inf", -1e30: "-1"} {
				_, err := op.Do(elements, constant(single, one, []float64{number}))
				want = fmt.Sprintf("the index %s", want)
				if err == nil || !errors.As(err, new(*ops.IndexError)) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), reason) {
					t.Errorf("%+v: the error for the index %v is %v", c.op, number, err)
				}
			}
			for _, number := range []float64{-3, 0, 2} {
				if _, err := op.Do(elements, constant(single, one, []float64{number})); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestResultsShareNoMemoryWithInputs(t *testing.T) {
	for _, c := range operatorCases() {
		in := variables(gorgonia.NewGraph(), c.in)
		y := ops.Apply(c.op, in...)
		values := make([]gorgonia.Value, len(in))
		for i, shape := range c.in {
			values[i] = constant(false, shape, make([]float64, size(shape)))
		}
		got, err := y.Node().Op().Do(values...)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if got.Uintptr() == v.Uintptr() {
				t.Errorf("%v: the result is in the memory of input %d", c, i)
			}
		}
	}
}

func TestKernelsWriteEveryElement(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, c := range operatorCases() {
		in := make([]ops.Tensor[float64], len(c.in))
		for i, shape := range c.in {
			in[i] = ops.Tensor[float64]{Shape: shape, Data: c.draw(r, i)}
		}
		clean := ops.Tensor[float64]{Shape: c.out, Data: make([]float64, size(c.out))}
		dirty := ops.Tensor[float64]{Shape: c.out, Data: slices.Repeat([]float64{nan}, size(c.out))}
		c.op.Eval64(clean, in...)
		c.op.Eval64(dirty, in...)
		identical(t, c.String(), dirty.Data, clean.Data)
	}
}

// The shapes of the conformance table are too small for repetition in pieces, and for the repetition of short lines.
func TestLargeTensorsBroadcast(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	minus := func(a, b float64) float64 { return a - b }
	for _, c := range []struct{ a, b, out []int }{
		{[]int{2, 1}, []int{2, 2500}, []int{2, 2500}},
		{[]int{}, []int{2500}, []int{2500}},
		{[]int{3, 1, 1}, []int{9, 3, 4, 3}, []int{9, 3, 4, 3}},
		{[]int{1, 3, 1, 1}, []int{9, 1, 2, 3}, []int{9, 3, 2, 3}},
		{[]int{9, 1, 1, 1}, []int{9, 3, 4, 3}, []int{9, 3, 4, 3}},
		{[]int{3, 1, 4, 1}, []int{9, 1, 2, 1, 3}, []int{9, 3, 2, 4, 3}},
		{[]int{200, 2}, []int{200, 1}, []int{200, 2}},
	} {
		for _, in := range [][][]int{{c.a, c.b}, {c.b, c.a}} {
			a, b := ndarray{in[0], signed(r, size(in[0]))}, ndarray{in[1], signed(r, size(in[1]))}
			out := ops.Tensor[float64]{Shape: c.out, Data: make([]float64, size(c.out))}
			ops.Binary{Func: ops.Sub}.Eval64(out, ops.Tensor[float64]{Shape: a.shape, Data: a.data}, ops.Tensor[float64]{Shape: b.shape, Data: b.data})
			identical(t, fmt.Sprint(in), out.Data, binary(minus)(c.out, a, b))
		}
	}
}

func TestScalarsAreGorgoniasScalars(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64)
	sum := x.Reshape(1, 1).Sum(false)
	got := opstest.Run(t, opstest.Values{x: {3}}, sum)
	if _, ok := sum.Node().Value().(*gorgonia.F64); !ok || got[0][0] != 3 {
		t.Errorf("the sum is %v of type %T", got, sum.Node().Value())
	}
}
