package compose

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// spy is backward, and says when it is asked.
type spy struct{ asked func() }

func (s *spy) Compose(n int) Composition {
	s.asked()
	return Backward{ResetWhen: Always}.Compose(n)
}

func TestPlanningEndsWhenTheContextIsCancelled(t *testing.T) {
	for name, use := range map[string]func(context.Context, Job) error{
		"cost":  func(ctx context.Context, j Job) error { _, err := Cost(ctx, j); return err },
		"depth": func(ctx context.Context, j Job) error { _, err := Depth(ctx, j); return err },
		"run":   func(ctx context.Context, j Job) error { _, err := Run(ctx, []Job{j}, Options{Workers: 1}); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		job := Job{Arrangement: &spy{func() {
			if asked++; asked == 10 {
				cancel()
			}
		}}, Initial: point(0), Iterates: upTo(1000)}
		if err := use(ctx, job); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want that of the context", name, err)
		}
		if asked > 10 {
			t.Errorf("%s: the arrangement was asked %d times, want no more than the 10 before it was cancelled", name, asked)
		}
		cancel()
	}
}

func TestAPlanOfTooManyStepsIsRefused(t *testing.T) {
	w := &writer{ctx: t.Context(), by: Backward{ResetWhen: Always}, letters: maxPlanned - 30}
	if _, err := w.compose(20); err != nil {
		t.Errorf("20 steps more: %v", err)
	}
	if _, err := w.compose(20); err == nil || !strings.Contains(err.Error(), "more than 10000000000 steps, the most that are planned") {
		t.Errorf("40 steps more: error %v", err)
	}
}

func TestSeedsShareAPlan(t *testing.T) {
	asked := 0
	a := &spy{func() { asked++ }}
	jobs := make([]Job, 20)
	for i := range jobs {
		jobs[i] = Job{Arrangement: a, Initial: point(float64(i)), Iterates: upTo(30)}
	}
	e, err := newExecutor(t.Context(), jobs, Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	all := asked
	asked = 0
	if _, err := newExecutor(t.Context(), jobs[:1], Options{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if limit := asked + 3*len(jobs); all > limit {
		t.Errorf("the arrangement was asked %d times for 20 seeds and %d times for one", all, asked)
	}
	for i, n := range e.nodes {
		if n.job != i%20 || n.iterate != i/20+1 || n.from != nil && n.from.job != n.job {
			t.Fatalf("node %d is iterate %d of job %d", i, n.iterate, n.job)
		}
	}
}
