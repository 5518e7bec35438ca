package compose

import (
	"errors"
	"fmt"
	"slices"
)

func init() {
	Register("words", "words of your own, repeated in every window of batches", func() Arrangement { return &Words{} })
}

// Words applies words of the user's to every window of batches, and averages their ends. The letters of a word count from the
// window's start: 1 is its first batch. An iterate within a window, if it is wanted, is made for itself alone, by the words without
// the batches that are not there yet.
type Words struct {
	Window int     `toml:"window" doc:"batches in a window (0: the largest number in words)" range:"[0,1000000]"`
	Words  [][]int `toml:"words" doc:"numbers of a window's batches in the order of application, such as [[1, 2, 3], [3, 2, 1]]" range:"[1,1000000]"`
}

// Validate refuses words that no iterate can be made by.
func (a *Words) Validate() error {
	if len(a.Words) == 0 {
		return errors.New("words is missing: write words = [[2, 1]], the numbers of a window's batches in the order of application")
	}
	n := a.suspect()
	if err := a.Compose(n).Check(n); err != nil {
		return fmt.Errorf("words: in every window, %w", err)
	}
	return nil
}

// suspect returns the first iterate that the words cannot make, if there is any. It can make iterate n if all have the same letters up
// to n, and some.
func (a Words) suspect() int {
	window := a.window()
	n := window + 1
	first := slices.Sorted(slices.Values(a.Words[0]))
	for _, word := range a.Words {
		letters := slices.Sorted(slices.Values(word))
		if len(letters) == 0 || letters[0] > 1 || letters[len(letters)-1] > window {
			return 1
		}
		for i := range max(len(letters), len(first)) {
			switch {
			case i >= len(letters):
				n = min(n, first[i])
			case i >= len(first):
				n = min(n, letters[i])
			case letters[i] != first[i]:
				n = min(n, letters[i], first[i])
			}
		}
	}
	return min(n, window)
}

func (a Words) window() int {
	window := a.Window
	for _, word := range a.Words {
		for _, k := range word {
			if a.Window == 0 {
				window = max(window, k)
			}
		}
	}
	return max(window, 1)
}

// Compose returns the words without the letters that stand for batches after n.
func (a Words) Compose(n int) Composition {
	window := a.window()
	base := windowOf(n, window)
	c := Composition{Base: base}
	for _, word := range a.Words {
		var letters []int
		for _, k := range word {
			if base+k <= n || k > window {
				letters = append(letters, base+k)
			}
		}
		c.Words = append(c.Words, letters)
	}
	return c
}
