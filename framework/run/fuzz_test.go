package run

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// FuzzCheckpoint reads what a file may hold, with the checksum that it should have: no text leads to a panic, or to more memory than
// the file takes, and what is read is written as it was.
func FuzzCheckpoint(f *testing.F) {
	layout, err := optim.NewLayout([]optim.Field{{Name: "w", Kind: optim.Parameter, Shape: []int{2}}})
	if err != nil {
		f.Fatal(err)
	}
	state := &optim.State{Layout: layout, Data: array.From32([]float32{1, 2})}
	jobs := []compose.Job{{Initial: state}, {Initial: state}}
	whole := checkpoint{compose.Checkpoint{Results: 3, Accepted: []compose.Trial{{Job: 1, Iterate: 2}}, Points: []compose.Point{
		{Job: 1, Iterate: 2, State: state, Averages: []compose.Memory{nil, {{1, 2}}}, Trail: compose.Memory{{3, 4}}}, {Iterate: 1, Ended: true},
	}}, 3}
	var b bytes.Buffer
	if err := whole.write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	for _, text := range []string{"", "{}\n", `{"lines":-1}` + "\n", `{"points":[{"trail":[1000000000000]}]}` + "\n", `{"points":[{"job":-1}]}` + "\n", "[]\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := binary.LittleEndian.AppendUint32(bytes.Clone(data), crc32.ChecksumIEEE(data))
		c, err := readCheckpoint(bufio.NewReader(bytes.NewReader(file)), int64(len(file)), jobs)
		if err != nil {
			return
		}
		if c.lines < 0 || c.Results < 0 {
			t.Errorf("it stands after %d results and %d lines", c.Results, c.lines)
		}
		var again bytes.Buffer
		if err := c.write(&again); err != nil {
			t.Fatal(err)
		}
		file = binary.LittleEndian.AppendUint32(bytes.Clone(again.Bytes()), crc32.ChecksumIEEE(again.Bytes()))
		if _, err := readCheckpoint(bufio.NewReader(bytes.NewReader(file)), int64(len(file)), jobs); err != nil {
			t.Errorf("what was read cannot be read again: %v", err)
		}
	})
}

// FuzzLine reads lines of metrics.jsonl; what is a line is one again when it is written.
func FuzzLine(f *testing.F) {
	for _, text := range []string{
		`{"arrangement":"backward","seed":18446744073709551615,"iterate":17,"train_loss":0.5,"gradient_steps":17,"seconds":0.25}`,
		`{"arrangement":"a","iterate":1,"x":null,"diverged":true,"merged":true,"merge_error":0.1,"accepted":true}`,
		`{}`, `[]`, `null`, `{"arrangement":"a","iterate":1,"iterate":{}}`, `{"arrangement":"a","iterate":1,"":1e400}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l Line
		if json.Unmarshal([]byte(text), &l) != nil {
			return
		}
		encoded, err := json.Marshal(l)
		if err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		var again Line
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		again.Seconds = l.Seconds // which are rounded
		if err := l.compare(again); err != nil {
			t.Error(err)
		}
	})
}

// FuzzFolder opens folders whose files may hold anything, and sums up what is in them.
func FuzzFolder(f *testing.F) {
	f.Add(`{"name":"a","status":"running","metrics":["x"],"arrangements":[{"name":"a"}]}`, `{"arrangement":"a","iterate":1,"x":1}`+"\n")
	f.Add(`{}`, "{}\n")
	f.Add(`null`, "\n")
	f.Add(`{"recipe":{"a":{"b":1}},"seeds":[-1]}`, "")
	f.Fuzz(func(t *testing.T, info, lines string) {
		folder := t.TempDir()
		for name, content := range map[string]string{InfoFile: info, MetricsFile: lines} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		opened, err := Open(folder)
		if err != nil {
			return
		}
		if opened.Info.Status == Running {
			t.Error("nothing runs here")
		}
		for _, s := range opened.Series() {
			s.Divergence()
			s.PathVariability()
		}
		changedKeys(opened.Info.Recipe, opened.Info.Recipe)
	})
}
