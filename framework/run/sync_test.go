package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/compose"
)

// watched is a metrics file that tells when it is synced.
type watched struct {
	metricsFile
	sync func() error
}

func (w watched) Sync() error { return errors.Join(w.sync(), w.metricsFile.Sync()) }

func TestMetricsAreOnTheDiskBeforeACheckpointCountsThem(t *testing.T) {
	folder := t.TempDir()
	recorder, err := newRecorder(folder, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.close()
	path := filepath.Join(folder, CheckpointFile)
	synced := 0
	recorder.file = watched{recorder.file, func() error {
		synced++
		if _, err := os.Stat(path); err == nil {
			t.Error("the checkpoint is there before its lines are")
		}
		return nil
	}}
	e := &execution{options: Options{Folder: folder}, recorder: recorder, keeper: &keeper{}}
	if err := recorder.record([]Line{{Arrangement: "forward", Iterate: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := e.save(compose.Checkpoint{Results: 1}); err != nil || synced != 1 {
		t.Errorf("synced %d times, %v", synced, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no")
	recorder.file = watched{recorder.file, func() error { return failure }}
	if err := e.save(compose.Checkpoint{Results: 1}); !errors.Is(err, failure) {
		t.Errorf("a failed sync: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a checkpoint counts lines that may be lost")
	}
	recorder.file = recorder.file.(watched).metricsFile.(watched).metricsFile
}

func TestALineThatWasCutOffIsRemoved(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, MetricsFile)
	whole := `{"arrangement":"forward","seed":0,"iterate":1,"gradient_steps":1,"seconds":0}` + "\n"
	if err := os.WriteFile(path, []byte(whole+`{"arrangement":"forward","se`), 0o644); err != nil {
		t.Fatal(err)
	}
	lines, _, err := readLines(path)
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := newRecorder(folder, lines, len(lines))
	if err != nil {
		t.Fatal(err)
	}
	if err := recorder.close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != whole {
		t.Errorf("left is %q, %v", data, err)
	}
}
