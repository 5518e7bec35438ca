package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// plan is what a dry run prints.
type plan struct {
	Recipe        string       `json:"recipe"`
	Model         string       `json:"model"`
	Parameters    int          `json:"parameters"`
	GradientSteps int64        `json:"gradient_steps"`
	Arrangements  []run.Cost   `json:"arrangements"`
	StateBytes    int64        `json:"state_bytes"`
	Workers       int          `json:"workers"`
	Estimate      run.Estimate `json:"estimate"`
	Notes         []string     `json:"notes,omitempty"`
}

func printPlan(c *cobra.Command, r *run.Run, workers int, asJSON bool) error {
	estimate, err := r.Estimate(c.Context(), 2*time.Second, workers)
	if err != nil {
		return err
	}
	p := plan{
		Recipe: r.Recipe.Name, Model: r.Recipe.Model.ONNX, Parameters: r.Program.Model.Size(),
		Arrangements: r.Costs, StateBytes: r.StateBytes(), Workers: workers, Estimate: estimate, Notes: r.Notes(),
	}
	for _, cost := range r.Costs {
		p.GradientSteps += cost.Steps
	}
	if asJSON {
		return printJSON(c, p)
	}
	return p.print(c.OutOrStdout())
}

func (p plan) print(w io.Writer) error {
	t := newTable(w)
	t.row("model", fmt.Sprintf("%s, %s", p.Model, several(p.Parameters, "parameter")))
	t.row("memory", size(p.StateBytes)+" a state: one for each chain at work, one for each iterate that others start from")
	t.row("time", fmt.Sprintf("about %s on %s (%.3g ms a step, %.3g ms an evaluation)", about(p.Estimate.TotalSeconds),
		several(p.Workers, "worker"), p.Estimate.StepSeconds*1e3, p.Estimate.EvaluationSeconds*1e3))
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = newTable(w, "arrangement", "kind", "iterates", "steps per seed", "steps")
	for _, cost := range p.Arrangements {
		t.row(cost.Arrangement, cost.Kind, count(int64(cost.Iterates)), count(cost.PerSeed), count(cost.Steps))
	}
	t.row("all", "", "", "", count(p.GradientSteps))
	if err := t.flush(); err != nil {
		return err
	}
	for _, note := range p.Notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	return nil
}
