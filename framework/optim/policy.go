package optim

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Policy is what surrounds an optimizer, whichever it is. The zero value changes nothing.
type Policy struct {
	Schedule *Scheduling // of the learning rates; nil where they stay
	Clipping Clipping
	Groups   []Group
}

// Group is a set of parameters that an optimizer treats with options of their own. A parameter belongs to the first group that
// matches its name, if there is one. To the optimizer a group is all there is: what it computes over all parameters, it computes over
// the group's. The group's hyperparameters are named NAME/lr. Optimizers that have phases, or evaluate the loss elsewhere than at the
// state, move all parameters together and are refused.
type Group struct {
	Name      string
	Match     []string  // patterns of names, as path.Match has them
	Frozen    bool      // the parameters stay as they are in the model
	Optimizer Optimizer // with the group's options; nil if it is frozen
}

// Freezes reports whether the parameter of that name belongs to a frozen group.
func (p Policy) Freezes(name string) bool {
	at := p.groupOf(name)
	return at >= 0 && p.Groups[at].Frozen
}

// Check refuses a schedule whose options do not fit together, patterns that match none of the parameters' names, and groups all
// of whose parameters belong to earlier ones.
func (p Policy) Check(names []string) error {
	if p.Schedule != nil {
		if err := p.Schedule.Validate(); err != nil {
			return fmt.Errorf("optim: the schedule: %w", err)
		}
	}
	for i, group := range p.Groups {
		switch {
		case len(group.Match) == 0:
			return fmt.Errorf("optim: group %q has no pattern", group.Name)
		case !group.Frozen && group.Optimizer == nil:
			return fmt.Errorf("optim: group %q is not frozen and has no optimizer", group.Name)
		}
		if err := plugin.CheckPatterns("parameter", group.Match, names); err != nil {
			return fmt.Errorf("optim: group %q: %w", group.Name, err)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return p.groupOf(name) == i }) {
			return fmt.Errorf("optim: group %q is empty: all that it matches belongs to earlier groups", group.Name)
		}
	}
	return nil
}

// groupOf returns the number of the group that a parameter belongs to, or −1.
func (p Policy) groupOf(name string) int {
	return slices.IndexFunc(p.Groups, func(g Group) bool { return plugin.Match(g.Match, name) })
}

// part is a set of parameters that one call of Step updates.
type part struct {
	prefix    string // of its hyperparameters
	where     string // for errors: "" for the parameters without a group
	optimizer Optimizer
	members   []int
}

// parts divides parameters into those without a group and the groups, without those that are empty.
func (p Policy) parts(o Optimizer, params []Trained) []part {
	list := []part{{optimizer: o}}
	for _, g := range p.Groups {
		list = append(list, part{prefix: g.Name + "/", where: fmt.Sprintf("group %q: ", g.Name), optimizer: g.Optimizer})
	}
	for i, param := range params {
		at := p.groupOf(param.Name) + 1
		list[at].members = append(list[at].members, i)
	}
	return slices.DeleteFunc(list, func(p part) bool { return len(p.members) == 0 })
}
