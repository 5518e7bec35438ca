package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	gomaps "maps" // maps are the steps of a run here
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// importModel imports the recipe's model. Where its only input has open dimensions, as many as the examples have, the data decide them,
// and the run's recipe says so.
func (r *Run) importModel(ctx context.Context, source *onnx.Model) (*model.Model, error) {
	options := r.Recipe.Model.Options()
	m, err := model.Import(source, options)
	var open *model.OpenError
	if errors.As(err, &open) {
		inputs, failure := model.Inputs(source, options)
		if err := cmp.Or(failure, one(inputs)); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Recipe.Model.ONNX, err)
		}
		if options.Dims, err = r.inferDims(ctx, source, open); err == nil {
			m, err = model.Import(source, options)
		}
	}
	if err == nil {
		err = one(m.Inputs)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Recipe.Model.ONNX, err)
	}
	return m, nil
}

// one refuses models that are fed more than examples.
func one(inputs []model.Input) error {
	if len(inputs) == 1 {
		return nil
	}
	return fmt.Errorf("the model has %d inputs, and data sets hold one; %s", len(inputs), model.HowToFix(inputs[1:]...))
}

// inferDims loads the data, and returns the recipe's sizes with those that the data add.
func (r *Run) inferDims(ctx context.Context, source *onnx.Model, open *model.OpenError) (map[string]int, error) {
	rc := *r.Recipe
	var err error
	if r.Data, err = dataset.Load(ctx, rc.Data.Source, rc.Data.Preparation); err != nil {
		return nil, fmt.Errorf("%w (they are needed: %w)", err, open)
	}
	example := append([]int{rc.Data.Batch}, r.Data.Train.Shape...)
	shapes := map[string][]int{}
	for _, d := range open.Dimensions {
		shapes[d.Input] = example
	}
	inferred, err := model.Infer(source, rc.Model.Options(), shapes)
	if err != nil {
		return nil, err
	}
	if len(inferred) == 0 {
		return nil, fmt.Errorf("%w; the data set %s, with examples of shape %v, does not say", open, r.Data.Name, r.Data.Train.Shape)
	}
	r.inferred = inferred
	rc.Model.Dims = gomaps.Clone(inferred)
	gomaps.Copy(rc.Model.Dims, r.Recipe.Model.Dims)
	r.Recipe = &rc
	return rc.Model.Dims, nil
}

// inferredNote says which sizes are the data's.
func (r *Run) inferredNote() string {
	return fmt.Sprintf("Dimensions that the model leaves open have the sizes of the data: dims = %s.", inlineTable(r.inferred))
}

// inlineTable writes sizes as a recipe does.
func inlineTable(dims map[string]int) string {
	var list []string
	for _, key := range slices.Sorted(gomaps.Keys(dims)) {
		list = append(list, fmt.Sprintf("%s = %d", plugin.Key(key), dims[key]))
	}
	return "{" + strings.Join(list, ", ") + "}"
}
