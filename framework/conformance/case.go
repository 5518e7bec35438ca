package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// modelFile is the file that makes a folder a test.
const modelFile = "model.onnx"

// Test is a folder that holds a model and data sets: ROOT/GROUP/NAME.
type Test struct {
	Group, Name, Folder string
}

// Find returns the tests in a folder, which may be a test itself, a group of tests, or a collection of groups, in alphabetical
// order.
func Find(folder string) ([]Test, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	var tests []Test
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == modelFile {
			test := filepath.Dir(path)
			tests = append(tests, Test{filepath.Base(filepath.Dir(test)), filepath.Base(test), test})
		}
		return err
	})
	if err == nil && len(tests) == 0 {
		err = fmt.Errorf("%s: no folder in it holds a %s", folder, modelFile)
	}
	return tests, err
}

// Case is a test in memory.
type Case struct {
	Model     *onnx.Model
	Precision array.DType // in which it is computed: float64 if an input or an output of the graph is DOUBLE, else float32
	DataSets  []DataSet

	name string
}

// DataSet holds tensors for the inputs that are fed, under their names, and the outputs that must come of them, in their order.
type DataSet struct {
	Name            string
	Inputs, Outputs []*onnx.Tensor
}

// Load reads a test. The error is a [*model.Refusal] if its values are other than tensors of numbers.
func (t Test) Load() (*Case, error) {
	c := t.newCase()
	if err := c.load(t.Folder); err != nil {
		return nil, err
	}
	return c, nil
}

func (t Test) newCase() *Case { return &Case{name: t.Name, Precision: array.Float32} }

// load reads a test's folder. After an error the case holds what was read before.
func (c *Case) load(folder string) error {
	m, err := onnx.Load(filepath.Join(folder, modelFile))
	if err != nil {
		return err
	}
	c.Model = raised(m)
	inputs := fed(m.Graph)
	for _, v := range slices.Concat(inputs, m.Graph.Outputs) {
		if err := readable(v); err != nil {
			return err
		}
		if v.DType == onnx.Double {
			c.Precision = array.Float64
		}
	}
	folders, err := filepath.Glob(filepath.Join(folder, "test_data_set_*"))
	if err == nil && len(folders) == 0 {
		err = errors.New("the test has no data set: no folder test_data_set_*")
	}
	for _, data := range folders {
		set := DataSet{Name: filepath.Base(data)}
		if set.Inputs, err = readTensors(data, "input", inputs); err != nil {
			return err
		}
		if set.Outputs, err = readTensors(data, "output", m.Graph.Outputs); err != nil {
			return err
		}
		c.DataSets = append(c.DataSets, set)
	}
	return err
}

// raised returns a model of an older opset as one of the first opset that is imported. ONNX's tests give some operators that opset 1
// brought, and that did not change before the first, such a model; what did change would fail the test. A file that names no opset stays
// as it is.
func raised(m *onnx.Model) *onnx.Model {
	opset, named := m.Opsets[""]
	if !named || opset >= model.MinOpset {
		return m
	}
	c := *m
	c.Opsets = maps.Clone(m.Opsets)
	c.Opsets[""] = model.MinOpset
	return &c
}

// fed returns the inputs that are no initializers.
func fed(g *onnx.Graph) []*onnx.ValueInfo {
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(in *onnx.ValueInfo) bool {
		return slices.ContainsFunc(g.Initializers, func(t *onnx.Tensor) bool { return t.Name == in.Name })
	})
}

func readable(v *onnx.ValueInfo) error {
	switch {
	case v.Kind != onnx.KindTensor:
		return refusal("%v values are not supported", v.Kind)
	case v.DType == onnx.String || v.DType == onnx.Complex64 || v.DType == onnx.Complex128:
		return refusal("%v elements are not supported", v.DType)
	}
	return nil
}

func refusal(format string, a ...any) error {
	return &model.Refusal{Problems: []model.Problem{{Reason: fmt.Sprintf(format, a...)}}}
}

// readTensors reads the files KIND_0.pb, KIND_1.pb and so on of a data set, as the values that the graph declares.
func readTensors(folder, kind string, declared []*onnx.ValueInfo) ([]*onnx.Tensor, error) {
	tensors := make([]*onnx.Tensor, len(declared))
	for i, v := range declared {
		path := filepath.Join(folder, fmt.Sprintf("%s_%d.pb", kind, i))
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		t, err := onnx.DecodeTensor(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		t.Name = v.Name
		if t.DType == onnx.Uint16 && v.DType == onnx.BFloat16 {
			t.DType = onnx.BFloat16 // NumPy, which wrote the files, has no such type
		}
		if t.DType != v.DType && v.DType != onnx.Undefined {
			return nil, fmt.Errorf("%s: its elements are %v, but the model declares %v", path, t.DType, v.DType)
		}
		tensors[i] = t
	}
	return tensors, nil
}
