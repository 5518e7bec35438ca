package run

import (
	"encoding/json"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/model"
)

// Info is run.json: what was run, on what, and what it cost.
type Info struct {
	Name           string            `json:"name"`
	Status         Status            `json:"status"`
	Recipe         json.RawMessage   `json:"recipe"`          // resolved: every option with its value
	Set            []string          `json:"set,omitempty"`   // the overrides that the run was started with
	RecipeFolder   string            `json:"recipe_folder"`   // what relative paths in RecipeFile are relative to
	SetFolder      string            `json:"set_folder"`      // what those in Set are: where the run was started
	Notes          []string          `json:"notes,omitempty"` // see Run.Notes
	Model          ModelInfo         `json:"model"`
	Data           DataInfo          `json:"data"`
	Seeds          []uint64          `json:"seeds"`
	Steps          int               `json:"steps"`
	Metrics        []string          `json:"metrics"`
	Engine         string            `json:"engine"`
	Kernels        string            `json:"kernels"` // of the engine
	Precision      string            `json:"dtype"`
	Workers        int               `json:"workers"`
	Versions       map[string]string `json:"versions"`
	Build          string            `json:"build"` // what tells the binary from others
	CPU            CPUInfo           `json:"cpu"`
	Started        time.Time         `json:"started"`
	Ended          time.Time         `json:"ended,omitzero"`
	GradientSteps  int64             `json:"gradient_steps"` // planned, over all arrangements and seeds
	Arrangements   []ArrangementInfo `json:"arrangements"`
	Diverged       []Divergence      `json:"diverged,omitempty"`
	ElapsedSeconds float64           `json:"elapsed_seconds"`
}

// Divergence says where the numbers of an arrangement or average with one seed overflowed. Steps lead on from there to nothing, but an
// iterate that starts from an earlier one may be finite.
type Divergence struct {
	Arrangement string `json:"arrangement"`
	Seed        uint64 `json:"seed"`
	Finite      int    `json:"last_finite_iterate"` // of those that were evaluated before the first that diverged; 0 for none
	Iterate     int    `json:"first_diverged_iterate"`
	Iterates    int    `json:"diverged_iterates"` // of those that were evaluated
}

// Status says how far a run came.
type Status string

// The states of a run.
const (
	Running     Status = "running"
	Finished    Status = "finished"
	Interrupted Status = "interrupted"
	Failed      Status = "failed"
)

// ModelInfo identifies the model.
type ModelInfo struct {
	Source     string           `json:"source"` // zoo:NAME or the path in the recipe
	SHA256     string           `json:"sha256"` // of the file and its external data
	Parameters int              `json:"parameters"`
	Constants  []model.Constant `json:"constants,omitempty"` // what the file holds like parameters, and why it is none
}

// DataInfo identifies the data as they were loaded, resized and normalized.
type DataInfo struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Train  int    `json:"train_examples"`
	Test   int    `json:"test_examples"`
}

// CPUInfo says where the numbers were computed; bits are reproducible on one instruction set only.
type CPUInfo struct {
	Architecture   string `json:"architecture"`
	InstructionSet string `json:"instruction_set"`
	Cores          int    `json:"cores"`
}

// ArrangementInfo is what one arrangement, or an average of its iterates, cost over all seeds. Seconds are summed over workers, and those of
// training do not count evaluation; an average is evaluated with its arrangement.
type ArrangementInfo struct {
	Name              string  `json:"name"`
	Kind              string  `json:"kind"`
	AverageOf         string  `json:"average_of,omitempty"`
	GradientSteps     int64   `json:"gradient_steps"`
	HVPs              int64   `json:"hessian_vector_products,omitempty"`
	Merged            int     `json:"merged,omitempty"`      // iterates, with the trajectories of others
	MergeError        float64 `json:"merge_error,omitempty"` // the largest that was measured, in the number of a state that differs most
	Seconds           float64 `json:"seconds"`
	Evaluations       int     `json:"evaluations"` // of states
	EvaluationSeconds float64 `json:"evaluation_seconds"`
	EvaluationShare   float64 `json:"evaluation_share"` // of the time
}
