package compose_test

import (
	"context"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// BothWays averages, for every window of batches, the usual order and its reverse.
type BothWays struct {
	Window int `toml:"window" doc:"batches in a window" range:"[1,inf)"`
}

func init() {
	compose.Register("both-ways", "the mean of each window's order and its reverse", func() compose.Arrangement { return &BothWays{Window: 2} })
}

func (a BothWays) Compose(n int) compose.Composition {
	base := (n - 1) / a.Window * a.Window
	words := make([][]int, 2)
	for k := base + 1; k <= n; k++ {
		words[0] = append(words[0], k)
		words[1] = append([]int{k}, words[1]...)
	}
	return compose.Composition{Base: base, Words: words}
}

// halve are maps on one number: T_k(x) = x/2 + k.
type halve struct{}

func (halve) Apply(_ context.Context, s *optim.State, word []int) error {
	x := s.Data.F64
	for _, k := range word {
		x[0] = x[0]/2 + float64(k)
		s.Count++
	}
	return nil
}

// An arrangement of your own is one method. Registered, it is found by the name under which a recipe refers to it.
func Example_arrangement() {
	a, err := compose.New("both-ways")
	if err != nil {
		fmt.Println(err)
		return
	}
	iterates := []int{1, 2, 3, 4}
	for _, n := range iterates {
		fmt.Println(n, "is made by", a.Compose(n).Words, "from", a.Compose(n).Base)
	}

	layout, err := optim.NewLayout([]optim.Field{{Name: "x", Shape: []int{1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	job := compose.Job{
		Name:        "both-ways, seed 0",
		Arrangement: a,
		Initial:     layout.New(array.Float64),
		Iterates:    iterates,
		Maps:        func(int) (compose.Maps, error) { return halve{}, nil },
	}
	work, err := compose.Cost(context.Background(), job)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("gradient steps:", work.Steps)
	_, err = compose.Run(context.Background(), []compose.Job{job}, compose.Options{
		Visit: func(_ context.Context, _ int, v compose.Visited) (any, error) { return v.State.Data.At(0), nil },
		Emit: func(r compose.Result, _ func() compose.Checkpoint) error {
			fmt.Println(r.Iterate, "is", r.Value)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 is made by [[1] [1]] from 0
	// 2 is made by [[1 2] [2 1]] from 0
	// 3 is made by [[3] [3]] from 2
	// 4 is made by [[3 4] [4 3]] from 2
	// gradient steps: 12
	// 1 is 1
	// 2 is 2.25
	// 3 is 4.125
	// 4 is 5.8125
}
