package cli

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// buildFlags are the flags of build.
type buildFlags struct {
	with       []string
	output     string
	backstitch *string
}

func newBuild() *cobra.Command {
	c := &cobra.Command{
		Use:   "build --with MODULE...",
		Short: "Make a binary that has your plugins, too",
		Long: `Makes a binary that is the standard one and has the plugins of other Go modules, which register themselves.

A module is a published one (MODULE, or MODULE@VERSION), one of which a folder takes the place (MODULE=DIR), or the one in a folder (a path
such as ./mine). It needs the go command. What exists under the name of the output is replaced only when all is well.`,
		Example: `  backstitch build --with ./mine
  backstitch build --with example.com/mine@v1.2.0 --with ../other --output bin/backstitch`,
		Args: cobra.NoArgs,
	}
	f := buildFlags{}
	c.Flags().StringArrayVar(&f.with, "with", nil, "a `MODULE` with plugins: MODULE[@VERSION][=DIR] or a path; may be repeated")
	c.Flags().StringVar(&f.output, "output", "backstitch", "the binary, a `FILE`")
	f.backstitch = sourceFlag(c)
	requireFlags(c, "with")
	c.RunE = func(c *cobra.Command, _ []string) error { return f.build(c) }
	return c
}

func (f *buildFlags) build(c *cobra.Command) error {
	modules, err := f.modules(c)
	if err != nil {
		return err
	}
	if f.output == "" {
		return usageError(c, errors.New("--output is empty"))
	}
	if err := checkTarget(f.output, binaryFile); err != nil {
		return err
	}
	s, err := findSource(c, *f.backstitch, folders(modules)...)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "building %s with %s; what was not built before takes a minute or two\n", s, names(modules))
	if err := makeBinary(c.Context(), s, modules, f.output); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "wrote %s: %s with %s\n", f.output, s, names(modules))
	return nil
}

// modules reads what the flags add. A wrong value is bad usage.
func (f *buildFlags) modules(c *cobra.Command) ([]added, error) {
	var modules []added
	for _, text := range f.with {
		a, err := parseWith(c.Context(), text)
		if err == nil && slices.ContainsFunc(modules, func(b added) bool { return a.module == b.module }) {
			err = fmt.Errorf("the module %s is there already", a.module)
		}
		if err == nil && a.module == backstitchModule {
			err = errors.New("that is Backstitch itself: --backstitch names its sources")
		}
		if err != nil {
			return nil, badValue(c, "with", text, err)
		}
		modules = append(modules, a)
	}
	return modules, nil
}

func folders(modules []added) (dirs []string) {
	for _, a := range modules {
		if a.dir != "" {
			dirs = append(dirs, a.dir)
		}
	}
	return dirs
}

func names(modules []added) string {
	var list []string
	for _, a := range modules {
		list = append(list, a.module)
	}
	return strings.Join(list, ", ")
}

// makeBinary builds the binary in a module of its own and moves it to the output when it starts.
func makeBinary(ctx context.Context, s *source, modules []added, output string) (err error) {
	dir, err := os.MkdirTemp("", "backstitch-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeMain(ctx, dir, s, modules); err != nil {
		return err
	}
	// The binary is made where it will be, under another name: it can be renamed there.
	made, err := os.MkdirTemp(filepath.Dir(output), ".backstitch-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }()
	if made, err = filepath.Abs(made); err != nil {
		return err
	}
	binary := filepath.Join(made, filepath.Base(output))
	if _, err := runGo(ctx, dir, "build", "-mod=mod", "-buildvcs=false", "-o", binary, "."); err != nil {
		return failed(ctx, fmt.Errorf("it does not build:\n%w", err), "go build ./... and go test ./... in a plugin's own folder show what is wrong with it")
	}
	if err := starts(ctx, binary); err != nil {
		return failed(ctx, fmt.Errorf("what was built does not start: %w", err), "a plugin needs a name of its own; backstitch list shows those that are taken")
	}
	return os.Rename(binary, output)
}

// failed is a failure with a hint, unless it is an interruption.
func failed(ctx context.Context, err error, hint string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return exitError{err, exitFailure, hint}
}

// writeMain writes the main module: the standard main.go and the imports of the added modules, at the versions that Backstitch
// itself is built with.
func writeMain(ctx context.Context, dir string, s *source, modules []added) error {
	main, err := os.ReadFile(filepath.Join(s.dir, "tools", "backstitch", "main.go"))
	if err != nil {
		return err
	}
	sums, err := s.sums()
	if err != nil {
		return err
	}
	m := s.require("backstitch-build")
	plugins := "package main\n\nimport (\n"
	for _, a := range modules {
		more, err := a.require(ctx, m)
		if err != nil {
			return failed(ctx, fmt.Errorf("%s cannot be had: %w", a.query(), err), "a module in a folder is given by a path, such as ./mine, or by MODULE=DIR")
		}
		sums = append(sums, more...)
		plugins += fmt.Sprintf("\t_ %q\n", a.module)
	}
	return writeFolder(dir, map[string][]byte{
		"main.go": main, "plugins.go": []byte(plugins + ")\n"), "go.mod": m.write(s.mod.Require), "go.sum": sums,
	})
}

// starts returns what a binary says if it does not start: plugins register themselves then. One for another machine is not tried.
func starts(ctx context.Context, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	for _, s := range info.Settings {
		if s.Key == "GOOS" && s.Value != runtime.GOOS || s.Key == "GOARCH" && s.Value != runtime.GOARCH {
			return nil
		}
	}
	var said bytes.Buffer
	c := exec.CommandContext(ctx, binary, "--version")
	c.Stderr = &said
	if err := c.Run(); err != nil {
		first, _, _ := strings.Cut(said.String(), "\n")
		return errors.New(cmp.Or(strings.TrimPrefix(first, "panic: "), err.Error()))
	}
	return nil
}
