package compose

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Maps are the steps T_1, T_2, … of one run with one seed, as maps on states. A value is used by one goroutine at a time.
type Maps interface {
	// Apply applies T_k to s, in place, for every k of the word in its order. What T_k does depends on k and on the state only,
	// wherever it stands in a word and however words are cut into pieces; a state that is not finite stays so. When the context
	// is cancelled, Apply returns its error after the step at hand, and s is not used any more.
	Apply(ctx context.Context, s *optim.State, word []int) error
}

// Job is one arrangement with one seed.
type Job struct {
	Name string // for errors

	// Jobs of one group advance together, the groups one after the other. A group of chains, such as forward, keeps only about
	// as many workers busy as it has jobs.
	Group int

	Arrangement Arrangement
	Initial     *optim.State                   // θ_0; only read
	Iterates    []int                          // the wanted ones, in ascending order; only what they need is computed
	Averages    []TailAverage                  // evaluated next to the iterates; only for chains, such as forward
	Maps        func(worker int) (Maps, error) // called once by every worker that works on the job
}

// Options say how jobs are run. Whatever they are, the results have the same bits and come in the same order.
type Options struct {
	Workers int        // goroutines that apply words and evaluate states; 0: as many as Go runs at once
	Memory  int64      // bytes that states may take, though the result that comes next is never held up; 0: no bound
	Resume  Checkpoint // of an earlier run of the same jobs, which this one continues

	// Visit evaluates a state, which it must not change, on the worker that computed it and in parallel with other work. What
	// it returns becomes part of the result, and of an average that is the same state.
	Visit func(ctx context.Context, worker, job int, s *optim.State) (any, error)

	// Emit receives the results one at a time, each as soon as it and all before it are there: ordered by group, then by
	// iterate, then by job. Neither the states nor what checkpoint returns may be changed, or used after Emit has returned.
	Emit func(r Result, checkpoint func() Checkpoint) error

	// Progress receives the number of gradient steps since its last call, from any worker.
	Progress func(steps int)
}

// Evaluated is a state and what Visit returned for it. Both are nil if the state is not finite, or was not computed because what
// it starts from is not.
type Evaluated struct {
	State *optim.State
	Value any
}

// Diverged reports whether there is no state to evaluate.
func (e Evaluated) Diverged() bool { return e.State == nil }

// Result is a wanted iterate.
type Result struct {
	Job, Iterate int
	Evaluated
	Averages []Evaluated // those of the job, in their order

	// Steps are the gradient steps for this iterate and for those that it is the first to need, none if what it starts from
	// diverged. Unless something diverges, a job's add up to Cost. Time is what they took, on all workers together.
	Steps int
	Time  time.Duration
}

// Run computes and emits all wanted iterates of the jobs. A composition that is not possible is an error before anything is
// computed. An iterate that diverges ends what starts from it and nothing else. Any other error, or a panic, of a function that
// the caller provided ends the run with an error that names the job and the iterate; a cancelled context ends it with the
// context's error. Whenever it ends, the emitted results are the first ones in their order, each of them whole, and the checkpoint
// that it returns says where the rest starts.
func Run(ctx context.Context, jobs []Job, o Options) (Checkpoint, error) {
	e, err := newExecutor(jobs, o)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("compose: %w", err)
	}
	ctx, e.stop = context.WithCancel(ctx)
	defer e.stop()
	var workers sync.WaitGroup
	for i := range e.options.Workers {
		workers.Go(func() { e.work(ctx, newWorker(e, i)) })
	}
	workers.Wait()
	return e.reached, e.err
}
