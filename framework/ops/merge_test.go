package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

func TestEqualApplicationsAreOneNode(t *testing.T) {
	for _, c := range operatorCases() {
		in := variables(gorgonia.NewGraph(), c.in)
		first, again := ops.Apply(c.op, in...), ops.Apply(c.op, in...)
		if first.Node() != again.Node() {
			t.Errorf("%v: two applications to the same inputs are two nodes", c)
		}
	}
}

func TestApplicationsThatDifferInAnAttributeAreTwoNodes(t *testing.T) {
	graphs := map[string][]ops.Expr{} // the inputs of one graph for each list of shapes
	applied := map[*gorgonia.Node]string{}
	hashes := map[string]bool{}
	for _, c := range operatorCases() {
		key := fmt.Sprint(c.in)
		if graphs[key] == nil {
			graphs[key] = variables(gorgonia.NewGraph(), c.in)
		}
		y := ops.Apply(c.op, graphs[key]...)
		if other, ok := applied[y.Node()]; ok && other != c.String() {
			t.Errorf("%v is the node of %v", c, other)
		}
		applied[y.Node()] = c.String()
		hashes[fmt.Sprint(key, y.Node().Hashcode())] = true
	}
	if len(hashes) != len(applied) {
		t.Errorf("%d nodes have %d different hashes", len(applied), len(hashes))
	}
}

func TestOrderOfInputsMatters(t *testing.T) {
	g := gorgonia.NewGraph()
	a, b := ops.Input(g, "a", array.Float64, 2), ops.Input(g, "b", array.Float64, 2)
	got := opstest.Run(t, opstest.Values{a: {1, 2}, b: {4, 8}}, a.Sub(b), b.Sub(a))
	if !slices.Equal(got[0], []float64{-3, -6}) || !slices.Equal(got[1], []float64{3, 6}) {
		t.Errorf("a−b and b−a are %v", got)
	}
}

// A vector and a column have equal shapes for tensor.Shape.Eq.
func TestVectorsAndColumnsAreTwoNodes(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64, 3)
	column := x.Reshape(3, 1)
	got := opstest.Run(t, opstest.Values{x: {1, 2, 3}}, x.Add(x).Sum(false), x.Add(column).Sum(false))
	if got[0][0] != 12 || got[1][0] != 36 {
		t.Errorf("the sums are %v, want 12 and 36", got)
	}
}

func TestNodesOfOneHashAreKeptApart(t *testing.T) {
	first, second := collidingShifts(t)
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64)
	a, b := x.Shift(first), x.Shift(second)
	if a.Node() == b.Node() || a.Node().Hashcode() == b.Node().Hashcode() {
		t.Fatal("two operations share a node or its hash")
	}
	if x.Shift(first).Node() != a.Node() || x.Shift(second).Node() != b.Node() {
		t.Error("equal applications are not merged after a collision")
	}
	got := opstest.Run(t, opstest.Values{x: {0.5}}, a, b)
	if got[0][0] != 0.5+first || got[1][0] != 0.5+second {
		t.Errorf("0.5 shifted by %v and %v is %v", first, second, got)
	}
}

// collidingShifts searches two shifts of an input whose nodes have, each in a graph of its own, the same 32-bit hash.
func collidingShifts(t *testing.T) (first, second float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 415)) // a lucky seed: after two thousand draws instead of a hundred thousand
	found := map[uint32]float64{}
	for range 1_000_000 {
		shift := r.Float64()
		hash := ops.Input(gorgonia.NewGraph(), "x", array.Float64).Shift(shift).Node().Hashcode()
		if other, ok := found[hash]; ok {
			return other, shift
		}
		found[hash] = shift
	}
	t.Fatal("no two shifts have nodes of the same hash")
	return 0, 0
}

// Equal operators on other inputs may have one hash too: what they read must be compared, not only their attributes.
func TestEqualOperatorsOnOtherInputsAreKeptApartWhenTheirHashesCollide(t *testing.T) {
	first, second := collidingInputs(t)
	g := gorgonia.NewGraph()
	x, y := ops.Input(g, first, array.Float64), ops.Input(g, second, array.Float64)
	a, b := x.Exp(), y.Exp()
	if a.Node() == b.Node() || a.Node().Hashcode() == b.Node().Hashcode() {
		t.Fatal("the exponentials of two inputs share a node or its hash")
	}
	if x.Exp().Node() != a.Node() || y.Exp().Node() != b.Node() {
		t.Error("equal applications are not merged after a collision")
	}
	got := opstest.Run(t, opstest.Values{x: {0.5}, y: {2}}, a, b)
	if got[0][0] != math.Exp(0.5) || got[1][0] != math.Exp(2) {
		t.Errorf("exp(0.5) and exp(2) are %v", got)
	}
}

// collidingInputs searches the names of two inputs whose exponentials have, each in a graph of its own, the same 32-bit hash although the
// inputs themselves have not.
func collidingInputs(t *testing.T) (first, second string) {
	t.Helper()
	r := rand.New(rand.NewPCG(47, 1)) // a lucky seed: after thirteen thousand draws
	found := map[uint32]string{}
	input := func(name string) ops.Expr { return ops.Input(gorgonia.NewGraph(), name, array.Float64) }
	for range 1_000_000 {
		name := fmt.Sprint("x", r.Uint64())
		x := input(name)
		hash := x.Exp().Node().Hashcode()
		if other, ok := found[hash]; ok && input(other).Node().Hashcode() != x.Node().Hashcode() {
			return other, name
		}
		found[hash] = name
	}
	t.Fatal("no exponentials of two inputs have the same hash")
	return "", ""
}

func TestAnInputWhoseHashIsTakenIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	found := map[uint32]string{}
	for range 1_000_000 {
		name := fmt.Sprint("parameter ", r.Uint64())
		hash := ops.Input(gorgonia.NewGraph(), name, array.Float64).Node().Hashcode()
		other, ok := found[hash]
		found[hash] = name
		if !ok {
			continue
		}
		g := gorgonia.NewGraph()
		ops.Input(g, other, array.Float64)
		refused(t, ops.Input(g, name, array.Float64), "is that of another node: give it another name")
		foreign := ops.FromNode(gorgonia.NewScalar(g, gorgonia.Float64, gorgonia.WithName(name)))
		refused(t, foreign.Exp(), "input 0: the 32-bit hash of")
		return
	}
	t.Fatal("no two names have the same hash")
}

func TestWhatIsKnownOfAGraphDoesNotKeepItAlive(t *testing.T) {
	freed := make(chan bool)
	func() {
		g := gorgonia.NewGraph()
		ops.Input(g, "x", array.Float64, 1<<rand.N(4)).Exp()
		runtime.AddCleanup(g, func(freed chan bool) { close(freed) }, freed)
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("a graph that nothing refers to is not collected")
}
