package schedulefreesgd

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) {
	optimtest.Run(t, defaults)
	for name, variant := range map[string]SGD{
		"warm-up and decay": {LR: 0.5, Beta: 0.9, Warmup: 5, WeightDecay: 0.001},
	} {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Optimizer { o := variant; return &o })
		})
	}
}

func TestTrajectoriesAreThePapers(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }
