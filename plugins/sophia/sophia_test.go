package sophia

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) {
	optimtest.Run(t, defaults)
	for name, variant := range map[string]Sophia{
		"every step":       {LR: 0.001, Beta1: 0.96, Beta2: 0.99, Gamma: 0.01, Epsilon: 1e-12, Periodic: optim.Periodic{UpdateEvery: 1}},
		"every third step": {LR: 0.001, Beta1: 0.96, Beta2: 0.99, Gamma: 0.01, Epsilon: 1e-12, Periodic: optim.Periodic{UpdateEvery: 3}, WeightDecay: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Optimizer { o := variant; return &o })
		})
	}
}

func TestTrajectoriesAreThePapers(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }
