package report

import (
	"fmt"
	"html/template"
	"image/color"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// view is a run folder in the order in which it is shown.
type view struct {
	folder       *run.Folder
	arrangements []arrangement // forward, backward, the others, the averages
	seeds        []uint64
	series       map[key]run.Series
	seedsOf      map[string][]uint64 // of an arrangement: those that it has a series with
	known        map[any]bool        // seeds, and names of arrangements
}

type key struct {
	arrangement string
	seed        uint64
}

type arrangement struct {
	run.ArrangementInfo
	color color.RGBA
}

// CSS is the arrangement's colour for a style sheet.
func (a arrangement) CSS() template.CSS {
	return template.CSS(fmt.Sprintf("#%02x%02x%02x", a.color.R, a.color.G, a.color.B))
}

// newView takes arrangements and seeds from the run's facts, and after them those that only its lines know.
func newView(f *run.Folder) *view {
	v := &view{folder: f, series: map[key]run.Series{}, seedsOf: map[string][]uint64{}, known: map[any]bool{}}
	for _, info := range f.Info.Arrangements {
		v.addArrangement(info)
	}
	for _, seed := range f.Info.Seeds {
		v.addSeed(seed)
	}
	for _, s := range f.Series() {
		v.addArrangement(run.ArrangementInfo{Name: s.Arrangement, Kind: s.Arrangement})
		v.addSeed(s.Seed)
		v.series[key{s.Arrangement, s.Seed}] = s
		v.seedsOf[s.Arrangement] = append(v.seedsOf[s.Arrangement], s.Seed)
	}
	slices.SortStableFunc(v.arrangements, func(a, b arrangement) int { return a.rank() - b.rank() })
	colour(v.arrangements)
	return v
}

// What a figure has room for. The tables have all.
const (
	maxRows    = 50 // seeds
	maxColumns = 24 // arrangements
	maxFigures = 24 // metrics
)

// shown returns the seeds and arrangements that figures show, and how a title says that there are more.
func (v *view) shown() (seeds []uint64, arrangements []arrangement, more string) {
	seeds, arrangements = v.seeds, v.arrangements
	if len(seeds) > maxRows {
		seeds = seeds[:maxRows]
		more += fmt.Sprintf(", the first %d of %d seeds", maxRows, len(v.seeds))
	}
	if len(arrangements) > maxColumns {
		arrangements = arrangements[:maxColumns]
		more += fmt.Sprintf(", the first %d of %d arrangements", maxColumns, len(v.arrangements))
	}
	return seeds, arrangements, more
}

func (v *view) addArrangement(info run.ArrangementInfo) {
	if !v.known[info.Name] {
		v.known[info.Name] = true
		v.arrangements = append(v.arrangements, arrangement{ArrangementInfo: info})
	}
}

func (v *view) addSeed(seed uint64) {
	if !v.known[seed] {
		v.known[seed] = true
		v.seeds = append(v.seeds, seed)
	}
}

// reference returns the arrangement that the others are compared with.
func (v *view) reference() (arrangement, bool) {
	if len(v.arrangements) > 0 && v.arrangements[0].rank() == forward {
		return v.arrangements[0], true
	}
	return arrangement{}, false
}

// The ranks of arrangements, in the order of columns.
const (
	forward = iota
	backward
	other
	average
)

func (a arrangement) rank() int {
	switch {
	case a.AverageOf != "":
		return average
	case a.Kind == "forward":
		return forward
	case a.Kind == "backward":
		return backward
	}
	return other
}

// The colours can be told apart with any kind of colour vision (Okabe and Ito; the last is from Tol's muted scheme).
var (
	firstOf = map[int]color.RGBA{
		forward:  {0xd5, 0x5e, 0x00, 0xff},
		backward: {0x00, 0x72, 0xb2, 0xff},
		average:  {0x00, 0x9e, 0x73, 0xff},
	}
	further = []color.RGBA{
		{0xcc, 0x79, 0xa7, 0xff},
		{0xe6, 0x9f, 0x00, 0xff},
		{0x56, 0xb4, 0xe9, 0xff},
		{0x59, 0x59, 0x59, 0xff},
		{0x88, 0x22, 0x55, 0xff},
	}
)

// colour gives the first arrangement of every rank the colour that it has in every report, and the others the next one.
func colour(arrangements []arrangement) {
	taken := map[int]bool{}
	next := 0
	for i := range arrangements {
		rank := arrangements[i].rank()
		first, ok := firstOf[rank]
		if ok && !taken[rank] {
			taken[rank] = true
			arrangements[i].color = first
			continue
		}
		arrangements[i].color = further[next%len(further)]
		next++
	}
}

// words writes a metric's name as a reader would: train_loss is "training loss".
func words(metric string) string {
	if rest, ok := strings.CutPrefix(metric, "train_"); ok {
		metric = "training_" + rest
	}
	return printable(strings.ReplaceAll(metric, "_", " "))
}

// sentence begins a text with a capital.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// printable replaces what neither XML nor a reader can take.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
