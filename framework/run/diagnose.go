package run

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// The diagnostics. Distances are Euclidean, between parameters. They are of iterates, not of their averages.
//
//	displacement      the distance to the iterate that was evaluated before, at first to the initial state
//	contraction       the factor by which the next step, T_{n+1}, changes the distance of iterate n to a state near it
//	loss_contraction  the same in the pseudo-metric d(θ, θ') = L(θ) + L(θ'), with the training loss as L (arXiv:2502.01557, Appendix G)
const (
	displacement    = "displacement"
	contraction     = "contraction"
	lossContraction = "loss_contraction"
)

var diagnostics = []string{displacement, contraction, lossContraction}

// near is how far, relative to the parameters, the second start is from an iterate.
const near = 1e-3

// diagnose fills in the diagnostics among an iterate's metrics. Its two steps are not counted as the run's.
func (r *Run) diagnose(ctx context.Context, m engine.Machine, v compose.Visited, metrics []Metric) error {
	set := func(name string, value float64) {
		if i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == name }); i >= 0 && !math.IsInf(value, 0) {
			metrics[i].Value = value
		}
	}
	if v.Previous != nil {
		set(displacement, distance(v.State.Parameters(), v.Previous.Parameters()))
	}
	if !r.evaluator.wants(contraction) && !r.evaluator.wants(lossContraction) {
		return nil
	}
	_, seed := r.arrangement(v.Job)
	starts := [2]*optim.State{v.State, neighbour(v.State, seed, v.Iterate)}
	var ends [2]*optim.State
	for i, s := range starts {
		ends[i] = s.Clone()
		if err := m.Apply(ctx, ends[i], r.batches(v.Job), []int{v.Iterate + 1}); err != nil {
			return err
		}
	}
	set(contraction, distance(ends[0].Parameters(), ends[1].Parameters())/distance(starts[0].Parameters(), starts[1].Parameters()))
	if !r.evaluator.wants(lossContraction) {
		return nil
	}
	before, err := r.evaluator.trainingLosses(ctx, m, starts[:]...)
	if err != nil {
		return err
	}
	after, err := r.evaluator.trainingLosses(ctx, m, ends[:]...)
	set(lossContraction, after/before)
	return err
}

// neighbour returns a state whose parameters are a little off, in a random direction that follows from the seed and the iterate.
func neighbour(s *optim.State, seed uint64, iterate int) *optim.State {
	n := s.Clone()
	x := n.Parameters()
	r := rand.New(rand.NewPCG(seed, uint64(iterate)))
	length := math.Sqrt(float64(x.Len()))
	scale := near * max(1e-8, distance(x, array.New(x.DType(), x.Len()))) / length
	for i := range x.Len() {
		x.Set(i, x.At(i)+scale*r.NormFloat64())
	}
	return n
}

// distance is the Euclidean length of a − b.
func distance(a, b array.Array) float64 {
	sum := 0.0
	for i := range a.Len() {
		d := a.At(i) - b.At(i)
		sum += d * d
	}
	return math.Sqrt(sum)
}

// trainingLosses returns the sum of the training losses of some states.
func (e *evaluator) trainingLosses(ctx context.Context, m engine.Machine, states ...*optim.State) (sum float64, err error) {
	for _, s := range states {
		loss, _, err := e.over(ctx, m, s, e.data.Train, e.train)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum, nil
}
