package cli

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// calibration is how long a dry run measures; tests take less.
var calibration = 2 * time.Second

// plan is what a dry run prints.
type plan struct {
	Recipe        string     `json:"recipe"`
	Model         string     `json:"model"`
	Parameters    int        `json:"parameters"`
	GradientSteps int64      `json:"gradient_steps"`
	HVPs          int64      `json:"hessian_vector_products,omitempty"`
	Arrangements  []run.Cost `json:"arrangements"`
	StateBytes    int64      `json:"state_bytes"`
	WeightsBytes  int64      `json:"weights_bytes"` // of the files that stay
	weightsFiles  int
	Workers       int          `json:"workers"`
	Estimate      run.Estimate `json:"estimate"`
	Notes         []string     `json:"notes,omitempty"`
}

func printPlan(c *cobra.Command, r *run.Run, workers int, asJSON bool) error {
	estimate, err := heard(c.Context(), func() (run.Estimate, error) { return r.Estimate(c.Context(), calibration, workers) })
	if err != nil {
		return err
	}
	p := plan{
		Recipe: r.Recipe.Name, Model: r.Recipe.Model.ONNX, Parameters: r.Program.Model.Size(),
		Arrangements: r.Costs, StateBytes: r.StateBytes(), Workers: workers, Estimate: estimate, Notes: r.Notes(),
	}
	p.WeightsBytes, p.weightsFiles = r.WeightsBytes()
	for _, cost := range r.Costs {
		p.GradientSteps += cost.Steps
		p.HVPs += cost.HVPs
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
	if p.weightsFiles > 0 {
		t.row("disk", fmt.Sprintf("%s of kept weights, in %s", size(p.WeightsBytes), several(p.weightsFiles, "file")))
	}
	each := fmt.Sprintf("%.3g ms a step, %.3g ms an evaluation", p.Estimate.StepSeconds*1e3, p.Estimate.EvaluationSeconds*1e3)
	if p.HVPs > 0 {
		each += fmt.Sprintf(", %.3g ms a Hessian-vector product", p.Estimate.HVPSeconds*1e3)
	}
	t.row("time", fmt.Sprintf("%s %s on %s (%s)", atMost(p.bounded(), "about"), about(p.Estimate.TotalSeconds), several(p.Workers, "worker"), each))
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	header := []string{"arrangement", "kind", "iterates", "steps per seed", "steps"}
	if p.HVPs > 0 {
		header = append(header, "Hessian-vector products")
	}
	t = newTable(w, header...)
	row := func(hvps int64, cells ...string) {
		if p.HVPs > 0 {
			cells = append(cells, count(hvps))
		}
		t.row(cells...)
	}
	for _, cost := range p.Arrangements {
		row(cost.HVPs, cost.Arrangement, cost.Kind, count(int64(cost.Iterates)), count(cost.PerSeed), count(cost.Steps))
	}
	row(p.HVPs, "all", "", "", "", count(p.GradientSteps))
	if err := t.flush(); err != nil {
		return err
	}
	for _, cost := range p.Arrangements {
		switch {
		case cost.ExtraEvaluations > 0:
			fmt.Fprintf(w, "\n%s is reset where it improves: its steps are at most these, and %s that nobody records\n",
				cost.Arrangement, several(int(cost.ExtraEvaluations), "evaluation"))
		case cost.UpperBound:
			fmt.Fprintf(w, "\n%s decides while it runs: its steps are at most these\n", cost.Arrangement)
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	return nil
}

// bounded reports whether the numbers are upper bounds.
func (p plan) bounded() bool {
	return slices.ContainsFunc(p.Arrangements, func(c run.Cost) bool { return c.UpperBound })
}

func atMost(bounded bool, otherwise string) string {
	if bounded {
		return "at most " + otherwise
	}
	return otherwise
}
