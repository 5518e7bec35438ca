package dataset

import (
	"fmt"
	"sync"
)

// The kinds of sampling.
const (
	IID     = "iid"     // every example of every batch is drawn uniformly and independently, with replacement
	Shuffle = "shuffle" // a fresh random order of all examples per epoch, cut into batches; a short last batch is dropped
	Cycle   = "cycle"   // the first batches of Shuffle, over and over
)

// cachedIndices bounds the memory of a Sampler's epochs: 64 MiB, or one epoch if that is larger.
const cachedIndices = 1 << 23

// Sampler says which examples batch k = 1, 2, … holds. The answer is a function of k and of what NewSampler was given, in
// whatever order batches are asked for. Its methods may be used from several goroutines.
type Sampler struct {
	n, batch int
	kind     string
	period   int
	seed     uint64

	mu     sync.Mutex
	epochs map[int][]int // permutations of the examples, by number of the epoch from 0
	keep   int           // epochs at most
}

// NewSampler samples batches of the given size from n examples. For the kind Cycle, and for no other, cycle is the period in
// batches; it may be longer than an epoch.
func NewSampler(n, batch int, kind string, cycle int, seed uint64) (*Sampler, error) {
	switch kind {
	case IID, Shuffle:
		if cycle != 0 {
			return nil, fmt.Errorf("cycle = %d has no meaning with sampling = %q (did you mean sampling = %q?)", cycle, kind, Cycle)
		}
	case Cycle:
		if cycle < 1 {
			return nil, fmt.Errorf("cycle = %d: sampling = %q needs a period of at least 1 batch", cycle, kind)
		}
	default:
		return nil, fmt.Errorf("sampling = %q is not known (one of %s, %s, %s)", kind, IID, Shuffle, Cycle)
	}
	if batch < 1 {
		return nil, fmt.Errorf("batch = %d: a batch has at least 1 example", batch)
	}
	if batch > n {
		return nil, fmt.Errorf("batch = %d is more than the %d examples that there are", batch, n)
	}
	return &Sampler{
		n: n, batch: batch, kind: kind, period: cycle, seed: seed,
		epochs: map[int][]int{}, keep: max(1, cachedIndices/n),
	}, nil
}

// Period returns the number of batches after which they repeat, or 0 if they do not.
func (s *Sampler) Period() int { return s.period }

// Key returns the number of the first batch that is the same as batch k by the sampler's period: k itself if there is none. Noise
// that belongs to a step is keyed by it, so that steps on the same batch are the same map.
func (s *Sampler) Key(k int) int {
	if k < 1 {
		panic(fmt.Sprintf("dataset: batch %d: batches are counted from 1", k))
	}
	if s.period == 0 {
		return k
	}
	return (k-1)%s.period + 1
}

// Indices returns the examples of batch k ≥ 1, in the order in which the batch holds them, in dst's memory if it is large
// enough.
func (s *Sampler) Indices(k int, dst []int) []int {
	k = s.Key(k)
	if s.kind == IID {
		return s.draw(k, dst[:0])
	}
	perEpoch := s.n / s.batch
	epoch, start := (k-1)/perEpoch, (k-1)%perEpoch*s.batch
	return append(dst[:0], s.permutation(epoch)[start:start+s.batch]...)
}

func (s *Sampler) draw(k int, dst []int) []int {
	r := generator(s.seed, forIID, k)
	for range s.batch {
		dst = append(dst, r.IntN(s.n))
	}
	return dst
}

// permutation returns the order of the examples in an epoch. A full cache is emptied: whatever is dropped can be computed again.
func (s *Sampler) permutation(epoch int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	order, cached := s.epochs[epoch]
	if !cached {
		if len(s.epochs) == s.keep {
			clear(s.epochs)
		}
		order = generator(s.seed, forShuffle, epoch).Perm(s.n)
		s.epochs[epoch] = order
	}
	return order
}
