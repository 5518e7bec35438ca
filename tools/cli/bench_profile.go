package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/seed5b471a7e/backstitch/framework/engine"
)

// stepProfile is what a step is made of.
type stepProfile struct {
	Instructions []profiled `json:"instructions"`
	State        int64      `json:"state_bytes"`  // parameters, buffers and the optimizer's slots
	Memory       int64      `json:"memory_bytes"` // of what lies between the inputs and the results
	Alive        int64      `json:"alive_bytes"`  // of that which is needed at one time, at most
}

// profiled is one instruction.
type profiled struct {
	Name         string  `json:"name"`
	Detail       string  `json:"detail"`
	Parts        int     `json:"parts"` // that idle cores can share
	Milliseconds float64 `json:"ms"`
}

// newStepProfile profiles about a second of steps, which take that many milliseconds each.
func newStepProfile(ctx context.Context, p engine.Profiler, c *chain, milliseconds float64) (*stepProfile, error) {
	word := make([]int, max(2, min(int(1000/milliseconds), 10_000)))
	for i := range word {
		word[i] = i
	}
	profile, err := p.Profile(ctx, c.state, c.batches, word)
	if err != nil {
		return nil, err
	}
	state := int64(c.state.Data.Len()) * int64(c.state.Data.DType().Size())
	s := &stepProfile{State: state, Memory: profile.Memory, Alive: profile.Alive}
	for _, in := range profile.Instructions {
		s.Instructions = append(s.Instructions, profiled{in.Name, in.Detail, in.Parts, in.Time.Seconds() * 1e3})
	}
	return s, nil
}

func (s *stepProfile) print(w io.Writer) error {
	total := 0.0
	for _, in := range s.Instructions {
		total += in.Milliseconds
	}
	ratio := float64(s.State+s.Memory) / float64(s.State+s.Alive)
	if _, err := fmt.Fprintf(w, "memory: a state of %s, and %s between inputs and results, of which %s are needed at one time: %.2f times the least\n\n",
		size(s.State), size(s.Memory), size(s.Alive), ratio); err != nil {
		return err
	}
	t := newTable(w, "", "ms", "share", "parts", "instruction")
	for i, in := range s.Instructions {
		t.row(fmt.Sprint(i+1), fmt.Sprintf("%.4f", in.Milliseconds), fmt.Sprintf("%.1f %%", 100*in.Milliseconds/total), fmt.Sprint(in.Parts), in.Name+" "+in.Detail)
	}
	return t.flush()
}
