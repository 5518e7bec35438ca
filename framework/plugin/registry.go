// Package plugin is how named things join the framework: optimizers, schedules, arrangements, data sets, losses and engines are registered
// at start, found by name, and configured from a table of options that the plugin's own struct describes.
//
// A registry knows names and constructors only. What a plugin must be able to do is the business of the package that owns the
// registry.
package plugin

import (
	"fmt"
	"slices"
	"sync"
)

// Registry holds the plugins of one kind. Its methods may be used from several goroutines.
type Registry[T any] struct {
	kind    string
	mu      sync.RWMutex
	entries map[string]entry[T]
}

type entry[T any] struct {
	doc string
	new func() T
}

// NewRegistry returns an empty registry. Kind is the singular noun that errors use, such as "optimizer".
func NewRegistry[T any](kind string) *Registry[T] {
	return &Registry[T]{kind: kind, entries: map[string]entry[T]{}}
}

// Register adds a plugin. The constructor returns a new value with its default options and has no side effects; doc is one
// line for listings. A name that is empty or taken, or a nil constructor, is a programmer's error and panics.
func (r *Registry[T]) Register(name, doc string, construct func() T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if CheckName(name) != nil {
		panic(fmt.Sprintf("plugin: %q is not a name for a %s", name, r.kind))
	}
	if construct == nil {
		panic(fmt.Sprintf("plugin: %s %q has no constructor", r.kind, name))
	}
	if _, taken := r.entries[name]; taken {
		panic(fmt.Sprintf("plugin: %s %q is registered twice", r.kind, name))
	}
	r.entries[name] = entry[T]{doc, construct}
}

// New returns a plugin with its default options.
func (r *Registry[T]) New(name string) (T, error) {
	r.mu.RLock()
	e, ok := r.entries[name]
	r.mu.RUnlock()
	if !ok {
		var none T
		return none, &UnknownError{Kind: r.kind, Name: name, Suggestion: Suggest(name, r.Names())}
	}
	return e.new(), nil
}

// Names returns the registered names in alphabetical order.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.entries))
	for name := range r.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Doc returns the line that the plugin was registered with.
func (r *Registry[T]) Doc(name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries[name].doc
}

// UnknownError says that no plugin of a kind has a name.
type UnknownError struct {
	Kind, Name string
	Suggestion string // the closest known name, or ""
}

func (e *UnknownError) Error() string {
	if e.Suggestion != "" {
		return fmt.Sprintf("unknown %s %q (did you mean %q?)", e.Kind, e.Name, e.Suggestion)
	}
	return fmt.Sprintf("unknown %s %q (forgotten import?)", e.Kind, e.Name)
}
