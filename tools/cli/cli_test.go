package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"

	_ "github.com/seed5b471a7e/backstitch/framework/engine/plan"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/tape"
	_ "github.com/seed5b471a7e/backstitch/plugins/standard"
)

var update = flag.Bool("update", false, "rewrite the outputs that scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"backstitch": func() {
			calibration = 100 * time.Millisecond
			os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
		},
		"interrupt": func() { os.Exit(interrupt(os.Args[1], os.Args[2], os.Args[3:])) },
	})
}

func TestScripts(t *testing.T) {
	models, err := filepath.Abs("../../framework/model/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   code,
			"json":   oneDocument,
			"jsonl":  documents,
			"same":   sameButForSeconds,
			"npz":    makeNPZ,
			"png":    makePNG,
			"noisy":  makeNoisy,
			"parity": parity,
			"test":   makeTest,
		},
	})
}

// code N COMMAND [ARGUMENT]... runs a command that must exit with N.
func code(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// interrupt FILE LINES COMMAND [ARGUMENT]... runs a command, sends SIGINT when the file has that many lines, and exits like it.
func interrupt(file, lines string, command []string) int {
	wanted, err := strconv.Atoi(lines)
	if err != nil {
		panic(err)
	}
	c := exec.Command(command[0], command[1:]...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case <-ended:
			return c.ProcessState.ExitCode()
		case <-time.After(5 * time.Millisecond):
		}
		if content, _ := os.ReadFile(file); bytes.Count(content, []byte("\n")) >= wanted {
			if err := c.Process.Signal(os.Interrupt); err != nil {
				panic(err)
			}
			<-ended
			return c.ProcessState.ExitCode()
		}
	}
}

// json requires that stdout is one JSON document.
func oneDocument(ts *testscript.TestScript, _ bool, _ []string) {
	if n := countDocuments(ts, ts.ReadFile("stdout")); n != 1 {
		ts.Fatalf("%d JSON documents on stdout", n)
	}
}

// jsonl N FILE requires that a file has N lines, each of them a JSON document.
func documents(ts *testscript.TestScript, _ bool, args []string) {
	content := ts.ReadFile(args[1])
	n := countDocuments(ts, content)
	if lines := strings.Count(content, "\n"); fmt.Sprint(n) != args[0] || lines != n {
		ts.Fatalf("%s has %d JSON documents on %d lines, want %s", args[1], n, lines, args[0])
	}
}

func countDocuments(ts *testscript.TestScript, text string) (n int) {
	for decoder := json.NewDecoder(strings.NewReader(text)); ; n++ {
		var v any
		if err := decoder.Decode(&v); err == io.EOF {
			return n
		} else if err != nil {
			ts.Fatalf("no JSON: %v", err)
		}
	}
}

var seconds = regexp.MustCompile(`"seconds":[^,}]*`)

// same FILE FILE compares metrics: all but how long they took.
func sameButForSeconds(ts *testscript.TestScript, _ bool, args []string) {
	a, b := seconds.ReplaceAllString(ts.ReadFile(args[0]), ""), seconds.ReplaceAllString(ts.ReadFile(args[1]), "")
	if a != b {
		ts.Fatalf("%s and %s differ", args[0], args[1])
	}
}

// npz FILE NAME=SHAPE:VALUE... writes arrays that hold one value everywhere. A shape is such as 4,1,8,8.
func makeNPZ(ts *testscript.TestScript, _ bool, args []string) {
	var arrays []namedArray
	for _, arg := range args[1:] {
		name, rest, _ := strings.Cut(arg, "=")
		dims, number, _ := strings.Cut(rest, ":")
		value, err := strconv.ParseFloat(number, 64)
		ts.Check(err)
		elements := 1
		shape := []int{}
		for _, dim := range strings.FieldsFunc(dims, func(r rune) bool { return r == ',' }) {
			n, err := strconv.Atoi(dim)
			ts.Check(err)
			shape = append(shape, n)
			elements *= n
		}
		data := array.New(array.Float64, elements)
		for i := range data.F64 {
			data.F64[i] = value
		}
		arrays = append(arrays, namedArray{name, npyArray{shape, data}})
	}
	ts.Check(writeNPZ(ts.MkAbs(args[0]), arrays))
}

// png HEIGHT WIDTH FILE... writes grey images, each of another shade.
func makePNG(ts *testscript.TestScript, _ bool, args []string) {
	height, err := strconv.Atoi(args[0])
	ts.Check(err)
	width, err := strconv.Atoi(args[1])
	ts.Check(err)
	for i, file := range args[2:] {
		img := image.NewGray(image.Rect(0, 0, width, height))
		for k := range img.Pix {
			img.Pix[k] = uint8(10 * i)
		}
		var b bytes.Buffer
		ts.Check(png.Encode(&b, img))
		path := ts.MkAbs(file)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, b.Bytes(), 0o644))
	}
}

// test FOLDER OPERATOR Y... writes a test in the manner of ONNX's: of the operator applied to the numbers 1, -2, 3 must come Y.
func makeTest(ts *testscript.TestScript, _ bool, args []string) {
	folder := ts.MkAbs(args[0])
	data := filepath.Join(folder, "test_data_set_0")
	ts.Check(os.MkdirAll(data, 0o755))
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 13}, Graph: &onnx.Graph{
		Nodes:   []*onnx.Node{{OpType: args[1], Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.FixedDim(3))},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, onnx.FixedDim(3))},
	}}
	ts.Check(m.Save(filepath.Join(folder, "model.onnx")))
	ts.Check(os.WriteFile(filepath.Join(data, "input_0.pb"), tensorProto(ts, "1", "-2", "3"), 0o644))
	ts.Check(os.WriteFile(filepath.Join(data, "output_0.pb"), tensorProto(ts, args[2:]...), 0o644))
}

// tensorProto encodes a vector of FLOAT.
func tensorProto(ts *testscript.TestScript, numbers ...string) []byte {
	message := []byte{1 << 3, byte(len(numbers)), 2 << 3, byte(onnx.Float)}
	for _, text := range numbers {
		v, err := strconv.ParseFloat(text, 32)
		ts.Check(err)
		message = binary.LittleEndian.AppendUint32(append(message, 4<<3|5), math.Float32bits(float32(v)))
	}
	return message
}

// noisy FILE writes a model for the digits with BatchNormalization and Dropout, as exported for training.
func makeNoisy(ts *testscript.TestScript, _ bool, args []string) {
	m, err := programtest.NewNetwork(1, 8, 8).Conv("conv", 2, 3).BatchNorm("norm").Apply("Relu").Flatten().
		Dropout(0.5).Dense("logits", 10).Model()
	ts.Check(err)
	ts.Check(m.Save(ts.MkAbs(args[0])))
}

// parity GOT GOLDEN TOLERANCE compares what model gradients wrote with what PyTorch computed, in the error measure
// max|g − r| / (max|r| + 1e-3 · max over all gradients of |r|).
func parity(ts *testscript.TestScript, _ bool, args []string) {
	got, err := readNPZ(ts.MkAbs(args[0]))
	ts.Check(err)
	golden, err := readNPZ(args[1])
	ts.Check(err)
	tolerance, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	largest := 0.0
	for name, r := range golden {
		if strings.HasPrefix(name, "grad:") {
			largest = max(largest, maximum(r.data, array.New(array.Float64, r.data.Len())))
		}
	}
	compared := 0
	for name, r := range golden {
		if g, found := got[strings.Split(name, ":cross_entropy")[0]]; found {
			compared++
			scale := maximum(r.data, array.New(array.Float64, r.data.Len())) + 1e-3*largest
			if e := maximum(g.data, r.data) / scale; !(e <= tolerance) || fmt.Sprint(g.shape) != fmt.Sprint(r.shape) {
				ts.Fatalf("%s, shape %v: error %.2g; PyTorch's shape is %v", name, g.shape, e, r.shape)
			}
		}
	}
	if compared != len(got) {
		ts.Fatalf("%d of %d arrays have no counterpart from PyTorch", len(got)-compared, len(got))
	}
}

func maximum(a, b array.Array) (largest float64) {
	for i := range a.Len() {
		largest = max(largest, math.Abs(a.At(i)-b.At(i)))
	}
	return largest
}
