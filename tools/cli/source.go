package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

const backstitchModule = "github.com/seed5b471a7e/backstitch"

// source is Backstitch as a Go module: the sources that other modules are built with.
type source struct {
	dir     string // an absolute path
	mod     *goMod
	version string // "" if the folder is a checkout, which replaces the module
}

// sourceFlag adds the flag for the folder of a checkout.
func sourceFlag(c *cobra.Command) *string {
	return c.Flags().String("backstitch", "", "a checkout of Backstitch, a `DIR` (default: the one around the current folder, the one that a "+
		"go.mod there or of a plugin replaces it with, or this binary's own version)")
}

// findSource returns the sources of Backstitch: in the folder that the flag names, around the current folder, where the go.mod in
// one of the modules' folders says, or of this binary's version.
func findSource(c *cobra.Command, flag string, modules ...string) (*source, error) {
	ctx := c.Context()
	if flag != "" {
		s, err := checkout(ctx, flag)
		return s, badValue(c, "backstitch", flag, err)
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, dir := range append(upwards(here), modules...) {
		if s := sourceOf(ctx, dir); s != nil {
			return s, nil
		}
	}
	return ownSource(ctx)
}

// upwards lists a folder and those around it.
func upwards(dir string) []string {
	if parent := filepath.Dir(dir); parent != dir {
		return append([]string{dir}, upwards(parent)...)
	}
	return []string{dir}
}

// checkout is the source in a folder.
func checkout(ctx context.Context, dir string) (*source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m, err := readGoMod(ctx, dir)
	if err != nil {
		return nil, err
	}
	if m.Module.Path != backstitchModule {
		return nil, fmt.Errorf("it holds the module %s, not %s", m.Module.Path, backstitchModule)
	}
	return &source{dir: dir, mod: m}, nil
}

// sourceOf is the source in a folder, or in the one that its go.mod replaces Backstitch with; nil if it says neither.
func sourceOf(ctx context.Context, dir string) *source {
	m, err := readGoMod(ctx, dir)
	if err != nil {
		return nil
	}
	if replacement := m.folder(dir, backstitchModule); replacement != "" {
		dir = replacement
	}
	s, err := checkout(ctx, dir)
	if err != nil {
		return nil
	}
	return s
}

// ownSource is the source that this binary was built from: a folder, or a version that can be fetched.
func ownSource(ctx context.Context) (*source, error) {
	own := ownModule()
	if own.Replace != nil {
		own = own.Replace
		if s, err := checkout(ctx, own.Path); filepath.IsAbs(own.Path) && err == nil {
			return s, nil
		}
	}
	const hint = "name a checkout of Backstitch with --backstitch DIR"
	if !strings.HasPrefix(own.Version, "v") || strings.HasSuffix(own.Version, "+dirty") {
		return nil, exitError{errors.New("this binary was built from a checkout, and its sources are not around here"), exitFailure, hint}
	}
	s, err := fetch(ctx, own.Version)
	if err != nil && ctx.Err() == nil {
		return nil, exitError{fmt.Errorf("the sources of this binary's version cannot be fetched: %w", err), exitFailure, hint}
	}
	return s, err
}

// ownModule is Backstitch in this binary's build.
func ownModule() *debug.Module {
	build, _ := debug.ReadBuildInfo()
	if build == nil {
		return &debug.Module{}
	}
	for _, m := range append(build.Deps, &build.Main) {
		if m.Path == backstitchModule {
			return m
		}
	}
	return &debug.Module{}
}

// fetch is the source of a published version.
func fetch(ctx context.Context, version string) (*source, error) {
	d, err := download(ctx, backstitchModule+"@"+version)
	if err != nil {
		return nil, err
	}
	m, err := readGoMod(ctx, d.Dir)
	return &source{d.Dir, m, d.Version}, err
}

// String says where the sources are.
func (s *source) String() string {
	if s.version != "" {
		return "backstitch " + s.version
	}
	return "backstitch in " + s.dir
}

// require returns the go.mod of a module that is built with these sources.
func (s *source) require(module string) *goMod {
	m := &goMod{Module: goModule{Path: module}, Go: s.mod.Go, Require: []goModule{{backstitchModule, s.version}}}
	if s.version == "" {
		m.Require[0].Version = unpublished(backstitchModule)
		m.replace(backstitchModule, s.dir)
	}
	return m
}

// sums returns the go.sum of the sources.
func (s *source) sums() ([]byte, error) { return os.ReadFile(filepath.Join(s.dir, "go.sum")) }
