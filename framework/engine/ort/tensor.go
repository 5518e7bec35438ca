package ort

// Tensor is a tensor with its name in the model.
type Tensor struct {
	Name  string
	Shape []int // empty for a scalar
	// Data holds the elements in row-major order, as a slice of the Go type that corresponds to ONNX's: []float32 for FLOAT,
	// []float64 for DOUBLE, []int8 to []int64, []uint8 to []uint64, []bool.
	Data any
}

// Options says how a model is run. The zero value is one thread and all outputs.
type Options struct {
	Threads int      // that share the work of one operator; 0 means 1
	Outputs []string // what is computed, in this order; nil means all outputs of the graph
}
