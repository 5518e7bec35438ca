package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/spf13/cobra"
)

func newConformance() *cobra.Command {
	c := &cobra.Command{
		Use:   "conformance DIR",
		Short: "Run ONNX's backend tests: which pass, which fail, which are not supported and why",
		Long: `Runs the tests in DIR, which is a test (a folder with model.onnx and test_data_set_*), a group of tests, or a collection of groups such
as Debian's libonnx-testdata. Every output of every data set is compared: type, shape and numbers.

A test is unsupported if its model is refused, for the reason given. Fails if a test fails.`,
		Example: `  backstitch model conformance /usr/share/libonnx-testdata/data
  backstitch model conformance /usr/share/libonnx-testdata/data/node/test_gemm_all_attributes --json`,
		Args: cobra.ExactArgs(1),
	}
	var name string
	choiceFlag(c, &name, "engine", "plan", conformance.Engines(), "the engine, one that runs any graph")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		r := &conformanceReport{Folder: arguments[0], Engine: name}
		if err := r.run(c.Context(), c.ErrOrStderr()); err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(c, r); err != nil {
				return err
			}
		} else if err := r.print(c.OutOrStdout()); err != nil {
			return err
		}
		return r.failure()
	}
	return c
}

// conformanceReport is what became of the tests in a folder.
type conformanceReport struct {
	Folder string               `json:"folder"`
	Engine string               `json:"engine"`
	Groups []conformance.Count  `json:"groups"`
	Tests  []conformance.Result `json:"tests"`
}

func (r *conformanceReport) run(ctx context.Context, stderr io.Writer) error {
	tests, err := conformance.Find(r.Folder)
	if err != nil {
		return err
	}
	e, err := conformance.NewEvaluator(r.Engine)
	if err != nil {
		return err
	}
	p := newProgress(stderr, work{"testing", "tests", "tests"}, int64(len(tests)))
	defer p.finish()
	p.add(0)
	for _, test := range tests {
		if err := ctx.Err(); err != nil {
			return err
		}
		result, err := heard(ctx, func() (conformance.Result, error) { return conformance.Run(test, e), nil })
		if err != nil {
			return err
		}
		r.Tests = append(r.Tests, result)
		p.add(1)
	}
	r.Groups = conformance.Counts(r.Tests)
	return nil
}

func (r *conformanceReport) print(w io.Writer) error {
	t := newTable(w, "group", "tests", "passed", "failed", "unsupported")
	for _, g := range r.Groups {
		t.row(g.Group, fmt.Sprint(g.Tests), fmt.Sprint(g.Passed), fmt.Sprint(g.Failed), fmt.Sprint(g.Unsupported))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := r.printFailures(w); err != nil {
		return err
	}
	return r.printReasons(w)
}

func (r *conformanceReport) printFailures(w io.Writer) error {
	t := newTable(w, "failed", "because")
	for _, test := range r.Tests {
		if test.Outcome == conformance.Failed {
			t.row(test.Group+"/"+test.Name, test.Reason)
		}
	}
	return t.flushApart()
}

// printReasons prints why tests are not supported, the most frequent reason first.
func (r *conformanceReport) printReasons(w io.Writer) error {
	counts := map[string]int{}
	var reasons []string
	for _, test := range r.Tests {
		if test.Outcome != conformance.Unsupported {
			continue
		}
		if counts[test.Reason]++; counts[test.Reason] == 1 {
			reasons = append(reasons, test.Reason)
		}
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	t := newTable(w, "unsupported", "because")
	for _, reason := range reasons {
		t.row(fmt.Sprint(counts[reason]), reason)
	}
	return t.flushApart()
}

// failure says how many tests failed.
func (r *conformanceReport) failure() error {
	failed := 0
	for _, g := range r.Groups {
		failed += g.Failed
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s of %d failed", r.Folder, several(failed, "test"), len(r.Tests))
}
