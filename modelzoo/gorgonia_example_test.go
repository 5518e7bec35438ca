package modelzoo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// What is imported is a plain Gorgonia graph: here Gorgonia's own Grad differentiates it, its own TapeMachine runs it, and its
// own solver trains it.
func Example_gorgonia() {
	const batch = 32
	built, err := modelzoo.Build("mlp-digits", 1)
	if err != nil {
		log.Fatal(err)
	}
	file, err := built.Encode()
	if err != nil {
		log.Fatal(err)
	}
	source, err := onnx.Decode(file) // or onnx.Load("model.onnx")
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.Import(source, model.Options{})
	if err != nil {
		log.Fatal(err)
	}

	// The parameters are ordinary nodes with the file's weights as values.
	g := gorgonia.NewGraph()
	var weights gorgonia.Nodes
	var params []ops.Expr
	for _, p := range m.Parameters {
		w := gorgonia.NewTensor(g, tensor.Float32, len(p.Shape), gorgonia.WithName(p.Name), gorgonia.WithShape(p.Shape...),
			gorgonia.WithValue(tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(p.Value.Clone().F32))))
		weights = append(weights, w)
		params = append(params, ops.FromNode(w))
	}
	expressions, err := m.Write(model.Given{Graph: g, Precision: array.Float32, Batch: batch, Params: params, Training: true})
	if err != nil {
		log.Fatal(err)
	}
	targets := ops.Input(g, "targets", array.Float32, batch)
	loss := program.CrossEntropy{}.Losses(expressions.Output, targets).Mean(false)
	if loss.Err() != nil {
		log.Fatal(loss.Err())
	}

	// From here on, everything is Gorgonia's.
	if _, err := gorgonia.Grad(loss.Node(), weights...); err != nil {
		log.Fatal(err)
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(weights...))
	defer vm.Close()
	solver := gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.1))
	digits, err := (&dataset.Digits{}).Load(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	sampler, err := dataset.NewSampler(digits.Train.Len(), batch, dataset.Shuffle, 0, 1)
	if err != nil {
		log.Fatal(err)
	}
	var b dataset.Batch
	var first, last float32
	for k := 1; k <= 200; k++ {
		digits.Train.Gather(sampler.Indices(k, nil), array.Float32, &b)
		input := tensor.New(tensor.WithShape(expressions.Inputs[0].Shape()...), tensor.WithBacking(b.Inputs.F32))
		if err := gorgonia.Let(expressions.Inputs[0].Node(), input); err != nil {
			log.Fatal(err)
		}
		if err := gorgonia.Let(targets.Node(), tensor.New(tensor.WithShape(batch), tensor.WithBacking(b.Targets.F32))); err != nil {
			log.Fatal(err)
		}
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		last = loss.Node().Value().Data().(float32)
		if k == 1 {
			first = last
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(weights)); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	fmt.Println("the loss fell below a quarter:", last < first/4)
	// Output: the loss fell below a quarter: true
}
