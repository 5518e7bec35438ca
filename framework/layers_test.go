// Package framework holds nothing but the test of the rules between its folders.
package framework

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed5b471a7e/backstitch/"

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	CgoFiles   []string
}

// name is the package's path in the module, or "" if it belongs to another.
func (p listed) name() string {
	if name, ours := strings.CutPrefix(p.ImportPath, module); ours {
		return name
	}
	return ""
}

// rules are the layers of ARCHITECTURE.md: each returns what it found broken in a package.
var rules = []struct {
	sentence string
	broken   func(p listed) []string
}{
	{"framework never imports plugins, modelzoo, recipes or tools", func(p listed) []string {
		if !strings.HasPrefix(p.name(), "framework/") {
			return nil
		}
		return among(p.Deps, func(path string) bool {
			return ours(path) && !strings.HasPrefix(path, module+"framework/")
		})
	}},
	{"a plugin imports framework/optim and the standard library only", func(p listed) []string {
		if !strings.HasPrefix(p.name(), "plugins/") || p.name() == "plugins/standard" {
			return nil
		}
		return among(p.Imports, func(path string) bool {
			return path != module+"framework/optim" && strings.Contains(strings.Split(path, "/")[0], ".")
		})
	}},
	{"compose is mathematics on states: it never imports onnx, model, program or an engine", func(p listed) []string {
		if p.name() != "framework/compose" {
			return nil
		}
		return among(p.Deps, func(path string) bool {
			name := strings.TrimPrefix(path, module)
			return ours(path) && (name == "framework/onnx" || name == "framework/model" || name == "framework/program" ||
				strings.HasPrefix(name, "framework/engine"))
		})
	}},
	{"onnx, array, plugin and dataset are leaves: they import no higher layer", func(p listed) []string {
		if !slices.Contains([]string{"framework/onnx", "framework/array", "framework/plugin", "framework/dataset"}, p.name()) {
			return nil
		}
		return among(p.Deps, func(path string) bool {
			return ours(path) && path != module+"framework/array" && path != module+"framework/plugin" && path != module+"framework/defect"
		})
	}},
	{"only framework/engine/ort imports onnxruntime_go", only("framework/engine/ort", "github.com/yalue/onnxruntime_go")},
	{"only framework/onnx imports onnx-go", only("framework/onnx", "github.com/owulveryck/onnx-go")},
	{"only framework/recipe imports a TOML library", only("framework/recipe", "github.com/BurntSushi/toml")},
	{"only framework/weights imports a safetensors library", only("framework/weights", "github.com/nlpodyssey/safetensors")},
	{"cgo lives in the plan engine's kernels only", func(p listed) []string {
		if strings.HasPrefix(p.name(), "framework/engine/plan/") {
			return nil
		}
		return p.CgoFiles
	}},
}

func only(allowed, library string) func(listed) []string {
	return func(p listed) []string {
		if p.name() == allowed {
			return nil
		}
		return among(p.Imports, func(path string) bool { return path == library || strings.HasPrefix(path, library+"/") })
	}
}

func ours(path string) bool { return strings.HasPrefix(path, module) }

func among(paths []string, bad func(string) bool) []string {
	var found []string
	for _, path := range paths {
		if bad(path) {
			found = append(found, path)
		}
	}
	return found
}

func TestLayers(t *testing.T) {
	command := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,CgoFiles", module+"...")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); packages++ {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			for _, path := range rule.broken(p) {
				t.Errorf("%s has %s, but %s", p.name(), path, rule.sentence)
			}
		}
	}
	if packages < 10 {
		t.Errorf("go list found %d packages only; the rules were not really checked", packages)
	}
}

func TestRulesCanFail(t *testing.T) {
	for i, p := range []listed{
		{ImportPath: module + "framework/run", Deps: []string{module + "plugins/sgd"}},
		{ImportPath: module + "plugins/sgd", Imports: []string{module + "framework/ops"}},
		{ImportPath: module + "framework/compose", Deps: []string{module + "framework/model"}},
		{ImportPath: module + "framework/onnx", Deps: []string{module + "framework/ops"}},
		{ImportPath: module + "framework/run", Imports: []string{"github.com/yalue/onnxruntime_go"}},
		{ImportPath: module + "framework/model", Imports: []string{"github.com/owulveryck/onnx-go/backend"}},
		{ImportPath: module + "tools/cli", Imports: []string{"github.com/BurntSushi/toml"}},
		{ImportPath: module + "framework/run", Imports: []string{"github.com/nlpodyssey/safetensors"}},
		{ImportPath: module + "framework/ops", CgoFiles: []string{"kernel.go"}},
	} {
		if len(rules[i].broken(p)) == 0 {
			t.Errorf("rule %q does not see %+v", rules[i].sentence, p)
		}
	}
}
