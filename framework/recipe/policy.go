package recipe

import (
	"cmp"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Schedule says how learning rates change. The options of the schedule stand in the same table.
type Schedule struct {
	Name string `toml:"name" doc:"the schedule"`
	optim.Scheduling
}

// Group is a table [group.NAME]: parameters for which the optimizer has options of their own. Those that are not given are the recipe's.
type Group struct {
	Name      string
	Match     []string `toml:"match" doc:"patterns such as *.bias; a parameter belongs to the first group that matches"`
	Frozen    bool     `toml:"frozen" doc:"the parameters stay as they are in the file; the group has no options then"`
	Optimizer optim.Optimizer
}

// Policy returns what surrounds the optimizer. A schedule that never changes a rate is none.
func (r *Recipe) Policy() optim.Policy {
	p := optim.Policy{Clipping: r.Clipping}
	if s := r.Schedule.Scheduling; s.Schedule != (optim.Constant{}) || s.Warmup > 0 {
		s.Steps = cmp.Or(s.Steps, r.Steps)
		p.Schedule = &s
	}
	for _, g := range r.Groups {
		p.Groups = append(p.Groups, optim.Group{Name: g.Name, Match: g.Match, Frozen: g.Frozen, Optimizer: g.Optimizer})
	}
	return p
}

func (c *checker) schedule(root *node, r *Recipe) {
	table := c.table(root, "schedule", "")
	if table == nil {
		return
	}
	s := &r.Schedule
	s.Name, s.Scheduling = "constant", optim.Scheduling{Follow: optim.FollowCount}
	name := s.Name
	if text, isText := table.text("name"); isText {
		name = text
	}
	made, known := plug(c, table.where("name"), name, optim.NewSchedule, optim.ScheduleNames())
	s.Schedule = made
	if !c.read("schedule", table, schema{targets: []any{s, made}, partial: !known}) || !known {
		return
	}
	c.validate(table.at, made)
	if s.Steps > 0 && s.Warmup >= s.Steps {
		c.report(table.where("warmup"), "warmup = %d is not less than steps = %d: nothing is left of the schedule", s.Warmup, s.Steps)
	}
	if o := r.Optimizer.Optimizer; o != nil && r.Policy().Schedule != nil && !hasRate(o) {
		c.report(table.at, "the optimizer %s has no option lr, which a schedule changes", r.Optimizer.Name)
	}
}

// hasRate reports whether an optimizer has a learning rate. By convention its hyperparameters are named as its options are.
func hasRate(o optim.Optimizer) bool {
	return slices.ContainsFunc(plugin.Options(o), func(option plugin.Option) bool { return optim.IsRate(option.Name) })
}

func (c *checker) clipping(root *node, clipping *optim.Clipping) {
	if table := c.table(root, "clipping", ""); table != nil {
		c.read("clipping", table, schema{targets: []any{clipping}})
	}
}

func (c *checker) groups(root *node, o Optimizer) (list []Group) {
	table := c.table(root, "group", "")
	if table == nil {
		return nil
	}
	for _, entry := range c.entries(table, "group", nil) {
		g := Group{Name: entry.name, Match: []string{}}
		targets := []any{&g}
		if o.Optimizer != nil {
			g.Optimizer = plugin.Clone(o.Optimizer)
			targets = append(targets, g.Optimizer)
		}
		read := c.read("group."+g.Name, entry, schema{targets: targets, required: []string{"match"}, partial: o.Optimizer == nil})
		if match := entry.find("match"); match != nil {
			c.patterns(match)
			if len(g.Match) == 0 && read {
				c.report(match.at, "match is empty: no parameter would be in the group")
			}
		}
		switch {
		case g.Frozen:
			c.idle(entry)
			g.Optimizer = nil
		case read:
			c.validate(entry.at, g.Optimizer)
		}
		list = append(list, g)
	}
	return list
}

// idle reports the options of a frozen group.
func (c *checker) idle(group *node) {
	for _, key := range group.children {
		if key.name != "match" && key.name != "frozen" {
			c.report(key.at, "%s means nothing in [group.%s]: its parameters are frozen", key.name, group.name)
		}
	}
}
