package run

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
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
	changes, err := r.Changes(old.Info)
	if err != nil {
		return info, checkpoint{}, err
	}
	if len(changes) > 0 {
		return info, checkpoint{}, fmt.Errorf("run: the run in %s cannot be resumed: %s", o.Folder, inWords(changes))
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

// info describes the run before it starts.
func (r *Run) info(o Options) (Info, error) {
	rc := r.Recipe
	resolved, err := json.Marshal(rc.Resolved())
	if err != nil {
		return Info{}, fmt.Errorf("run: %w", err)
	}
	identity, err := build()
	if err != nil {
		return Info{}, err
	}
	info := Info{
		Name:   rc.Name,
		Status: Running,
		Recipe: resolved, Set: rc.Set, Notes: r.Notes(),
		Model: ModelInfo{Source: rc.Model.ONNX, SHA256: r.modelHash, Parameters: r.Program.Model.Size()},
		Data:  r.dataInfo(),
		Seeds: rc.Seeds, Steps: rc.Steps, Metrics: rc.Evaluate.Metrics,
		Engine: rc.Engine.Name, Kernels: rc.Engine.Engine.Kernels(), Precision: string(r.Program.Precision), Workers: o.Workers,
		Versions: Versions(), Build: identity, CPU: DescribeCPU(), Started: time.Now(),
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

// dataInfo identifies the data, whose hash takes a moment and is computed once.
func (r *Run) dataInfo() DataInfo {
	d := r.Data
	if r.dataHash == "" {
		sum := d.Sum256()
		r.dataHash = hex.EncodeToString(sum[:])
	}
	return DataInfo{Name: d.Name, SHA256: r.dataHash, Train: d.Train.Len(), Test: d.Test.Len()}
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
