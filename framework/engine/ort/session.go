//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Session is a model that is ready to run. It may be used by several goroutines at the same time. What it holds is not Go's memory:
// it lasts until Close.
type Session struct {
	inputs, outputs []*onnx.ValueInfo

	mutex   sync.RWMutex                        // held for reading by every run
	library *onnxruntime.DynamicAdvancedSession // nil once closed
}

// started loads the library once per process.
var started = sync.OnceValue(func() error {
	path, err := Library()
	if err != nil {
		return err
	}
	onnxruntime.SetSharedLibraryPath(path)
	// What fails is returned as an error; the library does not print it too.
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("ort: loading %s: %w; it must be ONNX Runtime 1.24 or later: %s", path, err, getIt)
	}
	return nil
})

// Version returns ONNX Runtime's version.
func Version() (string, error) {
	if err := started(); err != nil {
		return "", err
	}
	return onnxruntime.GetVersion(), nil
}

// Open prepares a model, given as the content of an .onnx file.
func Open(model []byte, o Options) (*Session, error) {
	m, err := onnx.Decode(model)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	return open(m, o, func(inputs, outputs []string, so *onnxruntime.SessionOptions) (*onnxruntime.DynamicAdvancedSession, error) {
		return onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, inputs, outputs, so)
	})
}

// OpenFile prepares the model in a file. Tensors that it keeps in other files are looked for beside it.
func OpenFile(path string, o Options) (*Session, error) {
	m, err := onnx.Load(path)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	return open(m, o, func(inputs, outputs []string, so *onnxruntime.SessionOptions) (*onnxruntime.DynamicAdvancedSession, error) {
		session, err := onnxruntime.NewDynamicAdvancedSession(path, inputs, outputs, so)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return session, nil
	})
}

// load makes the library read a model.
type load func(inputs, outputs []string, so *onnxruntime.SessionOptions) (*onnxruntime.DynamicAdvancedSession, error)

func open(m *onnx.Model, o Options, read load) (*Session, error) {
	s := &Session{inputs: fed(m.Graph)}
	var err error
	if s.outputs, err = chosen(m.Graph.Outputs, o.Outputs); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := started(); err != nil {
		return nil, err
	}
	so, err := sessionOptions(max(1, o.Threads))
	if err != nil {
		return nil, fmt.Errorf("ort: setting a session's options: %w", err)
	}
	defer so.Destroy()
	if s.library, err = read(names(s.inputs), names(s.outputs), so); err != nil {
		return nil, fmt.Errorf("ort: opening the model: %w", err)
	}
	return s, nil
}

// fed returns the graph's inputs that have no value in the file.
func fed(g *onnx.Graph) []*onnx.ValueInfo {
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(in *onnx.ValueInfo) bool {
		return slices.ContainsFunc(g.Initializers, func(t *onnx.Tensor) bool { return t.Name == in.Name })
	})
}

func chosen(outputs []*onnx.ValueInfo, wanted []string) ([]*onnx.ValueInfo, error) {
	if wanted == nil {
		return outputs, nil
	}
	list := make([]*onnx.ValueInfo, len(wanted))
	for i, name := range wanted {
		at := slices.IndexFunc(outputs, func(out *onnx.ValueInfo) bool { return out.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("ort: the graph has no output %q: its outputs are %q", name, names(outputs))
		}
		list[i] = outputs[at]
	}
	return list, nil
}

func names(values []*onnx.ValueInfo) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = v.Name
	}
	return list
}

// check refuses what the library's binding cannot run.
func (s *Session) check() error {
	if len(s.inputs) == 0 || len(s.outputs) == 0 {
		return fmt.Errorf("ort: the model has %d inputs and %d outputs; one of each is needed", len(s.inputs), len(s.outputs))
	}
	for _, v := range slices.Concat(s.inputs, s.outputs) {
		if _, known := elements[v.DType]; v.Kind != onnx.KindTensor || !known {
			return fmt.Errorf("ort: %q is a %v of %v elements, which is not supported", v.Name, v.Kind, v.DType)
		}
	}
	return nil
}

func sessionOptions(threads int) (*onnxruntime.SessionOptions, error) {
	so, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		so.SetIntraOpNumThreads(threads),
		so.SetInterOpNumThreads(1),
		so.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal),
	); err != nil {
		so.Destroy()
		return nil, err
	}
	return so, nil
}

// Inputs returns what a run must be given, as the file declares it: dimensions that are not fixed may differ from run to run.
func (s *Session) Inputs() []*onnx.ValueInfo { return slices.Clone(s.inputs) }

// Outputs returns what a run computes, as the file declares it.
func (s *Session) Outputs() []*onnx.ValueInfo { return slices.Clone(s.outputs) }

// Close gives back what the session holds, once no run is under way. Closing again does nothing.
func (s *Session) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.library == nil {
		return nil
	}
	err := s.library.Destroy()
	s.library = nil
	if err != nil {
		return fmt.Errorf("ort: closing the session: %w", err)
	}
	return nil
}
