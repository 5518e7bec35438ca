package cli

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPlugins runs the scripts that build binaries. They need nothing from a network.
func TestPlugins(t *testing.T) {
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/plugin",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CHECKOUT", checkout)
			e.Setenv("BINARY", binary)
			e.Setenv("GOCACHE", caches[0])
			e.Setenv("GOMODCACHE", caches[1])
			e.Setenv("GOPROXY", "off")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "jsonl": documents, "publish": publishFolder},
	})
}

// publish FOLDER MODULE VERSION puts a module into the folder proxy, which can be a GOPROXY.
func publishFolder(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(publish(ts.MkAbs("proxy"), args[1], args[2], os.DirFS(ts.MkAbs(args[0]))))
}

func TestWithIsAModuleOrAPath(t *testing.T) {
	for text, want := range map[string]added{
		"example.com/mine":                 {module: "example.com/mine"},
		"example.com/mine@v1.2.0":          {module: "example.com/mine", version: "v1.2.0"},
		"example.com/mine=../mine":         {module: "example.com/mine", dir: "../mine"},
		"example.com/mine@v1.2.0=/x/a=b@c": {module: "example.com/mine", version: "v1.2.0", dir: "/x/a=b@c"},
		"mine":                             {module: "mine"},
		"./mine":                           {dir: "./mine"},
		"../a=b":                           {dir: "../a=b"},
		".":                                {dir: "."},
		"/x/mine@v1":                       {dir: "/x/mine@v1"},
	} {
		if got, err := splitWith(text); got != want || err != nil {
			t.Errorf("--with %s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "=", "@", "=./mine", "@v1", "-x", "a b", "a\n", "a@", "a@=b", "a@b c=d", "a="} {
		if got, err := splitWith(text); err == nil {
			t.Errorf("--with %q is %+v, want an error", text, got)
		}
	}
}

func TestModulesFromFoldersHaveTheirMajorVersion(t *testing.T) {
	for module, want := range map[string]string{
		"example.com/mine": "v0.0.0", "example.com/mine/v2": "v2.0.0", "example.com/v2/mine": "v0.0.0", "gopkg.in/mine.v3": "v3.0.0",
		"example.com/mine.v3": "v0.0.0",
	} {
		if got := unpublished(module); got != want {
			t.Errorf("%s is required at %s, want %s", module, got, want)
		}
	}
}

func TestPathsInErrorsAreSeenFromHere(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(filepath.Dir(here), "elsewhere", "build")
	from, err := filepath.Rel(there, here)
	if err != nil {
		t.Fatal(err)
	}
	said := "# example.com/mine\n" + from + "/mine/mine.go:3:5: undefined: x\nsee " + from + "\n"
	want := "# example.com/mine\nmine/mine.go:3:5: undefined: x\nsee " + from + "\n"
	if got := asSeenFromHere(there, said); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A plugin that is begun with a released binary requires that release and replaces nothing.
func TestAReleaseIsRequiredAtItsVersion(t *testing.T) {
	proxy := t.TempDir()
	if err := publish(proxy, backstitchModule, "v1.2.3", fstest.MapFS{
		"go.mod": {Data: []byte("module " + backstitchModule + "\n\ngo 1.26.0\n\nrequire example.com/x v1.0.0\n")},
		"go.sum": {Data: []byte("example.com/x v1.0.0 h1:x\n")},
	}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOPROXY", "file://"+proxy)
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GONOSUMDB", "*")
	s, err := fetch(t.Context(), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	files, err := pluginModule{Kind: "optimizer", Name: "mine", Type: "Mine", Module: "example.com/mine"}.files(s)
	if err != nil {
		t.Fatal(err)
	}
	want := "module example.com/mine\n\ngo 1.26.0\n\nrequire " + backstitchModule + " v1.2.3\n\nrequire (\n\texample.com/x v1.0.0 // indirect\n)\n"
	if got := string(files["go.mod"]); got != want {
		t.Errorf("go.mod is\n%s\nwant\n%s", got, want)
	}
	if _, err := fetch(t.Context(), "v9.9.9"); err == nil {
		t.Error("a version that does not exist was fetched")
	}
}

// publish puts a version of a module into a folder that can be a GOPROXY.
func publish(proxy, module, version string, files fs.FS) error {
	goMod, err := fs.ReadFile(files, "go.mod")
	if err != nil {
		return err
	}
	archive, err := zipModule(module+"@"+version, files)
	if err != nil {
		return err
	}
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	versions, err := os.ReadFile(filepath.Join(dir, "list"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name, content := range map[string][]byte{
		version + ".info": []byte(`{"Version":"` + version + `"}`),
		version + ".mod":  goMod,
		version + ".zip":  archive,
		"list":            append(versions, version+"\n"...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func zipModule(prefix string, files fs.FS) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		f, err := w.Create(prefix + "/" + name)
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	})
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}
