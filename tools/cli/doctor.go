package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// finding is one line of the doctor's report.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Hint   string `json:"hint,omitempty"`
}

func newDoctor() *cobra.Command {
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "Report versions, processor, optional libraries and data, and how to get what is missing",
		Example: "  backstitch doctor",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		findings := examine(c)
		if *asJSON {
			return printJSON(c, findings)
		}
		t := newTable(c.OutOrStdout())
		for _, f := range findings {
			t.row(f.Name, f.Status)
			if f.Hint != "" {
				t.row("", "hint: "+f.Hint)
			}
		}
		return t.flush()
	}
	return c
}

func examine(c *cobra.Command) []finding {
	findings := []finding{
		{Name: "backstitch", Status: version()},
		{Name: "go", Status: fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)},
	}
	cpu := run.DescribeCPU()
	findings = append(findings,
		finding{Name: "processor", Status: fmt.Sprintf("%d cores, %s (%s)", cpu.Cores, cpu.Architecture, cpu.InstructionSet)},
		examineKernels(),
		finding{Name: "engines", Status: strings.Join(engine.Names(), ", ")},
		onnxRuntime(),
		finding{Name: "data folder", Status: cmp.Or(os.Getenv("BACKSTITCH_DATA"), "BACKSTITCH_DATA is not set: Debian's folders only")},
		finding{Name: "cuda", Status: "not used: no engine that is built in computes on a GPU"},
	)
	for _, name := range dataset.Names() {
		findings = append(findings, examineData(c, name))
	}
	return findings
}

// examineKernels says which kernels the plan engine uses, of those that it could.
func examineKernels() finding {
	f := finding{Name: "kernels", Status: fmt.Sprintf("%s (of %s; BACKSTITCH_KERNELS chooses)", kernel.Set(), strings.Join(kernel.Sets(), ", "))}
	if !kernel.Native {
		f.Status, f.Hint = "in Go: "+withoutCompiler, compilerHint
	}
	return f
}

func onnxRuntime() finding {
	path, err := ort.Library()
	if err != nil {
		return finding{"ONNX Runtime", "not found (optional)", err.Error()}
	}
	version, err := ort.Version()
	if err != nil {
		return finding{"ONNX Runtime", "found, but it does not load: " + path, err.Error()}
	}
	return finding{Name: "ONNX Runtime", Status: fmt.Sprintf("%s (%s)", version, path)}
}

func examineData(c *cobra.Command, name string) finding {
	f := finding{Name: "data " + name}
	source, err := dataset.New(name)
	if err != nil {
		f.Status = err.Error()
		return f
	}
	data, err := source.Load(c.Context())
	if errors.Is(err, fs.ErrNotExist) {
		f.Status, f.Hint = "not found", err.Error()
		return f
	}
	if err != nil {
		f.Status, f.Hint = "found, but it cannot be read", err.Error()
		return f
	}
	f.Status = fmt.Sprintf("%s training examples, %s test examples", count(int64(data.Train.Len())), count(int64(data.Test.Len())))
	return f
}
