package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// layout has every kind of field: a scalar parameter, slots of a parameter and of the whole state, a buffer, an empty tensor.
func layout(t *testing.T, more ...optim.Field) *optim.Layout {
	t.Helper()
	l, err := optim.NewLayout(append([]optim.Field{
		{Kind: optim.Parameter, Name: "/layer.1/weight", Shape: []int{2, 3}},
		{Kind: optim.Parameter, Name: "scale", Shape: []int{}},
		{Kind: optim.Parameter, Name: "empty", Shape: []int{0, 4}},
		{Kind: optim.Slot, Name: "scale", Slot: "momentum", Shape: []int{}},
		{Kind: optim.Slot, Slot: "distance", Shape: []int{}},
		{Kind: optim.Buffer, Name: "mean", Shape: []int{2}},
	}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func state(l *optim.Layout, d array.DType) *optim.State {
	s := l.New(d)
	for i := range s.Data.Len() {
		s.Data.Set(i, math.Pi*float64(i+1))
	}
	s.Count = 41
	return s
}

func encode(t *testing.T, s *optim.State, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAStateComesBackBitForBit(t *testing.T) {
	odd := optim.Field{Kind: optim.Parameter, Name: "slot:momentum:scale", Shape: []int{1}} // the name that a slot would have
	for _, d := range []array.DType{array.Float32, array.Float64} {
		for _, l := range []*optim.Layout{layout(t), layout(t, odd)} {
			written := state(l, d)
			f, err := decode(encode(t, written, map[string]string{"seed": "3"}))
			if err != nil {
				t.Fatal(err)
			}
			read := l.New(d)
			if err := f.Load(read); err != nil {
				t.Fatal(err)
			}
			if !read.Equal(written) || f.Metadata["seed"] != "3" {
				t.Errorf("%s: %v, count %d, %v came back as %v, count %d", d, written.Data, written.Count, f.Metadata, read.Data, read.Count)
			}
		}
	}
}

// The header as the format's specification has it, worked out by hand.
func TestTheHeaderIsTheFormats(t *testing.T) {
	data := encode(t, state(layout(t), array.Float32), nil)
	size := data[0] // the first of eight bytes, little-endian: the header is short
	var header map[string]any
	if err := json.Unmarshal(data[8:8+int(size)+256*int(data[1])], &header); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data[8+int(size)+256*int(data[1]):])
	got, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"/layer.1/weight":{"data_offsets":[0,24],"dtype":"F32","shape":[2,3]},` +
		`"__metadata__":{"count":"41","sha256":"` + hex.EncodeToString(sum[:]) + `","slots":"slot:"},` +
		`"empty":{"data_offsets":[24,24],"dtype":"F32","shape":[0,4]},` +
		`"mean":{"data_offsets":[24,32],"dtype":"F32","shape":[2]},` +
		`"scale":{"data_offsets":[32,36],"dtype":"F32","shape":[]},` +
		`"slot:distance":{"data_offsets":[36,40],"dtype":"F32","shape":[]},` +
		`"slot:momentum:scale":{"data_offsets":[40,44],"dtype":"F32","shape":[]}}`
	if string(got) != want {
		t.Errorf("the header is\n%s\nwant\n%s", got, want)
	}
}

func TestAChangedTensorIsRefused(t *testing.T) {
	s := state(layout(t), array.Float32)
	whole := encode(t, s, nil)
	numbers := 4 * s.Data.Len()
	for at := len(whole) - numbers; at < len(whole); at++ {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		if _, err := decode(damaged); err == nil || !strings.Contains(err.Error(), "it is damaged") {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	foreign := bytes.Replace(whole, []byte(`"sha256"`), []byte(`"SHA256"`), 1)
	if f, err := decode(foreign); err != nil || f.Load(s) != nil {
		t.Errorf("a file of another program, without the sum: %v", err)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	l := layout(t)
	whole := encode(t, state(l, array.Float32), nil)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	for want, content := range map[string][]byte{
		"no whole safetensors file": whole[:len(whole)-1],
		"metadata's count is":       bytes.Replace(whole, []byte(`"count"`), []byte(`"other"`), 1),
		`count is "-1"`:             bytes.Replace(whole, []byte(`"count":"41"`), []byte(`"count":"-1"`), 1),
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err == nil {
			err = f.Load(l.New(array.Float32))
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f, err := decode(whole)
	if err != nil {
		t.Fatal(err)
	}
	other := func(fields ...optim.Field) *optim.State {
		l, err := optim.NewLayout(fields)
		if err != nil {
			t.Fatal(err)
		}
		return l.New(array.Float32)
	}
	for want, s := range map[string]*optim.State{
		`does not hold "bias"`:      other(optim.Field{Kind: optim.Parameter, Name: "bias", Shape: []int{2}}),
		`"mean" has the shape [2]`:  other(optim.Field{Kind: optim.Buffer, Name: "mean", Shape: []int{3}}),
		`"scale" has the shape [],`: other(optim.Field{Kind: optim.Parameter, Name: "scale", Shape: []int{1}}),
	} {
		if err := f.Load(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	foreign := other(optim.Field{Kind: optim.Buffer, Name: "mean", Shape: []int{2}}, optim.Field{Kind: optim.Slot, Name: "mean", Slot: "v", Shape: []int{2}})
	if err := f.Load(foreign); err != nil {
		t.Errorf("weights of another optimizer are refused: %v", err)
	}
	for _, twice := range []optim.Field{
		{Kind: optim.Parameter, Name: "__metadata__", Shape: []int{1}},
		{Kind: optim.Buffer, Name: "scale", Shape: []int{1}},
	} {
		if err := Check(layout(t, twice)); err == nil || !strings.Contains(err.Error(), twice.Name) {
			t.Errorf("a layout with another %q: %v", twice.Name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	l, err := optim.NewLayout([]optim.Field{{Kind: optim.Parameter, Name: "w", Shape: []int{2}}, {Kind: optim.Slot, Name: "w", Slot: "v", Shape: []int{2}}})
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, state(l, array.Float64), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := decode(data); err == nil {
			file.Load(l.New(array.Float32)) // an error or not, but no panic
		}
	})
}
