package schedulefreeadamw

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) {
	optimtest.Run(t, defaults)
	for name, variant := range map[string]AdamW{
		"warm-up and decay": {LR: 0.01, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Warmup: 5, WeightDecay: 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Optimizer { o := variant; return &o })
		})
	}
}

func TestTrajectoriesAreThePapers(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }
