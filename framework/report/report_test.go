package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

const hostile = "</text></style><script>alert(1)</script>&\"'\x00\x1b\u202e ../../\n"

// shapes are the kinds of folder that a report must be written for.
var shapes = []struct {
	name  string
	build func(t *testing.T) *run.Folder
}{
	{"an ordinary run", func(t *testing.T) *run.Folder { return newFolder(t, []uint64{0, 1, 2}, 60) }},
	{"a single seed", func(t *testing.T) *run.Folder { return newFolder(t, []uint64{7}, 60) }},
	{"twenty seeds", func(t *testing.T) *run.Folder {
		f := newFolder(t, nil, 8)
		for seed := range uint64(20) {
			f.Lines = append(f.Lines, newLines(seed, 8)...)
		}
		return f
	}},
	{"one iterate", func(t *testing.T) *run.Folder { return newFolder(t, []uint64{0, 1}, 1) }},
	{"a chain that diverged", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 60)
		diverge(f, "forward", func(n int) bool { return n > 40 })
		return f
	}},
	{"single iterates that diverged", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 60)
		diverge(f, "backward", func(n int) bool { return n%2 == 0 })
		return f
	}},
	{"everything diverged at once", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 5)
		for _, a := range f.Info.Arrangements {
			diverge(f, a.Name, func(int) bool { return true })
		}
		return f
	}},
	{"losses from 1e-300 to 1e300", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 3)
		for i := range f.Lines {
			f.Lines[i].Metrics[0].Value = []float64{1e-300, 1, 1e300}[i%3]
		}
		return f
	}},
	{"accuracies far from zero and from each other", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 4)
		for i := range f.Lines {
			f.Lines[i].Metrics[2].Value = []float64{-1e149, 1e149, 3}[i%3]
		}
		return f
	}},
	{"losses that differ in the last bit", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 4)
		for i := range f.Lines {
			f.Lines[i].Metrics[0].Value = []float64{12345678, 12345678.000000002, 0}[i%2]
		}
		return f
	}},
	{"one seed without a finite loss beside losses of many decades", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 5)
		for i := range f.Lines {
			if f.Lines[i].Metrics[0].Value = math.Pow10(i % 5); f.Lines[i].Seed == 1 {
				f.Lines[i].Diverged, f.Lines[i].Metrics[0].Value = true, math.NaN()
			}
		}
		return f
	}},
	{"losses from the smallest number to the largest", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 5)
		for i := range f.Lines {
			f.Lines[i].Metrics[0].Value = []float64{math.SmallestNonzeroFloat64, 1, math.MaxFloat64, math.Inf(1), -math.MaxFloat64}[i%5]
		}
		return f
	}},
	{"losses over hundreds of decades", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 5)
		for i := range f.Lines {
			f.Lines[i].Metrics[0].Value = []float64{1e-199, 1, 1e149}[i%3]
		}
		return f
	}},
	{"equal denormals", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 5)
		for i := range f.Lines {
			f.Lines[i].Metrics[0].Value = 5e-324
		}
		return f
	}},
	{"iterates from the smallest to the largest", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0}, 5)
		for i := range f.Lines {
			f.Lines[i].Iterate = []int{math.MinInt, 0, math.MaxInt}[i%3]
		}
		return f
	}},
	{"nothing recorded", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 60)
		f.Lines = nil
		return f
	}},
	{"nothing known but the lines", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 10)
		f.Info = run.Info{Metrics: testMetrics}
		return f
	}},
	{"nothing known at all", func(t *testing.T) *run.Folder { return &run.Folder{Path: t.TempDir()} }},
	{"hostile names", func(t *testing.T) *run.Folder {
		f := newFolder(t, []uint64{0, 1}, 20)
		rename(f, hostile)
		return f
	}},
}

func TestWriteLeavesWellFormedPlotsAndAPageOfItsOwn(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			f := shape.build(t)
			if err := Write(f); err != nil {
				t.Fatal(err)
			}
			files := readAll(t, f.Path)
			for path, content := range files {
				switch filepath.Ext(path) {
				case ".svg":
					checkSVG(t, path, content)
				case ".html":
					checkPage(t, content)
				default:
					t.Errorf("Write left %s behind", path)
				}
			}
			want := 1
			if len(f.Lines) > 0 {
				want += len(f.Info.Metrics) + 1
			}
			if len(files) != want {
				t.Errorf("Write left %d files, want %d: %q", len(files), want, slices.Sorted(maps.Keys(files)))
			}
		})
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	for _, shape := range shapes {
		f := shape.build(t)
		if err := Write(f); err != nil {
			t.Fatal(err)
		}
		first := readAll(t, f.Path)
		if err := Write(f); err != nil {
			t.Fatal(err)
		}
		if second := readAll(t, f.Path); !maps.EqualFunc(first, second, bytes.Equal) {
			t.Errorf("%s: the second report differs from the first", shape.name)
		}
	}
}

func TestWriteReportsAFolderThatCannotBeWritten(t *testing.T) {
	f := newFolder(t, []uint64{0}, 3)
	f.Path = filepath.Join(f.Path, "file")
	if err := os.WriteFile(f.Path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(f); err == nil || !strings.Contains(err.Error(), f.Path) {
		t.Errorf("error %v does not name %s", err, f.Path)
	}
}

func TestPageSays(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(f *run.Folder)
		says   []string
	}{
		{"what was run, and that backward is not better on average", func(*run.Folder) {}, []string{
			"fashion-mlp-small", "zoo:mlp-2x128", "118,282", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "float32", "avx512",
			"go1.26.8", "2026-03-14 09:26:53 UTC", "12m34s", "&#34;lr&#34;: 0.02", "same distribution at every fixed", "backward is not better on average",
		}},
		{"that the run was interrupted", func(f *run.Folder) { f.Info.Status = run.Interrupted }, []string{"This run was interrupted."}},
		{"that the run was killed", func(f *run.Folder) { f.Info.Status = run.Running }, []string{"has not ended, or was killed"}},
		{"that the run failed", func(f *run.Folder) { f.Info.Status = run.Failed }, []string{"This run failed."}},
		{"what the recipe gives up", func(f *run.Folder) { f.Info.Notes = []string{"Steps differ in law <here>."} },
			[]string{`<p class="warning">Steps differ in law &lt;here&gt;.</p>`}},
		{"that a chain diverged", func(f *run.Folder) { diverge(f, "forward", func(n int) bool { return n > 50 }) },
			[]string{"2 of 2 diverged", `<td class="diverged">diverged</td>`}},
		{"that nothing was recorded", func(f *run.Folder) { f.Lines = nil }, []string{"No iterate was recorded."}},
		{"how much of the time was evaluation", func(*run.Folder) {}, []string{"71.4 %"}}, // 11 of 4.4 + 11 seconds
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFolder(t, []uint64{0, 1}, 60)
			tc.change(f)
			if err := Write(f); err != nil {
				t.Fatal(err)
			}
			text := string(readAll(t, f.Path)[run.ReportFile])
			for _, want := range tc.says {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
		})
	}
}

func TestRatioIsTheOneOfPackageRun(t *testing.T) {
	for _, seeds := range [][]uint64{{0}, {0, 1}, {0, 1, 2}} {
		f := newFolder(t, seeds, 60)
		v := newView(f)
		rows := arrangementRows(v, seedRows(v))
		if !math.IsNaN(rows[0].Ratio) {
			t.Errorf("%s has the ratio %v to itself, which says nothing", rows[0].Arrangement.Name, rows[0].Ratio)
		}
		for _, r := range rows[1:] {
			if want := f.VariabilityRatio(r.Arrangement.Name, "forward"); r.Ratio != want || !(r.Lowest <= want && want <= r.Highest) {
				t.Errorf("%d seeds: %s has the ratio %v in %v to %v, package run says %v",
					len(seeds), r.Arrangement.Name, r.Ratio, r.Lowest, r.Highest, want)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	a, b := newFolder(t, []uint64{0, 1}, 60), newFolder(t, []uint64{1, 2}, 30)
	rename(b, hostile)
	for _, tc := range []struct {
		name    string
		folders []*run.Folder
		figures int
	}{
		{"one run is shown as its report", []*run.Folder{a}, 4},
		{"runs of one name", []*run.Folder{a, a, a}, 9},
		{"runs with other metrics and seeds", []*run.Folder{a, b}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page.html")
			if err := Compare(tc.folders, path); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, content)
			if got := bytes.Count(content, []byte("<figure>")); got != tc.figures {
				t.Errorf("%d figures, want %d", got, tc.figures)
			}
			for i := range tc.folders {
				if heading := fmt.Sprintf("<h2>%d · ", i+1); len(tc.folders) > 1 && !bytes.Contains(content, []byte(heading)) {
					t.Errorf("no heading %q", heading)
				}
			}
		})
	}
	if err := Compare(nil, filepath.Join(t.TempDir(), "page.html")); err == nil {
		t.Error("no error for no run")
	}
}

func TestSingleRunPageIsItsReport(t *testing.T) {
	f := newFolder(t, []uint64{0}, 5)
	path := filepath.Join(t.TempDir(), "page.html")
	if err := errors.Join(Write(f), Compare([]*run.Folder{f}, path)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, readAll(t, f.Path)[run.ReportFile]) {
		t.Error("the page about one run differs from its report")
	}
}

// checkPage requires a page that loads nothing, runs nothing and closes what it opens.
func checkPage(t *testing.T, content []byte) {
	t.Helper()
	lower := strings.ToLower(string(content))
	for _, forbidden := range []string{"<script", "<link", "<img", "<iframe", " src=", " href=", "@import", "url(", "javascript:", "zgotmplz", "%!", "<no value>", "nan"} {
		if strings.Contains(lower, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	for _, element := range []string{"html", "body", "figure", "svg", "table", "tr", "td", "p", "div", "details", "text"} {
		opened := strings.Count(lower, "<"+element+">") + strings.Count(lower, "<"+element+" ")
		if closed := strings.Count(lower, "</"+element+">"); opened != closed {
			t.Errorf("<%s> is opened %d times and closed %d times", element, opened, closed)
		}
	}
}

// checkSVG requires well-formed XML in which every coordinate is a number.
func checkSVG(t *testing.T, path string, content []byte) {
	t.Helper()
	if bytes.Contains(content, []byte("NaN")) || bytes.Contains(content, []byte("Inf")) {
		t.Errorf("%s holds a coordinate that is not a number", path)
	}
	decoder := xml.NewDecoder(bytes.NewReader(content))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "script" {
			t.Errorf("%s holds a script", path)
		}
	}
}

// readAll returns the files of a folder by their path in it.
func readAll(t *testing.T, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = fs.ReadFile(os.DirFS(root), path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
