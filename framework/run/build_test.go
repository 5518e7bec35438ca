package run

import (
	"errors"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestABuildIsKnownByItsModulesOrElseByTheExecutable(t *testing.T) {
	release := func(change func(*debug.BuildInfo)) *debug.BuildInfo {
		b := &debug.BuildInfo{
			GoVersion: "go1.26.0", Main: debug.Module{Path: modulePath, Version: "v1.0.0"},
			Deps:     []*debug.Module{{Path: "gorgonia.org/tensor", Version: "v0.9.24", Sum: "h1:a"}},
			Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "1"}, {Key: "vcs.time", Value: "today"}},
		}
		if change != nil {
			change(b)
		}
		return b
	}
	executable := func() (string, error) { return "abc", nil }
	want, err := identify(release(nil), executable)
	if err != nil || !strings.HasPrefix(want, "modules ") {
		t.Fatalf("%q, %v", want, err)
	}
	for rule, c := range map[string]struct {
		change func(*debug.BuildInfo)
		same   bool
	}{
		"when it was built":   {func(b *debug.BuildInfo) { b.Settings[1].Value = "tomorrow" }, true},
		"a plugin's version":  {func(b *debug.BuildInfo) { b.Deps = append(b.Deps, &debug.Module{Path: "x", Version: "v1.0.0"}) }, false},
		"a module's version":  {func(b *debug.BuildInfo) { b.Deps[0].Version = "v0.9.25" }, false},
		"a module's content":  {func(b *debug.BuildInfo) { b.Deps[0].Sum = "h1:b" }, false},
		"its own version":     {func(b *debug.BuildInfo) { b.Main.Version = "v1.0.1" }, false},
		"Go's version":        {func(b *debug.BuildInfo) { b.GoVersion = "go1.26.1" }, false},
		"with C or without":   {func(b *debug.BuildInfo) { b.Settings[0].Value = "0" }, false},
		"a replaced module":   {func(b *debug.BuildInfo) { b.Deps[0].Replace = &debug.Module{Path: "y", Version: "v2.0.0"} }, false},
		"in development":      {func(b *debug.BuildInfo) { b.Main.Version = "(devel)" }, false},
		"with changed files":  {func(b *debug.BuildInfo) { b.Main.Version += "+dirty" }, false},
		"a module's folder":   {func(b *debug.BuildInfo) { b.Deps[0].Replace = &debug.Module{Path: "../y"} }, false},
		"without information": {func(b *debug.BuildInfo) { *b = debug.BuildInfo{} }, false},
	} {
		if got, err := identify(release(c.change), executable); err != nil || (got == want) != c.same {
			t.Errorf("%s: %q, %v; without: %q", rule, got, err, want)
		}
	}
	if got, _ := identify(&debug.BuildInfo{}, executable); got != "executable abc" {
		t.Errorf("in development a build is %q", got)
	}
	failure := errors.New("no")
	if _, err := identify(&debug.BuildInfo{}, func() (string, error) { return "", failure }); !errors.Is(err, failure) {
		t.Errorf("an executable that cannot be read: %v", err)
	}
	if sum, err := hashExecutable(); err != nil || len(sum) != 32 {
		t.Errorf("this executable is %q, %v", sum, err)
	}
}

func TestVersionsNameWhatComputes(t *testing.T) {
	own := debug.Module{Path: modulePath, Version: "v0.0.0-2026-abcdef+dirty"}
	tensor := &debug.Module{Path: "gorgonia.org/tensor", Version: "v0.9.24"}
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for rule, c := range map[string]struct {
		build debug.BuildInfo
		want  map[string]string
	}{
		"built here": {debug.BuildInfo{Main: own, Settings: settings, Deps: []*debug.Module{tensor, {Path: "github.com/yalue/onnxruntime_go", Version: "v1"}}},
			map[string]string{"backstitch": own.Version, "backstitch_revision": "abcdef+dirty", "gorgonia.org/tensor": "v0.9.24"}},
		"built with plugins, in a repository of theirs": {debug.BuildInfo{Main: debug.Module{Path: "x"}, Settings: settings, Deps: []*debug.Module{&own}},
			map[string]string{"backstitch": own.Version}},
		"nothing is known": {debug.BuildInfo{}, map[string]string{}},
	} {
		c.want["go"] = runtime.Version()
		if got := versions(&c.build); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", rule, got, c.want)
		}
	}
	for want, m := range map[string]*debug.Module{
		"v1.0.0":                       {Version: "v1.0.0"},
		"v1.0.0, replaced by ../x":     {Version: "v1.0.0", Replace: &debug.Module{Path: "../x"}},
		"v1.0.0, replaced by y v2.0.0": {Version: "v1.0.0", Replace: &debug.Module{Path: "y", Version: "v2.0.0"}},
		"(devel)":                      {Version: "(devel)"},
		"v0.0.0-2026-abcdef+dirty":     {Version: "v0.0.0-2026-abcdef+dirty"},
	} {
		if got := versionOf(m); got != want {
			t.Errorf("a version is %q, want %q", got, want)
		}
	}
}
