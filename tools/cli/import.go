package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// openModel reads zoo:NAME or a file.
func openModel(reference string) (*onnx.Model, error) {
	if name, zoo := strings.CutPrefix(reference, recipe.ZooPrefix); zoo {
		return buildModel(name, 0)
	}
	m, err := onnx.Load(reference)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(modelzoo.Names(), reference) {
		return nil, exitError{err, exitFailure, fmt.Sprintf("did you mean %q?", recipe.ZooPrefix+reference)}
	}
	return m, err
}

// openUntrained is openModel where the weights do not matter, for which a model of the zoo has zeros.
func openUntrained(reference string) (*onnx.Model, error) {
	if name, zoo := strings.CutPrefix(reference, recipe.ZooPrefix); zoo && slices.Contains(modelzoo.Names(), name) {
		return modelzoo.Untrained(name)
	}
	return openModel(reference)
}

// buildModel builds a model of the zoo, whose weights depend on the seed.
func buildModel(name string, seed uint64) (*onnx.Model, error) {
	if err := known("model", name, modelzoo.Names()); err != nil {
		return nil, err
	}
	return modelzoo.Build(name, seed)
}

// importModel opens a model and imports what the options choose of it.
func importModel(reference string, o model.Options) (*model.Model, error) {
	source, err := openModel(reference)
	if err != nil {
		return nil, err
	}
	m, err := model.Import(source, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reference, err)
	}
	return m, nil
}
