package extragradient

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/optim/optimtest"
)

func TestConformance(t *testing.T) { optimtest.Run(t, defaults) }

func TestTrajectoriesAreThePapers(t *testing.T) { optimtest.Golden(t, defaults, "testdata/torch.json") }
