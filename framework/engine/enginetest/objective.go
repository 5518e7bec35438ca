package enginetest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// written is an optimizer that is a function.
type written func(*optim.Step)

func (f written) Step(s *optim.Step) { f(s) }

const (
	ahead = 0.5 // how far along a gradient other points lie
	rate  = 0.1
)

// move sets every parameter to its value minus the rate times its part of a direction.
func move(s *optim.Step, direction []optim.Expr) {
	for i, p := range s.Params() {
		p.Set(p.Value().Sub(direction[i].Mul(s.Const(rate))))
	}
}

// reached returns values − ahead·direction.
func reached(s *optim.Step, direction []optim.Expr) []optim.Expr {
	point := s.Values()
	for i := range point {
		point[i] = point[i].Sub(direction[i].Mul(s.Const(ahead)))
	}
	return point
}

// extrapolating moves along the gradient at a point ahead. The point depends on the parameters, and its parts on each other.
var extrapolating = written(func(s *optim.Step) { move(s, s.GradientAt(reached(s, s.Gradients()))) })

// slotwise evaluates nothing at the state: it moves along the gradient at a slot, and keeps the loss there in another.
var slotwise = written(func(s *optim.Step) {
	var point []optim.Expr
	for _, p := range s.Params() {
		point = append(point, p.Slot("point"))
	}
	loss := s.LossAt(point)
	for _, p := range s.Params() {
		p.SetSlot("loss", p.Slot("loss").Fill(0).Add(loss))
	}
	move(s, s.GradientAt(point))
})

// curved moves along the Hessian at a point ahead times the gradient.
var curved = written(func(s *optim.Step) {
	g := s.Gradients()
	move(s, s.HVPAt(reached(s, g), g))
})

// curvedHere moves along the Hessian at the state times the gradient.
var curvedHere = written(func(s *optim.Step) { move(s, s.HVP(s.Gradients())) })

// normalized moves along the gradient of length one.
var normalized = written(func(s *optim.Step) {
	g := s.Gradients()
	length := optim.GlobalNorm(g)
	for i := range g {
		g[i] = g[i].Div(length)
	}
	move(s, g)
})

// drawing makes its noise the parameters, and keeps signs in a slot.
var drawing = written(func(s *optim.Step) {
	for _, p := range s.Params() {
		p.SetSlot("sign", p.Rademacher("numbers"))
		p.Set(p.Uniform("numbers").Add(p.Uniform("others").Scale(2)))
	}
})

// alternating moves along the gradient, but along its sign in every third step. It takes notes of both.
type alternating struct{}

func (alternating) Phases() int { return 2 }

func (alternating) Phase(count int64) int {
	if count%3 == 2 {
		return 1
	}
	return 0
}

func (alternating) Step(s *optim.Step) {
	g := s.Gradients()
	for i, p := range s.Params() {
		last := p.Slot("last")
		if s.Phase() == 1 {
			g[i] = g[i].Sign()
			last = g[i]
		}
		p.SetSlot("last", last)
	}
	move(s, g)
}

// withSlot returns the state with a slot of every parameter filled from a vector.
func (s setup) withSlot(state *optim.State, name string, v array.Array) *optim.State {
	state = state.Clone()
	for _, f := range s.program.Layout.Fields() {
		if f.Kind == optim.Slot && f.Slot == name {
			at := s.parameter(f.Name)
			state.Field(f).Copy(v.Slice(at.Offset(), at.Offset()+at.Size()))
		}
	}
	return state
}

// slot returns a slot of every parameter as a vector.
func (s setup) slot(state *optim.State, name string) array.Array {
	v := s.vector()
	for _, f := range s.program.Layout.Fields() {
		if f.Kind == optim.Slot && f.Slot == name {
			at := s.parameter(f.Name)
			v.Slice(at.Offset(), at.Offset()+at.Size()).Copy(state.Field(f))
		}
	}
	return v
}

func (s setup) parameter(name string) optim.Field {
	for _, f := range s.program.Layout.Fields() {
		if f.Kind == optim.Parameter && f.Name == name {
			return f
		}
	}
	return optim.Field{}
}

// expectMove requires that a step moves the parameters by −rate·direction.
func (s setup) expectMove(t *testing.T, what string, from *optim.State, k int, direction array.Array) *optim.State {
	t.Helper()
	state := from.Clone()
	s.apply(t, state, k)
	if d := distance(state.Parameters(), moved(from, direction, -rate).Parameters()); d > 1e-14 {
		t.Errorf("%s: the parameters differ by %.1e from what the machine's own derivatives give", what, d)
	}
	return state
}

func otherPoints(t *testing.T, e engine.Engine) {
	for name, network := range map[string]func(optim.Optimizer) problem{"smooth": classifier, "noisy": noisy} {
		s := network(extrapolating).open(t, e, array.Float64)
		g, _ := s.gradient(t, s.start, 1)
		there, _ := s.gradient(t, moved(s.start, g, -ahead), 1)
		s.expectMove(t, name+", a point ahead", s.start, 1, there)

		s = network(slotwise).open(t, e, array.Float64)
		point := moved(s.start, g, -ahead)
		from := s.withSlot(s.start, "point", point.Parameters())
		there, loss := s.gradient(t, point, 1)
		after := s.expectMove(t, name+", a point in slots", from, 1, there)
		if got := s.slot(after, "loss"); math.Abs(got.At(0)-loss) > 1e-14 {
			t.Errorf("%s: the loss at a point is %v, the machine's there %v", name, got.At(0), loss)
		}
	}
}

func bufferPasses(t *testing.T, e engine.Engine) {
	s := noisy(extrapolating).open(t, e, array.Float64)
	s.expectBuffers(t, "the state is evaluated", s.start, s.start)
	s = noisy(curved).open(t, e, array.Float64)
	s.expectBuffers(t, "the state is evaluated for a direction", s.start, s.start)
	s = noisy(slotwise).open(t, e, array.Float64)
	point := moved(s.start, direction(s, rand.New(rand.NewPCG(8, 9))), 1)
	s.expectBuffers(t, "only another point is evaluated", s.withSlot(s.start, "point", point.Parameters()), point)
	s = noisy(drawing).open(t, e, array.Float64)
	s.expectBuffers(t, "nothing is evaluated", s.start, s.start)
}

// expectBuffers requires that a step makes of the buffers what a gradient at a point would.
func (s setup) expectBuffers(t *testing.T, what string, from, point *optim.State) {
	t.Helper()
	result, err := s.Gradient(t.Context(), point, s.batch(t, 1), s.vector())
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, b := range result.Buffers {
		for i := range b.Len() {
			want = append(want, b.At(i))
		}
	}
	state := from.Clone()
	s.apply(t, state, 1)
	if d := distance(s.buffers(state), array.From64(want)); d > 1e-14 {
		t.Errorf("%s: the buffers differ by %.1e from those of the pass there", what, d)
	}
}

func hvpInStep(t *testing.T, e engine.Engine) {
	for name, network := range map[string]func(optim.Optimizer) problem{"smooth": classifier, "noisy": noisy} {
		s := network(curvedHere).open(t, e, array.Float64)
		g, _ := s.gradient(t, s.start, 1)
		product := s.vector()
		for _, c := range []struct {
			what      string
			optimizer optim.Optimizer
			point     *optim.State
		}{{"at the state", curvedHere, s.start}, {"at a point ahead", curved, moved(s.start, g, -ahead)}} {
			s := network(c.optimizer).open(t, e, array.Float64)
			if err := s.HVP(t.Context(), c.point, s.batch(t, 1), g, product); err != nil {
				t.Fatal(err)
			}
			s.expectMove(t, name+", "+c.what, s.start, 1, product)
		}
	}
}

func reductions(t *testing.T, e engine.Engine) {
	s := classifier(normalized).open(t, e, array.Float64)
	g, _ := s.gradient(t, s.start, 1)
	square := 0.0
	for i := range g.Len() {
		square += g.At(i) * g.At(i)
	}
	for i := range g.Len() {
		g.Set(i, g.At(i)/math.Sqrt(square))
	}
	s.expectMove(t, "a gradient over its length", s.start, 1, g)
}

// optimizerNoise draws the noise itself: the inputs are numbered as the optimizer first asks for them.
func optimizerNoise(t *testing.T, e engine.Engine) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		s := noisy(drawing).open(t, e, d)
		state := s.after(t, 3)
		signs := s.slot(state, "sign")
		index := -1
		for _, f := range s.program.Layout.Fields() {
			if f.Kind != optim.Parameter {
				continue
			}
			numbers, others := array.New(array.Float64, f.Size()), array.New(array.Float64, f.Size())
			s.batch(t, 3).Noise.Fill(numbers, index)
			s.batch(t, 3).Noise.Fill(others, index-1)
			index -= 2
			for i := range f.Size() {
				sign := 1.0
				if numbers.At(i) < 0.5 {
					sign = -1
				}
				got, want := state.Field(f).At(i), numbers.At(i)+2*others.At(i)
				if math.Abs(got-want) > 1e-6 || signs.At(f.Offset()+i) != sign {
					t.Fatalf("%s: number %d of %v is %v with sign %v, the key of the batch gives %v and %v", d, i, f, got, signs.At(f.Offset()+i), want, sign)
				}
			}
		}
		if s.after(t, 2).Data.Equal(state.Data) || !s.after(t, 2, 1, 3).Parameters().Equal(state.Parameters()) {
			t.Errorf("%s: the noise is not that of the last batch alone", d)
		}
	}
}

func phases(t *testing.T, e engine.Engine) {
	s := classifier(alternating{}).open(t, e, array.Float64)
	for _, given := range []bool{false, true} {
		state := s.start.Clone()
		last := s.vector()
		for k := 1; k <= 7; k++ {
			g, _ := s.gradient(t, state, k)
			direction := g
			if k%3 == 0 {
				direction = s.vector()
				for i := range g.Len() {
					direction.Set(i, math.Copysign(1, g.At(i)))
				}
				last = direction
			}
			want := moved(state, direction, -rate)
			if given {
				if err := s.Update(t.Context(), state, k, g); err != nil {
					t.Fatal(err)
				}
			} else {
				s.apply(t, state, k)
			}
			if d := distance(state.Parameters(), want.Parameters()); d > 1e-14 {
				t.Fatalf("step %d, gradient given %v: the parameters differ by %.1e from a step of its phase", k, given, d)
			}
			if d := distance(s.slot(state, "last"), last); k >= 3 && d > 0 {
				t.Fatalf("step %d, gradient given %v: the slots differ by %.1e", k, given, d)
			}
		}
		if !given && !state.Equal(s.after(t, 1, 2, 3, 4, 5, 6, 7)) {
			t.Error("a word is not its letters one after the other where phases change within it")
		}
	}
}

// resized hands out batches whose sizes change with k.
type resized struct{ problem }

func (r resized) Batch(k int) (engine.Batch, error) {
	r.data.Size = 2 + k%3
	return r.data.Batch(k)
}

func everyKind(t *testing.T, e engine.Engine) {
	for name, o := range map[string]optim.Optimizer{
		"another point": extrapolating, "Hessian-vector product": curved, "reduction": normalized,
	} {
		p := noisy(o)
		double, single := p.open(t, e, array.Float64), p.open(t, e, array.Float32)
		double.data, single.data = resized{p}, resized{p}
		word := []int{1, 2, 3, 4, 1}
		want := double.after(t, word...)
		if d := distance(single.after(t, word...).Data, want.Data); d > 1e-4 {
			t.Errorf("%s: float32 differs from float64 by %.1e after %d steps", name, d, len(word))
		}
		parts := double.after(t, word[:2]...)
		double.Machine = openMachine(t, e, double.program)
		if double.apply(t, parts, word[2:]...); !parts.Equal(want) {
			t.Errorf("%s: %v and then %v is not %v", name, word[:2], word[2:], word)
		}
	}
}

func refusedUpdates(t *testing.T, e engine.Engine) {
	for want, o := range map[string]optim.Optimizer{
		"the gradient at another point": extrapolating,
		"a Hessian-vector product":      curvedHere,
		"the loss":                      slotwise,
		"draws noise":                   drawing,
	} {
		s := classifier(o).open(t, e, array.Float64)
		state := s.start.Clone()
		err := s.Update(t.Context(), state, 1, s.vector())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "enginetest.written") {
			t.Errorf("error %v, want the optimizer's type and %q", err, want)
		}
		if !state.Equal(s.start) {
			t.Errorf("an update that is refused (%v) changes the state", err)
		}
	}
}
