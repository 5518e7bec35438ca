package run

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

const modulePath = "github.com/seed5b471a7e/backstitch"

// Versions names the code that computes: Go, this module, and those it stands on. Where the binary was built in a repository, it
// names the revision, and says if the sources had been changed.
func Versions() map[string]string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return versions(build)
}

func versions(build *debug.BuildInfo) map[string]string {
	v := map[string]string{"go": runtime.Version()}
	for _, m := range append(build.Deps, &build.Main) {
		switch m.Path {
		case modulePath:
			v["backstitch"] = versionOf(m)
		case "gorgonia.org/gorgonia", "gorgonia.org/tensor", "gonum.org/v1/gonum", "github.com/owulveryck/onnx-go":
			v[m.Path] = versionOf(m)
		}
	}
	if revision := setting(build, "vcs.revision"); revision != "" && build.Main.Path == modulePath {
		if setting(build, "vcs.modified") == "true" {
			revision += "+dirty"
		}
		v["backstitch_revision"] = revision
	}
	return v
}

// versionOf returns the version of a module, and what took its place.
func versionOf(m *debug.Module) string {
	if m.Replace == nil {
		return m.Version
	}
	return strings.TrimSpace(fmt.Sprintf("%s, replaced by %s %s", m.Version, m.Replace.Path, m.Replace.Version))
}

func setting(build *debug.BuildInfo, key string) string {
	for _, s := range build.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// deciding are the settings of a build that may change a bit of a result.
var deciding = []string{"GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOFIPS140", "CGO_ENABLED", "CGO_CFLAGS", "-tags"}

// identify returns what tells a build from others: a hash of the versions of all its modules where these say what was built, and
// otherwise, in development, a hash of the executable.
func identify(build *debug.BuildInfo, executable func() (string, error)) (string, error) {
	var b strings.Builder
	fmt.Fprintln(&b, build.GoVersion)
	for _, m := range append([]*debug.Module{&build.Main}, build.Deps...) {
		if m = cmp.Or(m.Replace, m); m.Version == "" || m.Version == "(devel)" || strings.HasSuffix(m.Version, "+dirty") {
			sum, err := executable()
			return "executable " + sum, err
		}
		fmt.Fprintln(&b, m.Path, m.Version, m.Sum)
	}
	for _, s := range build.Settings {
		if slices.Contains(deciding, s.Key) {
			fmt.Fprintln(&b, s.Key, s.Value)
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	return "modules " + short(sum[:]), nil
}

// build identifies this binary.
var build = sync.OnceValues(func() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return identify(info, hashExecutable)
})

func hashExecutable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("run: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("run: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("run: %w", err)
	}
	return short(h.Sum(nil)), nil
}

// short writes the first half of a hash.
func short(sum []byte) string { return hex.EncodeToString(sum[:len(sum)/2]) }
