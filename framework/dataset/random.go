package dataset

import "math/rand/v2"

// purpose keeps the random numbers of different uses of one seed apart. The values are part of what a seed means.
type purpose uint64

const (
	forIID     purpose = 1 // position: number of the batch
	forShuffle purpose = 2 // position: number of the epoch
	forSample  purpose = 3
	forHoldOut purpose = 4 // position: number of the class
	forShapes  purpose = 5 // position: twice the number of the example, plus one for test
)

// generator returns the random numbers of one purpose at one position. Distinct (seed, position) give distinct sequences.
func generator(seed uint64, p purpose, position int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(mix(seed)+uint64(p)), mix(uint64(position))))
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection that sends neighbours far apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Sample returns the indices of n distinct examples in ascending order, drawn uniformly and fixed by the seed; of all examples
// if the split has no more than n. Runs evaluate the training loss on such a sample.
func (s *Split) Sample(n int, seed uint64) []int {
	all := s.Len()
	return choose(generator(seed, forSample, 0), min(n, all), all)
}

// choose draws n of the numbers below all, in ascending order.
func choose(r *rand.Rand, n, all int) []int {
	indices := make([]int, 0, n)
	for i := range all { // selection sampling (Knuth, The Art of Computer Programming 3.4.2, algorithm S)
		if r.IntN(all-i) < n-len(indices) {
			indices = append(indices, i)
		}
	}
	return indices
}
