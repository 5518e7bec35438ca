// Package opstest evaluates expressions on Gorgonia's tape machine, for tests of whatever writes expressions. It needs no engine
// and judges nothing.
package opstest

import (
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Values gives inputs of a graph their numbers, in row-major order. The machine rounds them to the input's precision.
type Values map[ops.Expr][]float64

// Run evaluates expressions of one graph once. Every input of the graph needs a value.
func Run(t testing.TB, inputs Values, outputs ...ops.Expr) [][]float64 {
	t.Helper()
	return Compile(t, outputs...).Run(inputs)
}

// Machine evaluates the same expressions for one value of the inputs after the other.
type Machine struct {
	t       testing.TB
	vm      gorgonia.VM
	outputs []ops.Expr
}

// Compile returns a machine for expressions of one graph, which must be complete: nodes added later are not evaluated. A failed
// or absent expression fails the test.
func Compile(t testing.TB, outputs ...ops.Expr) *Machine {
	t.Helper()
	for i, x := range outputs {
		if x.Err() != nil || x.Absent() {
			t.Fatalf("output %d is no expression: %v", i, x.Err())
		}
	}
	vm := gorgonia.NewTapeMachine(outputs[0].Node().Graph())
	t.Cleanup(func() { vm.Close() })
	return &Machine{t, vm, outputs}
}

// Run returns the values of the outputs, in row-major order. Inputs that are not named keep the value of the last run.
func (m *Machine) Run(inputs Values) [][]float64 {
	m.t.Helper()
	for x, v := range inputs {
		if len(v) != x.Shape().TotalSize() {
			m.t.Fatalf("%d numbers for the input %v of shape %v", len(v), x.Node(), x.Shape())
		}
		if err := gorgonia.Let(x.Node(), value(x, v)); err != nil {
			m.t.Fatal(err)
		}
	}
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		m.t.Fatal(err)
	}
	results := make([][]float64, len(m.outputs))
	for i, x := range m.outputs {
		results[i] = numbers(m.t, x)
	}
	return results
}

func value(x ops.Expr, v []float64) gorgonia.Value {
	shape := tensor.WithShape(x.Shape()...)
	switch single := x.DType() == array.Float32; {
	case x.Rank() == 0 && single:
		return gorgonia.NewF32(float32(v[0]))
	case x.Rank() == 0:
		return gorgonia.NewF64(v[0])
	case single:
		return tensor.New(shape, tensor.WithBacking(array.From64(v).As(array.Float32).F32))
	default:
		return tensor.New(shape, tensor.WithBacking(slices.Clone(v)))
	}
}

func numbers(t testing.TB, x ops.Expr) []float64 {
	t.Helper()
	v := x.Node().Value()
	if v == nil {
		t.Fatalf("%v was not evaluated", x.Node())
	}
	if !slices.Equal(v.Shape(), x.Shape()) {
		t.Fatalf("%v has the value %v of shape %v, its own is %v", x.Node(), v, v.Shape(), x.Shape())
	}
	switch data := v.Data().(type) {
	case []float64:
		return slices.Clone(data)
	case []float32:
		return array.From32(data).As(array.Float64).F64
	case float64:
		return []float64{data}
	case float32:
		return []float64{float64(data)}
	}
	t.Fatalf("%v has elements of type %v", x.Node(), v.Dtype())
	return nil
}
