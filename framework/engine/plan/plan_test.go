package plan_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/enginetest"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
)

func TestConformance(t *testing.T) { enginetest.Run(t, plan.Engine{}) }

func TestRecipesKnowTheEngine(t *testing.T) {
	if e, err := engine.New("plan"); err != nil || e != (plan.Engine{}) {
		t.Errorf("the engine named plan is %T (error %v)", e, err)
	}
}

func BenchmarkStep(b *testing.B) { enginetest.BenchmarkStep(b, plan.Engine{}) }
