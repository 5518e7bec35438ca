package tape

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

type standstill struct{}

func (standstill) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

// Gorgonia's nodes keep their values: those of a deep network's evaluation would stay while it takes its next steps.
func TestNothingBetweenInputsAndResultsIsKept(t *testing.T) {
	m, err := programtest.NewNetwork(3).Dense("a", 4).Apply("Relu").Dense("b", 2).Import()
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: standstill{}, Precision: array.Float64}, 5)
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Initialize("keep", 0)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := programtest.Data{Input: []int{3}, Size: 5, Target: programtest.Largest(2)}.Batch(1)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Engine{}.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if _, err := opened.Gradient(t.Context(), p.NewState(values), batch, array.New(array.Float64, p.Layout.Parameters())); err != nil {
		t.Fatal(err)
	}
	for _, compiled := range opened.(*machine).tapes {
		for _, n := range compiled.graph.Expr.AllNodes() {
			if n.Op() != nil && n.Value() != nil {
				t.Errorf("%v still has a value", n)
			}
		}
	}
}
