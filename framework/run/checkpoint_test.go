package run

import (
	"bufio"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

func TestACheckpointIsReadAsItWasSaved(t *testing.T) {
	layout, err := optim.NewLayout([]optim.Field{{Name: "w", Kind: optim.Parameter, Shape: []int{2}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []array.Array{array.From32([]float32{1, 2}), array.From64([]float64{1, 2})} {
		state := &optim.State{Layout: layout, Data: data, Count: 7}
		jobs := []compose.Job{{Initial: &optim.State{Layout: layout, Data: array.New(data.DType(), 2)}}, {}}
		jobs[1].Initial = jobs[0].Initial
		want := checkpoint{compose.Checkpoint{
			Results: 5, Accepted: []compose.Trial{{Job: 1, Iterate: 2}},
			Points: []compose.Point{
				{Job: 1, Iterate: 2, State: state, Averages: []compose.Memory{nil, {{1, 2}, {3, 4}}}},
				{Iterate: 3, State: state, Trail: compose.Memory{{5, 6}}, Bracket: compose.Memory{{7, 8}, {9}}},
				{Iterate: 4, State: state, Ended: true},
				{Iterate: 5, State: state, Ended: true, Lost: true},
				{Iterate: 6, Ended: true, Lost: true},
			},
		}, 9}
		folder := t.TempDir()
		if err := want.save(folder); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(folder, CheckpointFile))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		got, err := readCheckpoint(bufio.NewReader(f), info.Size(), jobs)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: read is %+v, %v, saved was %+v", data.DType(), got, err, want)
		}
	}
}
