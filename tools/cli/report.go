package cli

import (
	"fmt"
	"path/filepath"

	"github.com/seed5b471a7e/backstitch/framework/report"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "Write one self-contained HTML page that shows or compares runs",
		Example: `  backstitch report runs/quickstart-20250101-120000
  backstitch report runs/a runs/b --out comparison.html`,
		Args: cobra.MinimumNArgs(1),
	}
	out := c.Flags().String("out", "", "the page's `FILE` (default: report.html in the run's folder; for several runs, here)")
	c.RunE = func(c *cobra.Command, arguments []string) error {
		path := *out
		if path == "" && len(arguments) > 1 {
			path = run.ReportFile
		}
		if path != "" {
			if err := checkTarget(path, reportFile); err != nil {
				return err
			}
		}
		var folders []*run.Folder
		for _, argument := range arguments {
			f, err := heard(c.Context(), func() (*run.Folder, error) { return run.Open(argument) })
			if err != nil {
				return err
			}
			folders = append(folders, f)
		}
		if path == "" {
			if _, err := heard(c.Context(), func() (any, error) { return nil, report.Write(folders[0]) }); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "wrote %s\n", filepath.Join(folders[0].Path, run.ReportFile))
			return nil
		}
		if _, err := heard(c.Context(), func() (any, error) { return nil, report.Compare(folders, path) }); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "wrote %s\n", path)
		return nil
	}
	return c
}
