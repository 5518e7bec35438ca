package program_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// written is an optimizer that is a function.
type written func(*optim.Step)

func (f written) Step(s *optim.Step) { f(s) }

// heavyBall is gradient descent with momentum.
var heavyBall = written(func(s *optim.Step) {
	lr, momentum := s.Hyper("lr", 0.1), s.Hyper("momentum", 0.9)
	for _, p := range s.Params() {
		velocity := p.Slot("velocity").Mul(momentum).Add(p.Gradient())
		p.SetSlot("velocity", velocity)
		p.Set(p.Value().Sub(velocity.Mul(lr)))
	}
})

func classifier() *programtest.Network {
	return programtest.NewNetwork(3).Dense("hidden", 4).Apply("Tanh").Dense("logits", 2)
}

func newProgram(n *programtest.Network, l program.Loss, o optim.Optimizer, batch int) (*program.Program, error) {
	m, err := n.Import()
	if err != nil {
		return nil, err
	}
	return program.New(program.Spec{Model: m, Loss: l, Optimizer: o, Precision: array.Float64}, batch)
}

func mustProgram(t *testing.T) *program.Program {
	t.Helper()
	p, err := newProgram(classifier(), program.CrossEntropy{}, heavyBall, 5)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStateHoldsParametersAndThenSlots(t *testing.T) {
	p := mustProgram(t)
	var names []string
	for _, f := range p.Layout.Fields() {
		names = append(names, f.String())
	}
	want := "hidden.weight hidden.bias logits.weight logits.bias " +
		"hidden.weight:velocity hidden.bias:velocity logits.weight:velocity logits.bias:velocity"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
	values, err := p.Model.Initialize("torch", 1)
	if err != nil {
		t.Fatal(err)
	}
	s := p.NewState(values)
	for i, f := range p.Layout.Fields() {
		switch {
		case i < len(values) && !s.Field(f).Equal(values[i]):
			t.Errorf("%v does not hold its first value", f)
		case i >= len(values) && !s.Field(f).Equal(array.New(array.Float64, f.Size())):
			t.Errorf("%v is not zero at the start", f)
		}
	}
	if s.Count != 0 {
		t.Errorf("a new state has the count %d", s.Count)
	}
}

func TestWithHypersChangesACopy(t *testing.T) {
	p := mustProgram(t)
	changed, err := p.WithHypers(map[string]float64{"lr": 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]float64{"lr": 0.5, "momentum": 0.9}; !maps.Equal(changed.Hypers, want) {
		t.Errorf("hyperparameters %v, want %v", changed.Hypers, want)
	}
	if want := map[string]float64{"lr": 0.1, "momentum": 0.9}; !maps.Equal(p.Hypers, want) {
		t.Errorf("the original's hyperparameters became %v", p.Hypers)
	}
	s := p.Layout.New(array.Float64)
	s.Count = 7
	if m := changed.Moment(s, 3); m.Count != 7 || m.Batch != 3 || m.Hypers["lr"] != 0.5 {
		t.Errorf("moment %+v", m)
	}
	if _, err := p.WithHypers(map[string]float64{"rate": 1}); err == nil || !strings.Contains(err.Error(), `no hyperparameter "rate"`) {
		t.Errorf("an unknown hyperparameter: error %v", err)
	}
}

// TestGraphsNameTheirEnds lists, for each graph, what it reads and writes. The state is listed by field.
func TestGraphsNameTheirEnds(t *testing.T) {
	p := mustProgram(t)
	const parameters = "hidden.weight hidden.bias logits.weight logits.bias"
	const slots = "hidden.weight:velocity hidden.bias:velocity logits.weight:velocity logits.bias:velocity"
	vectors := "vector:" + strings.ReplaceAll(parameters, " ", " vector:")
	const batch = "batch:x(5,3) targets(5)"
	for _, c := range []struct {
		name          string
		write         func() (*program.Graph, error)
		reads, writes string
	}{
		{"step", func() (*program.Graph, error) { return p.Step(5, 0) },
			parameters + " " + slots + " " + batch + " scalar scalar", parameters + " " + slots},
		{"gradient", func() (*program.Graph, error) { return p.Gradient(5) },
			parameters + " " + batch, vectors + " output losses(5)"},
		{"HVP", func() (*program.Graph, error) { return p.HVP(5) },
			parameters + " " + batch + " vector:" + strings.ReplaceAll(parameters, " ", " vector:"),
			vectors},
		{"update", func() (*program.Graph, error) { return p.Update(0) },
			parameters + " " + slots + " vector:" + strings.ReplaceAll(parameters, " ", " vector:") + " scalar scalar", parameters + " " + slots},
		{"evaluation", func() (*program.Graph, error) { return p.Evaluation(5) }, parameters + " " + batch, "output losses(5)"},
	} {
		g, err := c.write()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var reads, writes []string
		for _, in := range g.Inputs {
			reads = append(reads, describeInput(in))
		}
		for _, out := range g.Outputs {
			writes = append(writes, describeOutput(out))
		}
		if got, want := sorted(reads), sorted(strings.Fields(c.reads)); got != want {
			t.Errorf("the %s reads\n%s, want\n%s", c.name, got, want)
		}
		if got, want := sorted(writes), sorted(strings.Fields(c.writes)); got != want {
			t.Errorf("the %s writes\n%s, want\n%s", c.name, got, want)
		}
	}
}

func describeInput(in program.Input) string {
	shape := strings.ReplaceAll(fmt.Sprint(in.Node.Shape()), " ", "")
	switch in.Source {
	case program.FromState:
		return in.Field.String()
	case program.FromVector:
		return "vector:" + in.Field.String()
	case program.FromBatch:
		return "batch:" + strings.TrimPrefix(in.Node.Name(), "input ") + shape
	case program.FromTargets:
		return "targets" + shape
	case program.FromScalar:
		return "scalar"
	}
	return "constant"
}

func describeOutput(out program.Output) string {
	switch out.Destination {
	case program.ToState:
		return out.Field.String()
	case program.ToVector:
		return "vector:" + out.Field.String()
	case program.ToLosses:
		return "losses" + fmt.Sprint(out.Node.Shape())
	}
	return "output"
}

func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}

// total is a loss with one number for the whole batch.
type total struct{ program.MeanSquaredError }

func (total) Losses(output, targets ops.Expr) ops.Expr {
	return output.Sub(targets).Square().Sum(false)
}

// failing is a loss whose expression fails.
type failing struct{ program.MeanSquaredError }

func (failing) Losses(output, _ ops.Expr) ops.Expr { return output.Reshape(1000) }

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	slotsOfOneGraph := 0
	for _, c := range []struct {
		name      string
		network   *programtest.Network
		loss      program.Loss
		optimizer optim.Optimizer
		batch     int
		want      string
	}{
		{"no parameters", programtest.NewNetwork(3).Apply("Tanh"), program.CrossEntropy{}, heavyBall, 5, "nothing would be trained"},
		{"no examples", classifier(), program.CrossEntropy{}, heavyBall, 0, "no elements"},
		{"one loss for all examples", classifier(), total{}, heavyBall, 5, "the loss is of shape () for 5 examples"},
		{"a loss that fails", classifier(), failing{}, heavyBall, 5, "(5, 2): shape (5, 2) has 10 elements, shape (1000) has 1000"},
		{"an optimizer that fails", classifier(), program.CrossEntropy{}, written(func(*optim.Step) {}), 5, `"hidden.weight" is never set`},
	} {
		if _, err := newProgram(c.network, c.loss, c.optimizer, c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	inconstant := written(func(s *optim.Step) {
		slotsOfOneGraph++
		for _, p := range s.Params() {
			p.SetSlot(strings.Repeat("m", slotsOfOneGraph), p.Gradient())
			p.Set(p.Value())
		}
	})
	p, err := newProgram(classifier(), program.CrossEntropy{}, inconstant, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Step(5, 0); err == nil || !strings.Contains(err.Error(), "asks for slot hidden.weight:mm now but did not when the program was made") {
		t.Errorf("an optimizer that asks for another slot later: error %v", err)
	}
}
