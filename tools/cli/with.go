package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// added is a module that a binary is built with: a published version, or a folder.
type added struct {
	module  string
	version string // "" for the latest
	dir     string // absolute, or "" for a published one
}

// parseWith reads MODULE, MODULE@VERSION, either with =DIR, or a path to a module's folder.
func parseWith(ctx context.Context, text string) (added, error) {
	a, err := splitWith(text)
	if err != nil || a.dir == "" {
		return a, err
	}
	if a.dir, err = filepath.Abs(a.dir); err != nil {
		return a, err
	}
	m, err := readGoMod(ctx, a.dir)
	if err != nil {
		return a, err
	}
	if a.module == "" {
		a.module = m.Module.Path
	}
	if !modulePath.MatchString(a.module) {
		return a, fmt.Errorf("%s does not name a module that can be imported", filepath.Join(a.dir, "go.mod"))
	}
	return a, nil
}

// What module paths and versions, or the names of branches, are made of. The rest of their rules is the go command's business.
var (
	modulePath    = regexp.MustCompile(`^[A-Za-z0-9._~][A-Za-z0-9._~/-]*$`)
	moduleVersion = regexp.MustCompile(`^[A-Za-z0-9._~][A-Za-z0-9._~/+-]*$`)
)

// splitWith takes the text apart. Of a path it gives the folder alone.
func splitWith(text string) (added, error) {
	if isPath(text) {
		return added{dir: text}, nil
	}
	left, dir, local := strings.Cut(text, "=")
	module, version, versioned := strings.Cut(left, "@")
	switch {
	case !modulePath.MatchString(module):
		return added{}, errors.New("want MODULE, MODULE@VERSION, MODULE=DIR, or a path such as ./mine")
	case versioned && !moduleVersion.MatchString(version):
		return added{}, errors.New("there is no version after the @")
	case local && dir == "":
		return added{}, errors.New("there is no folder after the =")
	}
	return added{module, version, dir}, nil
}

// isPath tells a path from a module by how it starts, as the go command does.
func isPath(text string) bool {
	if text == "." || text == ".." || filepath.IsAbs(text) {
		return true
	}
	text = filepath.ToSlash(text)
	return strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../")
}

// require adds the module to a go.mod, and returns what belongs into the go.sum beside it. A published module is downloaded.
func (a added) require(ctx context.Context, m *goMod) (sums []byte, err error) {
	if a.dir == "" {
		d, err := download(ctx, a.query())
		m.Require = append(m.Require, goModule{a.module, d.Version})
		return []byte(d.sums()), err
	}
	m.Require = append(m.Require, goModule{a.module, cmp.Or(a.version, unpublished(a.module))})
	m.replace(a.module, a.dir)
	sums, err = os.ReadFile(filepath.Join(a.dir, "go.sum"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it requires nothing
	}
	return append(sums, '\n'), err
}

// query is what the go command is asked for.
func (a added) query() string { return a.module + "@" + cmp.Or(a.version, "latest") }
