package compose_test

import (
	"context"
	"math"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/plugins/sgd"
)

// softmaxRegression is 64 pixels to 10 logits, all weights zero.
func softmaxRegression() *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name: "softmax-regression",
		Nodes: []*onnx.Node{
			{OpType: "Flatten", Inputs: []string{"input"}, Outputs: []string{"pixels"}},
			{OpType: "Gemm", Inputs: []string{"pixels", "weight", "bias"}, Outputs: []string{"logits"}},
		},
		Initializers: []*onnx.Tensor{
			onnx.NewFloatTensor("weight", []int64{64, 10}, make([]float32, 640)),
			onnx.NewFloatTensor("bias", []int64{10}, make([]float32, 10)),
		},
		Inputs: []*onnx.ValueInfo{onnx.NewTensorInfo("input", onnx.Float, onnx.SymbolicDim("batch"),
			onnx.FixedDim(1), onnx.FixedDim(8), onnx.FixedDim(8))},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("logits", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(10))},
	}}
}

// digitSteps are steps of SGD on random batches of the digits.
type digitSteps struct {
	machine engine.Machine
	train   *dataset.Split
	sampler *dataset.Sampler
	buffer  dataset.Batch
}

func (d *digitSteps) Apply(ctx context.Context, s *optim.State, word []int) error {
	return d.machine.Apply(ctx, s, d, word)
}

func (d *digitSteps) Batch(k int) (engine.Batch, error) {
	d.train.Gather(d.sampler.Indices(k, nil), array.Float64, &d.buffer)
	return engine.Batch{Size: d.buffer.Size, Inputs: []array.Array{d.buffer.Inputs}, Targets: d.buffer.Targets}, nil
}

// Theorem 2.2 of arXiv:2502.01557 on a real problem: with an L2 penalty of strength decay, the loss of softmax regression on a
// batch is decay-strongly convex, and smooth with at most smoothness, so every step of size h ≤ 2/(decay+smoothness) contracts by
// q = 1 − h·decay. Then |B_{n+1} − B_n| ≤ qⁿ·|T_{n+1}(θ_0) − θ_0|, which forward iterates do not obey.
func TestBackwardIteratesOfSoftmaxRegressionConvergeAtTheRateOfTheContraction(t *testing.T) {
	const (
		decay      = 1.0
		h          = 0.08
		q          = 1 - h*decay
		smoothness = 0.5*(64+1) + decay // ½·|(x, 1)|² bounds the Hessian of the cross-entropy
		last       = 120
	)
	// The bound above is for any pixels in [0, 1]; those of the digits are darker.
	digits, err := (&dataset.Digits{}).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for i := range digits.Train.Len() {
		norm := 1.0
		for _, v := range digits.Train.Inputs.F32[64*i : 64*(i+1)] {
			norm += float64(v) * float64(v)
		}
		largest = math.Max(largest, norm)
	}
	if bound := largest/2 + decay; bound > smoothness || h > 2/(decay+bound) {
		t.Fatalf("the step size %v does not contract: the loss is smooth with %v", h, bound)
	}
	m, err := model.Import(softmaxRegression(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Precision: array.Float64,
		Optimizer: &sgd.SGD{LR: h, WeightDecay: decay}}, 8)
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := dataset.NewSampler(digits.Train.Len(), 8, dataset.IID, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Initialize("lecun", 1)
	if err != nil {
		t.Fatal(err)
	}
	initial := p.NewState(values)
	iterates := map[string][]*optim.State{}
	job := func(name string, a compose.Arrangement) compose.Job {
		j := compose.Job{Name: name, Arrangement: a, Initial: initial, Maps: func(int) (compose.Maps, error) {
			machine, err := tape.Engine{}.Open(p)
			return &digitSteps{machine: machine, train: digits.Train, sampler: sampler}, err
		}}
		for n := 1; n <= last; n++ {
			j.Iterates = append(j.Iterates, n)
		}
		return j
	}
	jobs := []compose.Job{job("forward", compose.Forward{}), job("backward", compose.Backward{})}
	_, err = compose.Run(context.Background(), jobs, compose.Options{Visit: keep, Emit: func(r compose.Result, _ func() compose.Checkpoint) error {
		iterates[jobs[r.Job].Name] = append(iterates[jobs[r.Job].Name], r.Value.(*optim.State))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	steps, err := jobs[0].Maps(0)
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string]int{}
	for n := 1; n < last; n++ {
		moved := initial.Clone()
		if err := steps.Apply(context.Background(), moved, []int{n + 1}); err != nil {
			t.Fatal(err)
		}
		bound := math.Pow(q, float64(n)) * distance(moved, initial) * (1 + 1e-9)
		for name, list := range iterates {
			if distance(list[n], list[n-1]) > bound {
				broken[name]++
			}
		}
	}
	if broken["backward"] > 0 {
		t.Errorf("%d of %d backward steps are longer than the theorem allows", broken["backward"], last-1)
	}
	if broken["forward"] < last/2 {
		t.Errorf("only %d of %d forward steps are longer than the bound: it says nothing", broken["forward"], last-1)
	}
}

// keep is a Visit whose value is a copy of the state.
func keep(_ context.Context, _ int, v compose.Visited) (any, error) { return v.State.Clone(), nil }

func distance(a, b *optim.State) float64 {
	sum := 0.0
	for i, v := range a.Data.F64 {
		sum += (v - b.Data.F64[i]) * (v - b.Data.F64[i])
	}
	return math.Sqrt(sum)
}
