package cli

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// table prints rows in aligned columns: columns of numbers to the right, all others to the left.
type table struct {
	w      io.Writer
	header []string // may be nil
	rows   [][]string
}

func newTable(w io.Writer, header ...string) *table { return &table{w: w, header: header} }

// row adds a row. Cells are shortened, and what is not printable in them is escaped.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(plugin.Shorten(cell))
	}
	t.rows = append(t.rows, cells)
}

func (t *table) flush() error {
	var columns []column
	for _, cells := range t.rows {
		columns = widen(columns, cells, true)
	}
	lines := t.rows
	if t.header != nil {
		columns = widen(columns, t.header, false)
		lines = append([][]string{t.header}, lines...)
	}
	var text strings.Builder
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			gap := strings.Repeat(" ", columns[i].width-uniseg.StringWidth(cell))
			if columns[i].text {
				line.WriteString(cell + gap + "  ")
			} else {
				line.WriteString(gap + cell + "  ")
			}
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(t.w, text.String())
	return err
}

// flushApart prints the table, if it has rows, after an empty line.
func (t *table) flushApart() error {
	if len(t.rows) == 0 {
		return nil
	}
	if _, err := io.WriteString(t.w, "\n"); err != nil {
		return err
	}
	return t.flush()
}

// column is what the cells of a column have in common.
type column struct {
	width int
	text  bool // some are no numbers
}

// widen makes columns fit a row's cells, and lets those of the body say whether a column holds text.
func widen(columns []column, cells []string, body bool) []column {
	for i, cell := range cells {
		if i == len(columns) {
			columns = append(columns, column{})
		}
		columns[i].width = max(columns[i].width, uniseg.StringWidth(cell))
		columns[i].text = columns[i].text || body && strings.Trim(cell, "0123456789,.+-e") != ""
	}
	return columns
}
