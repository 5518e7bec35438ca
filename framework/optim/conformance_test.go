package optim_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestTheExampleKeepsTheContract(t *testing.T) {
	optimtest.Run(t, func() optim.Optimizer { return &SGD{LR: 0.01} })
	t.Run("momentum", func(t *testing.T) {
		optimtest.Run(t, func() optim.Optimizer { return &SGD{LR: 0.01, Momentum: 0.9} })
	})
}
