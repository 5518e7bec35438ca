package tape_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/enginetest"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
)

func TestConformance(t *testing.T) { enginetest.Run(t, tape.Engine{}) }

func TestRecipesKnowTheEngine(t *testing.T) {
	if e, err := engine.New("tape"); err != nil || e != (tape.Engine{}) {
		t.Errorf("the engine named tape is %T (error %v)", e, err)
	}
}

func BenchmarkStep(b *testing.B) { enginetest.BenchmarkStep(b, tape.Engine{}) }
