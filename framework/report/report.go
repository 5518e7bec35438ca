// Package report turns run folders into pictures and pages: SVG plots, one row for each seed, and HTML pages that need neither
// scripts nor a network.
//
// It reads what a run recorded and computes nothing that needs the model. It refuses to average curves over seeds, because that
// hides what distinguishes arrangements, and to rank arrangements.
package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"count":    func(n any) string { return count(reflect.ValueOf(n).Int()) }, // of an int or an int64
	"dash":     func() string { return dash },
	"duration": duration,
	"moment":   moment,
	"number":   number,
	"percent":  percent,
	"words":    words,
}).Parse(pageSource))

// page is what the template shows: one run, or several side by side.
type page struct {
	Title   string
	Runs    []section
	Figures []template.HTML
}

// section is one run of a page.
type section struct {
	Heading      string
	Info         run.Info
	Recorded     int64 // gradient steps
	Arrangements []arrangementRow
	Reference    string // the arrangement that ratios are taken to, "" if there is none
	Seeds        []seedRow
	Contractions []contractionRow // where the run measured them
	Recipe       string
}

// Has reports whether an arrangement of the kind is among the run's.
func (s section) Has(kind string) bool {
	return slices.ContainsFunc(s.Arrangements, func(r arrangementRow) bool { return r.Arrangement.Kind == kind })
}

// Resets returns how many trials were accepted.
func (s section) Resets() (accepted int) {
	for _, r := range s.Arrangements {
		accepted += r.Resets
	}
	return accepted
}

// Write draws the plots of a run into its folder, one file for each metric and one that overlays the training losses, and writes its
// report. Files of an earlier report are replaced, each as a whole.
func Write(f *run.Folder) error {
	p, plots, err := newPage(f)
	if err != nil {
		return err
	}
	folder := filepath.Join(f.Path, run.PlotsFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, d := range plots {
		if err := write(filepath.Join(folder, d.file), d.svg); err != nil {
			return err
		}
	}
	return p.write(filepath.Join(f.Path, run.ReportFile))
}

// Compare writes one page about several runs: for each metric the plots of every run, in which rows of the same seed have the same
// range of values. The page about a single run is its report.
func Compare(folders []*run.Folder, path string) error {
	var p page
	var err error
	switch len(folders) {
	case 0:
		err = errors.New("report: there is no run to compare")
	case 1:
		p, _, err = newPage(folders[0])
	default:
		p, err = newComparison(folders)
	}
	if err != nil {
		return err
	}
	return p.write(path)
}

// newPage returns the page about one run, and the plots in it.
func newPage(f *run.Folder) (page, []drawing, error) {
	v := newView(f)
	s, err := newSection(v, f.Info.Name)
	p := page{Title: f.Info.Name, Runs: []section{s}}
	plots := drawings(v)
	for _, d := range plots {
		p.Figures = append(p.Figures, inline(d.svg))
	}
	return p, plots, err
}

// newComparison returns the page about several runs, which are numbered because their names may be equal.
func newComparison(folders []*run.Folder) (page, error) {
	p := page{Title: fmt.Sprintf("Comparison of %d runs", len(folders))}
	var views []*view
	for i, f := range folders {
		v := newView(f)
		s, err := newSection(v, fmt.Sprintf("%d · %s", i+1, f.Info.Name))
		if err != nil {
			return page{}, err
		}
		views = append(views, v)
		p.Runs = append(p.Runs, s)
	}
	for _, metric := range metricsOf(views...) {
		a := newAxes(metric, views...)
		for i, v := range views {
			if v.draws(metric) {
				p.Figures = append(p.Figures, inline(grid(v, sentence(words(metric))+" of "+p.Runs[i].Heading, metric, a)))
			}
		}
	}
	return p, nil
}

// drawing is one plot file.
type drawing struct {
	file string
	svg  []byte
}

// overlaid is the metric that is also drawn with all arrangements in one panel.
const overlaid = "train_loss"

func drawings(v *view) []drawing {
	var list []drawing
	for _, metric := range metricsOf(v) {
		if !v.draws(metric) {
			continue
		}
		a := newAxes(metric, v)
		title, file := sentence(words(metric)), url.PathEscape(metric)
		list = append(list, drawing{file + ".svg", grid(v, title, metric, a)})
		if metric == overlaid {
			list = append(list, drawing{file + "-overlay.svg", overlay(v, title+", all arrangements", metric, a)})
		}
	}
	return list
}

// draws reports whether the run has anything to show of a metric.
func (v *view) draws(metric string) bool {
	return len(v.folder.Lines) > 0 && slices.Contains(v.folder.Info.Metrics, metric)
}

// metricsOf lists the metrics of the runs in the order of their first appearance, as many as there are figures for.
func metricsOf(views ...*view) []string {
	var metrics []string
	for _, v := range views {
		for _, metric := range v.folder.Info.Metrics {
			if len(metrics) < maxFigures && !slices.Contains(metrics, metric) {
				metrics = append(metrics, metric)
			}
		}
	}
	return metrics
}

func newSection(v *view, heading string) (section, error) {
	s := section{Heading: heading, Info: v.folder.Info, Seeds: seedRows(v), Contractions: contractionRows(v)}
	s.Arrangements = arrangementRows(v, s.Seeds)
	if reference, ok := v.reference(); ok {
		s.Reference = reference.Name
	}
	for _, r := range s.Arrangements {
		s.Recorded += r.Steps
	}
	var err error
	if s.Recipe, err = indented(v.folder.Info.Recipe); err != nil {
		return s, fmt.Errorf("report: the recipe of %s: %w", v.folder.Path, err)
	}
	return s, nil
}

func (p page) write(path string) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return write(path, b.Bytes())
}

// inline returns the part of an SVG file that stands in a page. The texts in it are escaped already.
func inline(svg []byte) template.HTML {
	return template.HTML(svg[bytes.Index(svg, []byte("<svg")):])
}

func write(path string, data []byte) error {
	return run.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
