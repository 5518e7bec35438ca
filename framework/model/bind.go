package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// The sizes of dimensions that only a batch or the user knows.
const (
	ofBatch = -1
	open    = -2
)

// OpenDimension is a dimension of an input that neither the file nor the options give a size. It is not the batch.
type OpenDimension struct {
	Input  string `json:"input"`
	Axis   int    `json:"axis"`
	Symbol string `json:"symbol,omitempty"` // the file's name for it, which stands for one size wherever it occurs
}

// Key is what Options.Dims calls the dimension.
func (d OpenDimension) Key() string {
	if d.Symbol != "" {
		return d.Symbol
	}
	return axisKey(d.Input, d.Axis)
}

func axisKey(input string, axis int) string { return fmt.Sprintf("%s.%d", input, axis) }

// Keys returns the keys of open dimensions, each once.
func Keys(list []OpenDimension) []string {
	var keys []string
	for _, d := range list {
		if !slices.Contains(keys, d.Key()) {
			keys = append(keys, d.Key())
		}
	}
	return keys
}

// OpenError says which dimensions must be given sizes before a model can be written.
type OpenError struct{ Dimensions []OpenDimension }

// Error names them all, and both ways to give them sizes.
func (e *OpenError) Error() string {
	var places []string
	for _, d := range e.Dimensions {
		place := fmt.Sprintf("dimension %d of input %q", d.Axis, d.Input)
		if d.Symbol != "" {
			place += fmt.Sprintf(" (%s)", d.Symbol)
		}
		places = append(places, place)
	}
	recipe, flags := settings(Keys(e.Dimensions), "--dim", "N")
	verb := "has no size"
	if len(places) > 1 {
		verb = "have no sizes"
	}
	return fmt.Sprintf("%s %s in the file: write dims = %s in [model], or %s", strings.Join(places, ", "), verb, recipe, flags)
}

// Recipe writes the table dims of a recipe's [model] that gives the dimension a size.
func (d OpenDimension) Recipe() string {
	table, _ := settings([]string{d.Key()}, "", "N")
	return table
}

// Flag writes the same for the command line.
func (d OpenDimension) Flag() string {
	_, flag := settings([]string{d.Key()}, "--dim", "N")
	return flag
}

// settings writes values for keys as a recipe's inline table, and as flags.
func settings(keys []string, flag, value string) (table, flags string) {
	var entries, words []string
	for _, key := range keys {
		entries = append(entries, plugin.Key(key)+" = "+value)
		words = append(words, flag+" "+shellWord(key+"="+value))
	}
	return "{" + strings.Join(entries, ", ") + "}", strings.Join(words, " ")
}

// shellWord quotes what a shell would not take as one word.
func shellWord(word string) string {
	if strings.ContainsAny(word, " \t\n'\"`$&|;<>()*?[]{}!\\#~") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// given is the size that the options give a dimension, if they do.
func (o Options) given(in *onnx.ValueInfo, axis int) (size int, is bool) {
	if size, is = o.Dims[axisKey(in.Name, axis)]; is {
		return size, true
	}
	if symbol := in.Dims[axis].Param; symbol != "" {
		size, is = o.Dims[symbol]
	}
	return size, is
}

// sizes returns the sizes of an input's dimensions. The batch is the first dimension of the first input, and every dimension that the
// file declares like it, by a name or by the first of another input, unless the options give that a size. A fixed batch is only what the
// exporter happened to feed, so it is bound too; where the graph depends on it, a later shape rule says so.
func (o Options) sizes(in, first *onnx.ValueInfo) ([]int, error) {
	batch := first.Dims[0]
	sizes := make([]int, len(in.Dims))
	for axis, dim := range in.Dims {
		given, isGiven := o.given(in, axis)
		switch {
		case axis == 0 && in == first, dim.Param != "" && dim.Param == batch.Param:
			if isGiven {
				return nil, fmt.Errorf("dims gives dimension %d of input %q (%v) a size, but it is the batch, whose size is set with "+
					"batch in [data], or --batch: leave it out", axis, in.Name, dim)
			}
			sizes[axis] = ofBatch
		case isGiven && dim.Value >= 0 && int64(given) != dim.Value:
			return nil, fmt.Errorf("dims gives dimension %d of input %q the size %d, but the file fixes it to %v", axis, in.Name, given, dim)
		case isGiven:
			sizes[axis] = given
		case axis == 0 && (dim == batch || dim.Value < 0):
			sizes[axis] = ofBatch
		case dim.Value < 0:
			sizes[axis] = open
		case dim.Value > maxElements:
			return nil, fmt.Errorf("input %q: dimension %d is %v", in.Name, axis, dim)
		default:
			sizes[axis] = int(dim.Value)
		}
	}
	return sizes, nil
}

// checkDims refuses sizes that no input has a dimension for.
func (m *Model) checkDims(batch onnx.Dim) error {
	for _, key := range slices.Sorted(maps.Keys(m.options.Dims)) {
		if size := m.options.Dims[key]; size < 0 || size > maxElements {
			return fmt.Errorf("dims gives %q the size %d", key, size)
		}
		if err := m.checkDim(key, batch); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) checkDim(key string, batch onnx.Dim) error {
	var known []string
	for _, in := range fed(m.graph) {
		for axis, dim := range in.Dims {
			names := []string{axisKey(in.Name, axis)}
			if dim.Param != "" {
				names = append(names, dim.Param)
			}
			if slices.Contains(names, key) {
				return m.agree(in, axis)
			}
			if dim.Value < 0 && dim != batch {
				known = append(known, names[len(names)-1])
			}
		}
	}
	for _, v := range slices.Concat(m.graph.Outputs, m.graph.ValueInfo) {
		if slices.ContainsFunc(v.Dims, func(d onnx.Dim) bool { return d.Param == key }) {
			return fmt.Errorf("dims gives %q a size, but no input has that dimension: the graph computes it", key)
		}
	}
	slices.Sort(known)
	return fmt.Errorf("dims gives %q a size, but no input has that dimension%s", key, meant(key, slices.Compact(known)))
}

// agree refuses two sizes for one dimension.
func (m *Model) agree(in *onnx.ValueInfo, axis int) error {
	byAxis, isByAxis := m.options.Dims[axisKey(in.Name, axis)]
	bySymbol, isBySymbol := m.options.Dims[in.Dims[axis].Param]
	if isByAxis && isBySymbol && byAxis != bySymbol {
		return fmt.Errorf("dims gives %q the size %d, but %q, which is the same dimension, %d",
			axisKey(in.Name, axis), byAxis, in.Dims[axis].Param, bySymbol)
	}
	return nil
}

// meant says which of the names was probably meant, or which there are.
func meant(name string, names []string) string {
	if suggestion := plugin.Suggest(name, names); suggestion != "" {
		return fmt.Sprintf(" (did you mean %q?)", suggestion)
	}
	if len(names) == 0 {
		return ": none is open"
	}
	return fmt.Sprintf(": there are %q", names)
}

// Open returns the dimensions of the inputs that the output needs which have no size yet.
func (m *Model) Open() []OpenDimension {
	var list []OpenDimension
	for _, in := range slices.Concat(m.Inputs, m.fixed) {
		for axis, size := range in.sizes {
			if size == open {
				list = append(list, OpenDimension{in.Name, axis, in.Dims[axis].Param})
			}
		}
	}
	return list
}

// Infer returns sizes for dimensions that the file and the options leave open, by the keys of Options.Dims: those of tensors that the
// inputs are fed with, whose shapes are given by the inputs' names. It looks at shapes of as many dimensions as the input has, and fails
// where two of them disagree.
func Infer(source *onnx.Model, o Options, shapes map[string][]int) (map[string]int, error) {
	m, err := openModel(source, o)
	if err != nil {
		return nil, err
	}
	sizes, from := map[string]int{}, map[string]OpenDimension{}
	for _, in := range m.Inputs {
		for _, d := range m.Open() {
			shape := shapes[in.Name]
			if d.Input != in.Name || len(shape) != len(in.Dims) {
				continue
			}
			key := d.Key()
			if before, known := sizes[key]; known && before != shape[d.Axis] {
				return nil, fmt.Errorf("model: %q is one size, but dimension %d of %q is %d in the data, and dimension %d of %q is %d",
					key, from[key].Axis, from[key].Input, before, d.Axis, d.Input, shape[d.Axis])
			}
			sizes[key], from[key] = shape[d.Axis], d
		}
	}
	return sizes, nil
}

// Inputs returns what would be fed for the output that the options choose, also where dimensions have no sizes yet.
func Inputs(source *onnx.Model, o Options) ([]Input, error) {
	m, err := openModel(source, o)
	if err != nil {
		return nil, err
	}
	return m.Inputs, nil
}

// Shape returns the shape of the input at a batch size.
func (in Input) Shape(batch int) []int {
	shape := slices.Clone(in.sizes)
	for axis, size := range shape {
		if size == ofBatch {
			shape[axis] = batch
		}
	}
	return shape
}

// Feed returns everything that a runtime of the whole file is fed, whatever the output needs: the inputs that are fixed come last.
func Feed(source *onnx.Model, o Options) ([]Input, error) {
	m := &Model{Source: source, options: o, graph: source.Graph}
	everything := map[string]bool{}
	for _, in := range source.Graph.Inputs {
		everything[in.Name] = true
	}
	if err := m.readInputs(everything); err != nil {
		return nil, err
	}
	if list := m.Open(); len(list) > 0 {
		return nil, fmt.Errorf("model: %w", &OpenError{list})
	}
	return slices.Concat(m.Inputs, m.fixed), nil
}
