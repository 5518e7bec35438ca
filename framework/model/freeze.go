package model

import (
	"fmt"
	"slices"
)

// Freezing returns the model with those of its parameters frozen that are chosen: they keep the file's numbers. The parameters of a new
// head have none and are refused.
func (m *Model) Freezing(chosen func(Parameter) bool) (*Model, error) {
	if !slices.ContainsFunc(m.Parameters, chosen) {
		return m, nil
	}
	frozen := *m
	frozen.Parameters, frozen.Frozen = nil, slices.Clone(m.Frozen)
	for _, p := range m.Parameters {
		switch {
		case !chosen(p):
			frozen.Parameters = append(frozen.Parameters, p)
		case slices.Contains(m.fresh, p.Name):
			return nil, unfreezable(p.Name)
		default:
			frozen.Frozen = append(frozen.Frozen, p)
		}
	}
	return &frozen, nil
}

func unfreezable(name string) error {
	return fmt.Errorf("model: initializer %q belongs to the new head, which has no weights yet: it cannot be frozen", name)
}
