package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// FuzzReport writes reports of folders that hold anything. What can be read gives a page and plots, in memory that the files bound.
func FuzzReport(f *testing.F) {
	const info = `{"name":"r","status":"finished","seeds":[0,1],"metrics":["train_loss"],"arrangements":[{"name":"forward","kind":"forward"}]}`
	f.Add(info, `{"arrangement":"forward","seed":0,"iterate":1,"train_loss":1}
{"arrangement":"forward","seed":0,"iterate":2,"train_loss":1000}
{"arrangement":"forward","seed":1,"iterate":1,"train_loss":null,"diverged":true}
`)
	f.Add(info, `{"arrangement":"forward","seed":0,"iterate":-9223372036854775808,"train_loss":-1e308}
{"arrangement":"b","seed":18446744073709551615,"iterate":9223372036854775807,"train_loss":5e-324,"seconds":1e300}
`)
	f.Add(`{"name":"r","metrics":["a","a","b"],"arrangements":[{"name":"tail","average_of":"forward"}]}`, "{}\n{}\n")
	f.Add(`{}`, ``)
	f.Fuzz(func(t *testing.T, info, metrics string) {
		if strings.Contains(info+metrics, "NaN") || strings.Contains(info+metrics, "Inf") {
			return // checkSVG takes such a name for a coordinate
		}
		path := t.TempDir()
		for name, text := range map[string]string{run.InfoFile: info, run.MetricsFile: metrics} {
			if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		folder, err := run.Open(path)
		if err != nil {
			return
		}
		page, plots, err := newPage(folder)
		if err != nil {
			return
		}
		for _, d := range plots {
			checkSVG(t, d.file, d.svg)
		}
		if err := page.write(filepath.Join(path, run.ReportFile)); err != nil {
			t.Error(err)
		}
	})
}

func TestFiguresShowAsManySeedsAndArrangementsAsThereIsRoomFor(t *testing.T) {
	f := newFolder(t, nil, 4)
	for seed := range uint64(1000) {
		for _, l := range newLines(seed, 4) {
			for _, name := range []string{"", "a", "b", "c", "d", "e", "f", "g", "h", "i"} {
				l.Arrangement += name
				f.Lines = append(f.Lines, l)
			}
		}
	}
	v := newView(f)
	for _, d := range drawings(v) {
		if len(d.svg) > 4<<20 {
			t.Errorf("%s takes %d bytes", d.file, len(d.svg))
		}
		if !bytes.Contains(d.svg, []byte("the first 50 of 1000 seeds")) {
			t.Errorf("%s does not say that it leaves seeds out", d.file)
		}
	}
	if got, want := len(seedRows(v)), 1000*len(v.arrangements); got != want {
		t.Errorf("the table of seeds has %d rows, want %d", got, want)
	}
}

func TestACurveThatBreaksOffAgainAndAgainIsThinned(t *testing.T) {
	var lines []run.Line
	for n := range 100000 {
		lines = append(lines, run.Line{Iterate: n, Diverged: n%2 == 0, Metrics: []run.Metric{{Name: "train_loss", Value: 1e200}}})
		if n%2 == 1 {
			lines[n].Metrics[0].Value = 1
		}
	}
	c := trace(lines, "train_loss", 500)
	if len(c.pieces) > 500 || len(c.diverged) > 500 {
		t.Errorf("%d pieces and %d dots, want at most 500 of each", len(c.pieces), len(c.diverged))
	}
}

func TestAveragesHaveNoContraction(t *testing.T) {
	f := newFolder(t, []uint64{0}, 20)
	f.Info.Metrics = append(f.Info.Metrics, "contraction", "displacement")
	for i := range f.Lines {
		f.Lines[i].Metrics = append(f.Lines[i].Metrics, run.Metric{Name: "contraction", Value: 0.9}, run.Metric{Name: "displacement", Value: 1})
	}
	for _, row := range contractionRows(newView(f)) {
		if row.Arrangement.AverageOf != "" {
			t.Errorf("%s has a contraction, but is an average", row.Arrangement.Name)
		}
	}
}
