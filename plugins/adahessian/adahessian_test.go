package adahessian

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) {
	optimtest.Run(t, defaults)
	for name, variant := range map[string]AdaHessian{
		"every third step": {LR: 0.15, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-4, Periodic: optim.Periodic{UpdateEvery: 3}, WeightDecay: 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Optimizer { o := variant; return &o })
		})
	}
}

func TestTrajectoriesAreThePapers(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }
