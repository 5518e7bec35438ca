package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/cpu"
)

// open makes the run's folder, or finds where a run in it stopped.
func (r *Run) open(o Options) (Info, checkpoint, error) {
	info, err := r.info(o)
	if err != nil {
		return info, checkpoint{}, err
	}
	if o.Resume {
		return r.resume(o, info)
	}
	if entries, err := os.ReadDir(o.Folder); err == nil && len(entries) > 0 {
		return info, checkpoint{}, fmt.Errorf("run: the folder %s is not empty: resume the run in it, or choose another", o.Folder)
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return info, checkpoint{}, fmt.Errorf("run: %w", err)
	}
	err = WriteFile(filepath.Join(o.Folder, RecipeFile), func(w io.Writer) error {
		_, err := w.Write(r.Recipe.Source)
		return err
	})
	if err != nil {
		return info, checkpoint{}, err
	}
	return info, checkpoint{}, writeInfo(o.Folder, info)
}

// resume checks that the folder holds the same run, computed on the same kind of machine.
func (r *Run) resume(o Options, info Info) (Info, checkpoint, error) {
	old, err := Open(o.Folder)
	if err != nil {
		return info, checkpoint{}, err
	}
	for what, same := range map[string]bool{
		"recipe":          sameRecipe(old.Info.Recipe, info.Recipe),
		"model":           old.Info.Model.SHA256 == info.Model.SHA256,
		"architecture":    old.Info.CPU.Architecture == info.CPU.Architecture,
		"instruction set": old.Info.CPU.InstructionSet == info.CPU.InstructionSet,
		"engine's kernels (see BACKSTITCH_KERNELS)": old.Info.Kernels == info.Kernels,
	} {
		if !same {
			return info, checkpoint{}, fmt.Errorf("run: the run in %s cannot be resumed: its %s differs", o.Folder, what)
		}
	}
	from, err := loadCheckpoint(o.Folder, r.jobs)
	if err != nil {
		return info, from, err
	}
	info.ElapsedSeconds = old.Info.ElapsedSeconds
	for i := range info.Arrangements {
		if i < len(old.Info.Arrangements) {
			info.Arrangements[i].Evaluations = old.Info.Arrangements[i].Evaluations
			info.Arrangements[i].EvaluationSeconds = old.Info.Arrangements[i].EvaluationSeconds
		}
	}
	return info, from, writeInfo(o.Folder, info)
}

// sameRecipe compares recipes, one of which went through an indented file.
func sameRecipe(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && x.String() == y.String()
}

// info describes the run before it starts.
func (r *Run) info(o Options) (Info, error) {
	rc := r.Recipe
	resolved, err := json.Marshal(rc.Resolved())
	if err != nil {
		return Info{}, fmt.Errorf("run: %w", err)
	}
	info := Info{
		Name:   rc.Name,
		Status: Running,
		Recipe: resolved, Set: rc.Set, Notes: r.Notes(),
		Model: ModelInfo{Source: rc.Model.ONNX, SHA256: r.modelHash, Parameters: r.Program.Model.Size()},
		Seeds: rc.Seeds, Steps: rc.Steps, Metrics: rc.Evaluate.Metrics,
		Engine: rc.Engine.Name, Kernels: rc.Engine.Engine.Kernels(), Precision: string(r.Program.Precision), Workers: o.Workers,
		Versions: Versions(), CPU: DescribeCPU(), Started: time.Now(),
	}
	for _, c := range r.Costs {
		info.GradientSteps += c.Steps
		info.Arrangements = append(info.Arrangements, ArrangementInfo{Name: c.Arrangement, Kind: c.Kind})
		for _, average := range r.averages(c.Arrangement) {
			info.Arrangements = append(info.Arrangements, ArrangementInfo{Name: average.Name, Kind: average.Kind, AverageOf: average.Of})
		}
	}
	return info, nil
}

// DescribeCPU names what decides the bits of a result.
func DescribeCPU() CPUInfo {
	set := "generic"
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL:
		set = "avx512"
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		set = "avx2"
	case cpu.ARM64.HasASIMD:
		set = "neon"
	}
	return CPUInfo{runtime.GOARCH, set, runtime.NumCPU()}
}

// Versions names the code that computes: Go, this module, and those it stands on.
func Versions() map[string]string {
	v := map[string]string{"go": runtime.Version()}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range append(build.Deps, &build.Main) {
		switch m.Path {
		case "github.com/seed5b471a7e/backstitch":
			v["backstitch"] = m.Version
		case "gorgonia.org/gorgonia", "gorgonia.org/tensor", "gonum.org/v1/gonum",
			"github.com/owulveryck/onnx-go", "github.com/yalue/onnxruntime_go":
			v[m.Path] = m.Version
		}
	}
	return v
}

// stepsOf returns the gradients and Hessian-vector products that the first lines of a folder's metrics account for.
func stepsOf(folder string, lines int) (int, error) {
	recorded, _, err := readLines(filepath.Join(folder, MetricsFile))
	steps := 0
	for _, l := range recorded[:min(lines, len(recorded))] {
		steps += l.GradientSteps + l.HVPs
	}
	return steps, err
}
