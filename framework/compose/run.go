package compose

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Maps are the steps T_1, T_2, … of one run with one seed, as maps on states. A value is used by one goroutine at a time.
type Maps interface {
	// Apply applies T_k to s, in place, for every k of the word in its order. What T_k does depends on k and on the state only,
	// wherever it stands in a word and however words are cut into pieces; a state that is not finite stays so. When the context
	// is cancelled, Apply returns its error after the step at hand, and s is not used any more.
	Apply(ctx context.Context, s *optim.State, word []int) error
}

// Groups are maps that can make one update of several batches.
type Groups interface {
	Maps
	// ApplyGroup applies a group of at least two batches to s, in place.
	ApplyGroup(ctx context.Context, s *optim.State, word []int, g Group) error
}

// Derivatives are maps that know the losses behind the steps. Vectors are as long as the parameters.
type Derivatives interface {
	Maps
	// Gradient stores the gradient of the loss on batch k at s.
	Gradient(ctx context.Context, s *optim.State, k int, gradient array.Array) error
	// HVP stores the product of the Hessian of the loss on batch k at s with the direction.
	HVP(ctx context.Context, s *optim.State, k int, direction, product array.Array) error
	// Rate returns the learning rate of a step on s, or an error if it has not a single one.
	Rate(s *optim.State) (float64, error)
}

// Job is one arrangement with one seed.
type Job struct {
	Name string // for errors

	Arrangement  Arrangement
	Initial      *optim.State                   // θ_0; only read
	Iterates     []int                          // the wanted ones, in ascending order; only what they need is computed
	Beyond       []int                          // iterates behind the last wanted one that a longer run may want: the last checkpoint holds what they start from
	Averages     []Average                      // evaluated next to the iterates
	Period       int                            // if not 0, T_{k+Period} = T_k for all k
	CountMatters bool                           // what T_k does depends on how many steps were applied: trajectories of different lengths cannot merge
	Successive   bool                           // each wanted iterate is visited together with the one before
	Maps         func(worker int) (Maps, error) // called once by every worker that works on the job

	chain bool // one word leads from each iterate to the next
}

func (j *Job) last() int {
	if len(j.Iterates) == 0 {
		return 0
	}
	return j.Iterates[len(j.Iterates)-1]
}

// inOrder reports whether the wanted iterates are evaluated one after the other.
func (j *Job) inOrder() bool { return j.Successive || len(j.Averages) > 0 && !j.chain }

// IsChain reports whether an arrangement makes every iterate up to the last from the one before by one word.
func IsChain(a Arrangement, last int) bool {
	if _, is := IsAdaptive(a, last); is {
		return false
	}
	for n := 1; n <= last; n++ {
		if c := a.Compose(n); c.Base != n-1 || len(c.Words) != 1 {
			return false
		}
	}
	return true
}

// Options say how jobs are run. Whatever they are, the results have the same bits and come in the same order.
type Options struct {
	Workers int        // goroutines that apply words and evaluate states; 0: as many as Go runs at once
	Memory  int64      // bytes that states may take, though the result that comes next is never held up; 0: no bound
	Resume  Checkpoint // of an earlier run of the same jobs, which this one continues

	// Visit evaluates a state, which it must not change, in parallel with other work. What it returns becomes part of the result,
	// and of an average that is the same state.
	Visit func(ctx context.Context, worker int, v Visited) (any, error)

	Keep bool // results hold the states that were evaluated, which take memory until they are emitted

	// Score says how what Visit returned compares: less is better, and NaN is worst. Only adaptive arrangements need it.
	Score func(value any) float64

	// Diverges reports whether what Visit returned of an iterate says that it diverged, though its state is finite. What starts from it
	// is not computed then, as if the state were not finite; nil if states alone decide.
	Diverges func(value any) bool

	// Emit receives the results one at a time, each as soon as it and all before it are there: ordered by iterate, then by job.
	// What checkpoint returns must not be changed, or used after Emit has returned.
	Emit func(r Result, checkpoint func() Checkpoint) error

	// Progress receives the number of gradients and Hessian-vector products since its last call, from any worker.
	Progress func(units int)
}

// Visited is a state that is evaluated.
type Visited struct {
	Job, Iterate int
	Average      int // of the job, or −1 for the iterate itself
	State        *optim.State
	Previous     *optim.State // of a successive job's iterate: the wanted one before, the initial state at first; nil if it diverged
}

// Evaluated is what Visit returned for a state: nil if there is no state, because it is not finite, or starts from one that diverged.
type Evaluated struct {
	Value    any
	State    *optim.State // if Options.Keep says so; nobody changes it any more
	Diverged bool
}

// Result is a wanted iterate.
type Result struct {
	Job, Iterate int
	Evaluated
	Averages []Evaluated // those of the job, in their order
	Accepted bool        // a trial of an adaptive arrangement that became a base
	Merged   bool        // with another iterate's trajectory, so that it has its end
	Error    *float64    // what merging would have changed, in the number that differs most: measured at some iterates, which are exact

	// Work is what this iterate took, and those that it is the first to need; none if what it starts from diverged. Unless
	// something diverges, a job's add up to Cost, or less if it is adaptive or merges. Time is what it took, on all workers together.
	Work Work
	Time time.Duration
}

// Run computes and emits all wanted iterates of the jobs. A composition that is not possible is an error before anything is
// computed. An iterate that diverges ends what starts from it and nothing else. Any other error, or a panic, of a function that
// the caller provided ends the run with an error that names the job and the iterate; a cancelled context ends it with the
// context's error. Whenever it ends, the emitted results are the first ones in their order, each of them whole, and the checkpoint
// that it returns says where the rest starts.
func Run(ctx context.Context, jobs []Job, o Options) (Checkpoint, error) {
	e, err := newExecutor(ctx, jobs, o)
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
