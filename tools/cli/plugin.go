package cli

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/spf13/cobra"
)

//go:embed template
var templates embed.FS

// pluginKind is a kind of plugin that can be begun from a template.
type pluginKind struct {
	name   string
	option string // a line for a recipe
	names  func() []string
}

var pluginKinds = []pluginKind{
	{"optimizer", "lr = 0.02", optim.Names},
	{"arrangement", "window = 4", compose.Names},
}

func newPlugin() *cobra.Command {
	begin := newGroup(&cobra.Command{
		Use:     "new",
		Short:   "Begin a plugin: a Go module that works and is to be changed",
		Example: "  backstitch plugin new optimizer heavyball",
	})
	for _, kind := range pluginKinds {
		begin.AddCommand(newPluginOf(kind))
	}
	return newGroup(&cobra.Command{
		Use:     "plugin",
		Short:   "Write plugins",
		Example: "  backstitch plugin new optimizer heavyball",
	}, begin)
}

// pluginFlags are the flags of plugin new.
type pluginFlags struct {
	module, dir string
	backstitch  *string
}

func newPluginOf(kind pluginKind) *cobra.Command {
	c := &cobra.Command{
		Use:   kind.name + " NAME",
		Short: fmt.Sprintf("Begin an %s", kind.name),
		Long: fmt.Sprintf(`Writes a Go module with a complete %s, its conformance test, and a README. It passes its tests and can be built into a
binary as it is; then change it into yours.`, kind.name),
		Example: fmt.Sprintf("  backstitch plugin new %s mine\n  backstitch build --with ./mine", kind.name),
		Args:    cobra.ExactArgs(1),
	}
	f := pluginFlags{}
	c.Flags().StringVar(&f.module, "module", "", "the module's `PATH` (default: example.com/NAME)")
	c.Flags().StringVar(&f.dir, "dir", "", "the `DIR` to write, which does not exist or is empty (default: NAME)")
	f.backstitch = sourceFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error { return f.write(c, kind, arguments[0]) }
	return c
}

// pluginModule is what the templates know.
type pluginModule struct {
	Kind, Name, Type, Module, Option string
}

func (f *pluginFlags) write(c *cobra.Command, kind pluginKind, name string) error {
	if err := kind.check(name); err != nil {
		return usageError(c, err)
	}
	p := pluginModule{kind.name, name, strings.ToUpper(name[:1]) + name[1:], f.module, kind.option}
	if p.Module == "" {
		p.Module = "example.com/" + name
	}
	dir := f.dir
	if dir == "" {
		dir = name
	}
	s, err := findSource(c, *f.backstitch)
	if err != nil {
		return err
	}
	files, err := p.files(s)
	if err != nil {
		return err
	}
	if err := checkModulePath(c, p.Module); err != nil {
		return err
	}
	if err := writeFolder(dir, files); err != nil {
		return err
	}
	return p.next(c, dir, files)
}

var packageName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// check refuses names that no Go package can have, or that a plugin of the kind has.
func (k pluginKind) check(name string) error {
	switch {
	case !packageName.MatchString(name):
		return fmt.Errorf("%q is no name for a plugin and its Go package: want small letters and digits, a letter first", name)
	case token.IsKeyword(name) || slices.Contains([]string{"internal", "main", "vendor"}, name):
		return fmt.Errorf("%q is no name for a plugin: it means something else to Go", name)
	case slices.Contains(k.names(), name):
		return fmt.Errorf("there is an %s %q already", k.name, name)
	}
	return nil
}

// checkModulePath refuses what is no module path, in the go command's words.
func checkModulePath(c *cobra.Command, path string) error {
	dir, err := os.MkdirTemp("", "backstitch-plugin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, err = runGo(c.Context(), dir, "mod", "init", "--", path)
	return badValue(c, "module", path, err)
}

// files returns the names and contents of the module's files.
func (p pluginModule) files(s *source) (map[string][]byte, error) {
	sums, err := s.sums()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"go.mod": s.require(p.Module).write(s.mod.Require), "go.sum": sums}
	for name, from := range map[string]string{
		p.Name + ".go":      p.Kind + "/plugin.go.tmpl",
		p.Name + "_test.go": p.Kind + "/plugin_test.go.tmpl",
		"README.md":         "README.md.tmpl",
	} {
		if files[name], err = p.fill(from); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (p pluginModule) fill(name string) ([]byte, error) {
	text, err := templates.ReadFile("template/" + name)
	if err != nil {
		return nil, err
	}
	// Go code is full of double braces.
	t, err := template.New(name).Delims("<<", ">>").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// writeFolder writes files into a folder that does not exist or is empty.
func writeFolder(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return exitError{fmt.Errorf("%s is not empty", dir), exitFailure, "name another folder with --dir"}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := create(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// next says what was written and what to do with it.
func (p pluginModule) next(c *cobra.Command, dir string, files map[string][]byte) error {
	path := dir
	if !isPath(path) {
		path = "./" + path
	}
	fmt.Fprintf(c.OutOrStdout(), "wrote %s: %s\n\n", dir, strings.Join(slices.Sorted(maps.Keys(files)), ", "))
	t := newTable(c.OutOrStdout())
	t.row("go test -C "+path+" ./...", "# proves that it keeps the contract")
	t.row("backstitch build --with "+path, "# makes ./backstitch, a binary that has it")
	t.row("./backstitch list "+p.Kind+"s "+p.Name, "# its options, for a recipe's ["+p.Kind+"."+p.Name+"]")
	return t.flush()
}
