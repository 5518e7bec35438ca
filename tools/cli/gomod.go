package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// goMod is what is of interest in a go.mod file.
type goMod struct {
	Module  goModule
	Go      string
	Require []goModule
	Replace []struct{ Old, New goModule }
}

// goModule is a module in a go.mod file. One that is a replacement may be a folder.
type goModule struct {
	Path    string
	Version string
}

// readGoMod reads the go.mod of a folder.
func readGoMod(ctx context.Context, dir string) (*goMod, error) {
	file := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	out, err := runGo(ctx, dir, "mod", "edit", "-json", file)
	if err != nil {
		return nil, err
	}
	var m goMod
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &m, nil
}

// folder returns the folder that replaces a module in the go.mod of dir, or "".
func (m *goMod) folder(dir, module string) string {
	for _, r := range m.Replace {
		if r.Old.Path != module || r.New.Version != "" {
			continue
		}
		if filepath.IsAbs(r.New.Path) {
			return r.New.Path
		}
		return filepath.Join(dir, r.New.Path)
	}
	return ""
}

// write writes the go.mod as text. Modules that are only there to fix their versions are marked as indirect.
func (m *goMod) write(indirect []goModule) []byte {
	indirect = slices.SortedFunc(slices.Values(indirect), func(a, b goModule) int { return cmp.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\ngo %s\n", m.Module.Path, m.Go)
	for _, r := range m.Require {
		fmt.Fprintf(&b, "\nrequire %s %s\n", r.Path, r.Version)
	}
	if len(indirect) > 0 {
		fmt.Fprint(&b, "\nrequire (\n")
		for _, r := range indirect {
			fmt.Fprintf(&b, "\t%s %s // indirect\n", r.Path, r.Version)
		}
		fmt.Fprint(&b, ")\n")
	}
	for _, r := range m.Replace {
		fmt.Fprintf(&b, "\nreplace %s => %s\n", r.Old.Path, quoted(r.New.Path))
	}
	return b.Bytes()
}

// replace makes the go.mod take a module from a folder.
func (m *goMod) replace(module, dir string) {
	m.Replace = append(m.Replace, struct{ Old, New goModule }{goModule{Path: module}, goModule{Path: dir}})
}

// quoted writes a path as a go.mod does.
func quoted(path string) string {
	if plain.MatchString(path) && !strings.Contains(path, "//") {
		return path
	}
	return strconv.Quote(path)
}

var plain = regexp.MustCompile(`^[\pL\pN/\\:._~+@-]+$`)

// unpublished is the version by which a module is required that comes from a folder.
func unpublished(module string) string {
	if major := majorVersion.FindStringSubmatch(module); major != nil {
		return "v" + major[1] + ".0.0"
	}
	return "v0.0.0"
}

var majorVersion = regexp.MustCompile(`(?:/v|^gopkg\.in/.*\.v)([0-9]+)$`)

// downloaded is a published module in the module cache.
type downloaded struct {
	Path, Version, Dir string
	Sum, GoModSum      string
	Error              string
}

// download gets a module at a version, as MODULE@VERSION, where the version may be one that the go command looks up.
func download(ctx context.Context, query string) (downloaded, error) {
	out, err := runGo(ctx, os.TempDir(), "mod", "download", "-json", query)
	var d downloaded
	if json.Unmarshal(out, &d) == nil && d.Error != "" {
		err = errors.New(d.Error)
	}
	return d, err
}

// sums are the module's lines of a go.sum.
func (d downloaded) sums() string {
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", d.Path, d.Version, d.Sum, d.Path, d.Version, d.GoModSum)
}

// runGo runs the go command in a folder and returns what it writes to stdout. The error is what it says on stderr, with paths as
// seen from where we are.
func runGo(ctx context.Context, dir string, arguments ...string) ([]byte, error) {
	var out, said bytes.Buffer
	c := exec.CommandContext(ctx, "go", arguments...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &said
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(os.Interrupt) }, 10*time.Second // it cleans up
	c.Env = append(c.Environ(), "GOWORK=off")
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, exitError{errors.New("there is no go command"), exitFailure, "install Go from https://go.dev/dl"}
	case err != nil:
		text := cmp.Or(strings.TrimSpace(said.String()), err.Error())
		return out.Bytes(), errors.New(asSeenFromHere(dir, text))
	}
	return out.Bytes(), nil
}

// asSeenFromHere rewrites the relative paths that lines of a text start with: they start from dir.
func asSeenFromHere(dir, text string) string {
	here, err := os.Getwd()
	if err != nil {
		return text
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return text
	}
	return relativePath.ReplaceAllStringFunc(text, func(path string) string {
		absolute := filepath.Join(dir, path)
		if short, err := filepath.Rel(here, absolute); err == nil && len(short) < len(absolute) {
			return short
		}
		return absolute
	})
}

var relativePath = regexp.MustCompile(`(?m)^\.\.?/[^:\n]+`)
