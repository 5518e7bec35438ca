package tape_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/enginetest"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
)

func TestConformance(t *testing.T) { enginetest.Run(t, tape.Engine{}) }

func BenchmarkStep(b *testing.B) { enginetest.BenchmarkStep(b, tape.Engine{}) }
