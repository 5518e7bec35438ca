package run

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/cpu"
)

// open makes the run's folder, or finds where a run in it stopped. The folder stays this process's own until release is called.
func (r *Run) open(o Options) (info Info, from checkpoint, lines []Line, release func() error, err error) {
	if info, err = r.info(o); err != nil {
		return info, from, nil, nil, err
	}
	l, begun, err := claim(o.Folder, o.Resume)
	if err != nil {
		return info, from, nil, nil, err
	}
	if begun {
		info, from, lines, err = r.resume(o, info)
	}
	if err == nil {
		err = WriteFile(filepath.Join(o.Folder, RecipeFile), func(w io.Writer) error {
			_, err := w.Write(r.Recipe.Source)
			return err
		})
	}
	if err == nil {
		err = writeInfo(o.Folder, info)
	}
	if err != nil {
		return info, from, nil, nil, errors.Join(err, l.Unlock())
	}
	return info, from, lines, l.Unlock, nil
}

// resume checks that the folder holds the same run, computed by the same build on the same kind of machine, and that its lines
// are those that the run records.
func (r *Run) resume(o Options, info Info) (Info, checkpoint, []Line, error) {
	old, err := Open(o.Folder)
	if err != nil {
		return info, checkpoint{}, nil, err
	}
	changes, err := r.Changes(old.Info)
	if err == nil {
		err = r.goesOn(o.Folder, changes)
	}
	if err == nil {
		err = r.checkLines(filepath.Join(o.Folder, MetricsFile), old.Lines)
	}
	if err != nil {
		return info, checkpoint{}, nil, err
	}
	from, err := r.loadCheckpoint(o.Folder)
	if err != nil {
		return info, from, nil, err
	}
	if from.lines > len(old.Lines) {
		o.notice("%s has %d whole lines, and the checkpoint was saved after %d: the run is computed again from its start, and the lines are compared",
			filepath.Join(o.Folder, MetricsFile), len(old.Lines), from.lines)
		from = checkpoint{}
	}
	info.ElapsedSeconds = old.Info.ElapsedSeconds
	for i := range info.Arrangements {
		if i < len(old.Info.Arrangements) {
			info.Arrangements[i].Evaluations = old.Info.Arrangements[i].Evaluations
			info.Arrangements[i].EvaluationSeconds = old.Info.Arrangements[i].EvaluationSeconds
		}
	}
	return info, from, old.Lines, nil
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
		Model: ModelInfo{Source: rc.Model.ONNX, SHA256: r.modelHash, Parameters: r.Program.Model.Size(), Constants: r.Program.Model.Constants},
		Data:  r.dataInfo(),
		Seeds: rc.Seeds, Steps: rc.Steps, Metrics: rc.Evaluate.Metrics,
		Engine: rc.Engine.Name, Kernels: rc.Engine.Engine.Kernels(), Precision: string(r.Program.Precision), Workers: o.Workers,
		Versions: Versions(), Build: identity, CPU: DescribeCPU(), Started: time.Now(),
	}
	if info.RecipeFolder, err = filepath.Abs(rc.Folder); err != nil {
		return info, fmt.Errorf("run: %w", err)
	}
	if info.SetFolder, err = filepath.Abs(rc.SetFolder); err != nil {
		return info, fmt.Errorf("run: %w", err)
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

// unitsOf returns the gradients and Hessian-vector products that lines account for.
func unitsOf(lines []Line) (units int) {
	for _, l := range lines {
		units += l.GradientSteps + l.HVPs
	}
	return units
}
