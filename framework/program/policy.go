package program

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// freeze takes the parameters of frozen groups out of the model's, and checks that the policy fits them.
func (s *Spec) freeze() error {
	var names []string
	for _, p := range s.Model.Parameters {
		names = append(names, p.Name)
	}
	if err := s.Policy.Check(names); err != nil {
		return err
	}
	var err error
	s.Model, err = s.Model.Freezing(func(p model.Parameter) bool { return s.Policy.Freezes(p.Name) })
	return err
}

// checkRates refuses a schedule that would change nothing.
func (s *Spec) checkRates(hypers map[string]float64) error {
	if s.Policy.Schedule == nil {
		return nil
	}
	for name := range hypers {
		if optim.IsRate(name) {
			return nil
		}
	}
	return fmt.Errorf("program: a schedule multiplies the hyperparameter lr, which %T does not have", s.Optimizer)
}

// Moment returns what the scalars of T_k on s are computed from.
func (p *Program) Moment(s *optim.State, k int) optim.Moment {
	return optim.Moment{Count: s.Count, Batch: k, Hypers: p.Hypers, Schedule: p.Policy.Schedule}
}

// DependsOnIndex reports whether T_k depends on k otherwise than through batch k and its noise: with a schedule that follows the batch
// index. Forward and backward iterates then have different laws, and equal batches do not make equal steps.
func (p *Program) DependsOnIndex() bool {
	return p.Policy.Schedule != nil && p.Policy.Schedule.Follow == optim.FollowBatch
}

// Rate returns the learning rate of a step on s. The error says why it has not a single one.
func (p *Program) Rate(s *optim.State, k int) (float64, error) {
	var rates []string
	for name := range p.Hypers {
		if optim.IsRate(name) {
			rates = append(rates, name)
		}
	}
	if len(rates) != 1 {
		return 0, fmt.Errorf("program: %T has %d learning rates, not a single one", p.Optimizer, len(rates))
	}
	return p.Moment(s, k).Rate(rates[0]), nil
}
