// Results prints tables in Markdown of finished runs, for recipes/RESULTS.md: what became of each arrangement over the seeds. The runs are
// those of tools/results/run.
//
//	go run ./tools/results FOLDER...
package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

func main() {
	for _, path := range os.Args[1:] {
		f, err := run.Open(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		print(f)
	}
}

// print writes the table of one run. Ratios are of path variability, to the first arrangement's with the same seed.
func print(f *run.Folder) {
	accuracy := slices.Contains(f.Info.Metrics, "test_accuracy")
	header := []string{"arrangement", "training loss at the end", "path variability", "ratio to " + f.Info.Arrangements[0].Name, "gradients"}
	if accuracy {
		header = slices.Insert(header, 2, "test accuracy")
	}
	seeds := "1 seed"
	if n := len(f.Info.Seeds); n > 1 {
		seeds = fmt.Sprint(n, " seeds")
	}
	fmt.Printf("\n`%s`%s: %s, %d steps, %.0f s\n\n", f.Info.Name, overrides(f), seeds, f.Info.Steps, f.Info.ElapsedSeconds)
	row(header...)
	row(slices.Repeat([]string{"---"}, len(header))...)
	for _, a := range f.Info.Arrangements {
		var losses, accuracies, variabilities, ratios []float64
		diverged := 0
		for _, s := range f.Series() {
			if s.Arrangement != a.Name {
				continue
			}
			if s.Lines[len(s.Lines)-1].Diverged {
				diverged++
				continue
			}
			losses, accuracies = append(losses, s.Last("train_loss")), append(accuracies, s.Last("test_accuracy"))
			v := s.PathVariability()
			variabilities = append(variabilities, v)
			for _, first := range f.Series() {
				if first.Arrangement == f.Info.Arrangements[0].Name && first.Seed == s.Seed {
					ratios = append(ratios, v/first.PathVariability())
				}
			}
		}
		name := a.Name
		if diverged > 0 {
			name += fmt.Sprintf(" (%d of %d seeds diverged)", diverged, len(f.Info.Seeds))
		}
		cost := fmt.Sprint(a.GradientSteps)
		switch {
		case a.AverageOf != "":
			cost = "of " + a.AverageOf
		case a.HVPs > 0:
			cost += fmt.Sprintf(" and %d products", a.HVPs)
		}
		cells := []string{name, spread(losses, "%.3f"), spread(variabilities, "%.2g"), spread(ratios, "%.3g"), cost}
		if accuracy {
			cells = slices.Insert(cells, 2, spread(accuracies, "%.3f"))
		}
		row(cells...)
	}
}

func overrides(f *run.Folder) string {
	if len(f.Info.Set) == 0 {
		return ""
	}
	return " with `" + strings.Join(f.Info.Set, "`, `") + "`"
}

func row(cells ...string) { fmt.Println("| " + strings.Join(cells, " | ") + " |") }

// spread is the median, and the least and the greatest where there are several.
func spread(values []float64, format string) string {
	values = slices.DeleteFunc(values, math.IsNaN)
	switch len(values) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf(format, values[0])
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", run.Median(values), slices.Min(values), slices.Max(values))
}
