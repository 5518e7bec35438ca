package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// nodeCase is a few nodes from inputs to y, in a file that another framework's outputs stand in too.
type nodeCase struct {
	Name      string
	Opset     int64
	Nodes     []nodeText
	Inputs    map[string]tensorText
	Constants map[string]tensorText
	Integers  map[string]any // nested lists

	// Of a table of derivatives: the gradient of Σ slope·y, and the product of its Hessian with a direction, where there is one.
	outcome
	Differs *difference
}

type outcome struct {
	Y                   tensorText
	Gradients, Products map[string]tensorText
}

// difference is what is expected instead, and why.
type difference struct {
	Because string
	outcome
}

type nodeText struct {
	Op              string
	Inputs, Outputs []string
	Attributes      map[string]any
}

// tensorText is a tensor whose elements are written one after the other, NaN and infinities included.
type tensorText struct {
	DType string // ONNX's name; "" for DOUBLE
	Dims  []int64
	Data  string
}

func readNodeCases(t *testing.T, file string) []nodeCase {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []nodeCase
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func (x tensorText) numbers(t *testing.T) []float64 {
	t.Helper()
	list := []float64{}
	for _, word := range strings.Fields(x.Data) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func (x tensorText) tensor(t *testing.T, name string) *onnx.Tensor {
	t.Helper()
	return onnx.NewDoubleTensor(name, x.Dims, x.numbers(t))
}

// source is the case as a file; what it calls inputs are none of the graph, which is given them later.
func (c nodeCase) source(t *testing.T) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Undefined)}}
	for _, n := range c.Nodes {
		node := &onnx.Node{OpType: n.Op, Inputs: n.Inputs, Outputs: n.Outputs}
		for name, v := range n.Attributes {
			node.Attributes = append(node.Attributes, attribute(t, name, v))
		}
		g.Nodes = append(g.Nodes, node)
	}
	for name, x := range c.Constants {
		g.Initializers = append(g.Initializers, x.tensor(t, name))
	}
	for name, list := range c.Integers {
		dims, numbers := flattened(list)
		g.Initializers = append(g.Initializers, onnx.NewInt64Tensor(name, dims, numbers))
	}
	return &onnx.Model{Opsets: map[string]int64{"": c.Opset}, Graph: g}
}

// fractional are the attributes whose numbers are no integers, even where they are written as ones.
var fractional = []string{"alpha", "beta", "bias", "epsilon", "lambd", "gamma"}

func attribute(t *testing.T, name string, v any) *onnx.Attribute {
	t.Helper()
	switch v := v.(type) {
	case string:
		return onnx.StringAttr(name, v)
	case float64:
		if slices.Contains(fractional, name) {
			return onnx.FloatAttr(name, float32(v))
		}
		return onnx.IntAttr(name, int64(v))
	case []any:
		_, numbers := flattened(v)
		return onnx.IntsAttr(name, numbers...)
	}
	t.Fatalf("attribute %s = %v", name, v)
	return nil
}

// flattened reads nested lists of integers.
func flattened(v any) (dims, numbers []int64) {
	list, is := v.([]any)
	if !is {
		return nil, []int64{int64(v.(float64))}
	}
	for i, part := range list {
		inner, more := flattened(part)
		if i == 0 {
			dims = append([]int64{int64(len(list))}, inner...)
		}
		numbers = append(numbers, more...)
	}
	if len(list) == 0 {
		dims = []int64{0}
	}
	return dims, numbers
}

// evaluators are the engines that are held to the tables.
var evaluators = map[string]conformance.Evaluator{"tape": tape.Engine{}, "plan": plan.Engine{}}

// TestDerivativesAtSingularPointsAreThoseOfPyTorch holds both engines to testdata/singular.json, which says what it is.
func TestDerivativesAtSingularPointsAreThoseOfPyTorch(t *testing.T) {
	for _, c := range readNodeCases(t, "testdata/singular.json") {
		t.Run(c.Name, func(t *testing.T) {
			y, gradients, products := c.differentiate(t)
			want := c.outcome
			if c.Differs != nil {
				want = c.Differs.outcome
			}
			c.expect(t, "y", y, want.Y)
			for name := range c.Inputs {
				c.expect(t, "the gradient in "+name, gradients[name], want.Gradients[name])
				if product, known := want.Products[name]; known {
					c.expect(t, "the Hessian-vector product in "+name, products[name], product)
				}
			}
		})
	}
}

// expect compares what both engines compute.
func (c nodeCase) expect(t *testing.T, what string, got ops.Expr, want tensorText) {
	t.Helper()
	numbers := want.numbers(t)
	for engine, e := range evaluators {
		values, known := got.Known()
		if !known {
			result, err := e.EvaluateGraph(got)
			if err != nil {
				t.Fatalf("%s on %s: %v", what, engine, err)
			}
			values = result.As(array.Float64).F64
		}
		if !slices.EqualFunc(values, numbers, within(want.tolerance())) {
			t.Errorf("%s on %s is %v, want %v", what, engine, values, numbers)
		}
	}
}

// TestNodesAreThoseOfONNXRuntime holds both engines to testdata/runtime.json, which says what it is.
func TestNodesAreThoseOfONNXRuntime(t *testing.T) {
	for _, c := range readNodeCases(t, "testdata/runtime.json") {
		t.Run(c.Name, func(t *testing.T) {
			var applied *model.Applied
			err := ops.Build(func() (err error) {
				applied, err = model.Apply(c.source(t), "y", c.inputs(t), array.Float64)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			c.expect(t, "y", applied.Output, c.Y)
			if shape := applied.Output.Shape(); !slices.EqualFunc(shape, c.Y.Dims, func(n int, d int64) bool { return int64(n) == d }) {
				t.Errorf("the shape is %v, want %v", shape, c.Y.Dims)
			}
			if kind := applied.DType.String(); c.Y.DType != kind {
				t.Errorf("the elements are %v, want %v", kind, c.Y.DType)
			}
		})
	}
}

// TestLargeRepeatedConstantsStayInTheGraph has weights that are one number, more than what is computed while a graph is written.
func TestLargeRepeatedConstantsStayInTheGraph(t *testing.T) {
	const rows = 1<<22 + 1
	for _, operator := range []string{"ConstantOfShape", "Expand"} {
		weights := nodeText{Op: operator, Inputs: []string{"shape"}, Outputs: []string{"w"}}
		c := nodeCase{Opset: 18, Inputs: map[string]tensorText{"x": {Dims: []int64{2}, Data: "1 2"}},
			Integers: map[string]any{"shape": []any{float64(rows)}, "last": []any{float64(rows - 1), 0.}}}
		want := "1 2"
		if operator == "Expand" {
			weights.Inputs = []string{"three", "shape"}
			c.Constants, want = map[string]tensorText{"three": {Data: "3"}}, "4 5"
		}
		c.Nodes = []nodeText{weights, {Op: "Gather", Inputs: []string{"w", "last"}, Outputs: []string{"r"}},
			{Op: "Add", Inputs: []string{"x", "r"}, Outputs: []string{"y"}}}
		var applied *model.Applied
		err := ops.Build(func() (err error) {
			applied, err = model.Apply(c.source(t), "y", c.inputs(t), array.Float64)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", operator, err)
		}
		c.expect(t, operator, applied.Output, tensorText{Dims: []int64{2}, Data: want})
	}
}

func (c nodeCase) inputs(t *testing.T) (list []*onnx.Tensor) {
	t.Helper()
	for name, x := range c.Inputs {
		list = append(list, x.tensor(t, name))
	}
	return list
}

// tolerance is for the rounding of sums in the type's precision; integers are exact.
func (x tensorText) tolerance() float64 {
	switch x.DType {
	case "":
		return 1e-12
	case "FLOAT":
		return 1e-6
	}
	return 0
}

// within returns whether numbers differ by less than a tolerance, relative to the wanted one.
func within(tolerance float64) func(got, want float64) bool {
	return func(got, want float64) bool {
		return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= tolerance*(1+math.Abs(want))
	}
}

// differentiate writes y, and the derivatives of Σ slope·y in all inputs.
func (c nodeCase) differentiate(t *testing.T) (y ops.Expr, gradients, products map[string]ops.Expr) {
	t.Helper()
	gradients, products = map[string]ops.Expr{}, map[string]ops.Expr{}
	err := ops.Build(func() error {
		a, err := model.Apply(c.source(t), "y", c.inputs(t), array.Float64)
		if err != nil {
			return err
		}
		y = a.Output
		variables := slices.DeleteFunc(slices.Clone(a.Inputs), func(x ops.Expr) bool { return c.Inputs[given(x)].Dims == nil })
		loss := y.Mul(eighths(y, 1)).Sum(false)
		var directions []ops.Expr
		for _, x := range variables {
			directions = append(directions, eighths(x, -1))
		}
		first, err := autodiff.Grad(loss, variables...)
		if err != nil {
			return err
		}
		second, err := autodiff.HVP(loss, variables, directions)
		if err != nil {
			return err
		}
		for i, x := range variables {
			gradients[given(x)], products[given(x)] = first[i], second[i]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range c.Inputs {
		if gradients[name].Absent() {
			t.Fatal(fmt.Errorf("input %q is no input of the graph", name))
		}
	}
	return y, gradients, products
}

// given is the name of an input in the case.
func given(x ops.Expr) string { return strings.TrimPrefix(x.Node().Name(), "tensor ") }

// eighths is 1 + sign·i/8 for element i, in x's shape.
func eighths(x ops.Expr, sign float64) ops.Expr {
	data := make([]float64, x.Shape().TotalSize())
	for i := range data {
		data[i] = 1 + sign*float64(i)/8
	}
	held := ops.Constant(x.Shape(), data)
	return held.HeldIn(x.Node().Graph(), array.Float64)
}

// TestAnIndexOutsideItsTableIsKnownAsSuch holds both engines to an error that a command line can explain.
func TestAnIndexOutsideItsTableIsKnownAsSuch(t *testing.T) {
	c := nodeCase{Opset: 18, Inputs: map[string]tensorText{"x": {Dims: []int64{3}, Data: "1 2 3"}, "p": {Dims: []int64{1}, Data: "99"}},
		Nodes: []nodeText{{Op: "Cast", Inputs: []string{"p"}, Outputs: []string{"i"}, Attributes: map[string]any{"to": float64(onnx.Int64)}},
			{Op: "Gather", Inputs: []string{"x", "i"}, Outputs: []string{"y"}}}}
	var applied *model.Applied
	err := ops.Build(func() (err error) {
		applied, err = model.Apply(c.source(t), "y", c.inputs(t), array.Float64)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for engine, e := range evaluators {
		_, err := e.EvaluateGraph(applied.Output)
		var found *ops.IndexError
		if !errors.As(err, &found) || *found != (ops.IndexError{Index: 99, Size: 3}) {
			t.Errorf("%s: the error is %v", engine, err)
		}
	}
}
