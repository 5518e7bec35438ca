package sgd

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) {
	optimtest.Run(t, defaults)
	for name, variant := range map[string]SGD{
		"momentum":     {LR: 0.01, Momentum: 0.9},
		"nesterov":     {LR: 0.01, Momentum: 0.9, Nesterov: true},
		"dampening":    {LR: 0.01, Momentum: 0.9, Dampening: 0.5},
		"weight decay": {LR: 0.01, WeightDecay: 0.001},
		"everything":   {LR: 0.01, Momentum: 0.9, Nesterov: true, WeightDecay: 0.001},
	} {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Optimizer { o := variant; return &o })
		})
	}
}

func TestTrajectoriesArePyTorchs(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }

func TestNesterovNeedsMomentum(t *testing.T) {
	optimtest.Refuses(t, &SGD{LR: 0.01, Nesterov: true}, "nesterov needs momentum")
}

func TestDampeningNeedsMomentum(t *testing.T) {
	optimtest.Refuses(t, &SGD{LR: 0.01, Dampening: 0.5}, "dampening needs momentum")
}
