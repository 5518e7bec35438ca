package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/seed5b471a7e/backstitch/recipes"
	"github.com/spf13/cobra"
)

// catalogue is one kind of thing that can be listed.
type catalogue struct {
	kind  string
	names func() []string
	doc   func(name string) string
	new   func(name string) (any, error) // with its default options; nil where there are none

	common any    // a struct whose options all of the kind have; nil for none
	note   string // what there is to say about all of them
}

var catalogues = []catalogue{
	{kind: "recipes", names: recipes.Names, doc: recipes.Doc},
	{kind: "models", names: modelzoo.Names, doc: zooDoc},
	{kind: "losses", names: program.LossNames, doc: program.LossDoc},
	{kind: "optimizers", names: optim.Names, doc: optim.Doc, new: func(name string) (any, error) { return optim.New(name) }, note: surroundings()},
	{kind: "schedules", names: optim.ScheduleNames, doc: optim.ScheduleDoc, new: func(name string) (any, error) { return optim.NewSchedule(name) },
		common: &optim.Scheduling{Follow: optim.FollowCount}},
	{kind: "arrangements", names: compose.Names, doc: compose.Doc, new: func(name string) (any, error) { return compose.New(name) }},
	{kind: "datasets", names: dataset.Names, doc: dataset.Doc, new: func(name string) (any, error) { return dataset.New(name) }},
	{kind: "engines", names: engine.Names, doc: engine.Doc},
}

// surroundings says what a recipe may write around any optimizer.
func surroundings() string {
	names := func(v any) string {
		var list []string
		for _, o := range plugin.Options(v) {
			list = append(list, o.Name)
		}
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("With any optimizer: [group.NAME] (%s, options of its own), [clipping] (%s), [schedule] (backstitch list schedules).",
		names(&recipe.Group{}), names(&optim.Clipping{}))
}

func zooDoc(name string) string {
	for _, e := range modelzoo.List() {
		if e.Name == name {
			return e.Doc
		}
	}
	return ""
}

// listed is an entry of a catalogue.
type listed struct {
	Name    string         `json:"name"`
	Doc     string         `json:"doc"`
	Options []listedOption `json:"options,omitempty"`
}

type listedOption struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Default any      `json:"default"`
	Range   string   `json:"range,omitempty"`
	OneOf   []string `json:"one_of,omitempty"`
	Doc     string   `json:"doc"`
}

func newList() *cobra.Command {
	var kinds []string
	for _, k := range catalogues {
		kinds = append(kinds, k.kind)
	}
	c := &cobra.Command{
		Use:   "list [" + strings.Join(kinds, "|") + "] [NAME]",
		Short: "List what is built in; with a name, print its options, defaults and help",
		Example: `  backstitch list
  backstitch list optimizers
  backstitch list optimizers adamw`,
		Args:      cobra.MaximumNArgs(2),
		ValidArgs: kinds,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		chosen, err := choose(kinds, arguments)
		if err != nil {
			return err
		}
		entries := map[string][]listed{}
		for _, k := range chosen {
			for _, name := range k.names() {
				if len(arguments) < 2 || arguments[1] == name {
					entries[k.kind] = append(entries[k.kind], k.describe(name))
				}
			}
		}
		switch {
		case *asJSON:
			return printJSON(c, entries)
		case len(arguments) == 2:
			return printOptions(c.OutOrStdout(), entries[chosen[0].kind][0], chosen[0].note)
		}
		return printCatalogues(c.OutOrStdout(), chosen, entries)
	}
	return c
}

// choose returns the catalogues that the arguments KIND and NAME, which may be missing, speak of.
func choose(kinds, arguments []string) ([]catalogue, error) {
	if len(arguments) == 0 {
		return catalogues, nil
	}
	if err := known("kind", arguments[0], kinds); err != nil {
		return nil, err
	}
	k := catalogues[slices.Index(kinds, arguments[0])]
	if len(arguments) == 1 {
		return []catalogue{k}, nil
	}
	return []catalogue{k}, known(strings.TrimSuffix(k.kind, "s"), arguments[1], k.names())
}

func (k catalogue) describe(name string) listed {
	l := listed{Name: name, Doc: k.doc(name)}
	if k.new == nil {
		return l
	}
	v, err := k.new(name)
	if err != nil {
		return l
	}
	for _, o := range append(plugin.Options(v), plugin.Options(k.common)...) {
		l.Options = append(l.Options, listedOption{o.Name, o.Type(), o.Default, o.Range, o.OneOf, o.Doc})
	}
	return l
}

func printCatalogues(w io.Writer, chosen []catalogue, entries map[string][]listed) error {
	for i, k := range chosen {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, k.kind)
		t := newTable(w)
		for _, l := range entries[k.kind] {
			t.row("  "+l.Name, l.Doc)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

func printOptions(w io.Writer, l listed, note string) error {
	fmt.Fprintf(w, "%s: %s\n", l.Name, l.Doc)
	if len(l.Options) == 0 {
		fmt.Fprintln(w, "\nIt has no options.")
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w, "option", "type", "default", "allowed", "meaning")
	for _, o := range l.Options {
		allowed := o.Range
		if len(o.OneOf) > 0 {
			allowed = strings.Join(o.OneOf, ", ")
		}
		t.row(o.Name, o.Type, literal(o.Default), allowed, o.Doc)
	}
	if err := t.flush(); err != nil || note == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", note)
	return err
}

// literal writes a value as a recipe does, which for what options hold is as JSON does; only infinities differ.
func literal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
