package report

import (
	"bytes"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

const (
	figureWidth = vg.Length(675) // points: 900 pixels
	maxPoints   = 2000           // of a curve that takes the whole width
)

var (
	ink   = color.RGBA{0x22, 0x22, 0x22, 0xff}
	muted = color.RGBA{0x66, 0x66, 0x66, 0xff}
	faint = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
)

// figure is a grid of panels: a row for each seed, a column for each heading.
type figure struct {
	title    string
	legend   []entry
	headings []entry // may be none
	seeds    []uint64
	rows     [][]*plot.Plot
}

// entry is a name in the colour of its curve.
type entry struct {
	name string
	hue  color.Color
}

var divergedEntry = entry{"● diverged", ink}

// grid draws a metric: a row for each seed, a column for each arrangement.
func grid(v *view, title, metric string, a axes) []byte {
	seeds, arrangements, more := v.shown()
	f := figure{title: a.caption(title) + more, headings: names(arrangements), seeds: seeds}
	for i, seed := range seeds {
		var row []*plot.Plot
		for j, arrangement := range arrangements {
			p := panel(a, seed, place{column: j, columns: len(arrangements), bottom: i == len(seeds)-1})
			f.add(p, trace(v.series[key{arrangement.Name, seed}].Lines, metric, maxPoints/len(arrangements)), arrangement.color)
			row = append(row, p)
		}
		f.rows = append(f.rows, row)
	}
	return f.render()
}

// overlay draws a metric: a row for each seed with all arrangements in it.
func overlay(v *view, title, metric string, a axes) []byte {
	seeds, arrangements, more := v.shown()
	f := figure{title: a.caption(title) + more, legend: names(arrangements), seeds: seeds}
	for i, seed := range seeds {
		p := panel(a, seed, place{columns: 1, bottom: i == len(seeds)-1})
		for _, arrangement := range arrangements {
			f.add(p, trace(v.series[key{arrangement.Name, seed}].Lines, metric, maxPoints), arrangement.color)
		}
		f.rows = append(f.rows, []*plot.Plot{p})
	}
	return f.render()
}

func names(arrangements []arrangement) []entry {
	var list []entry
	for _, a := range arrangements {
		list = append(list, entry{a.Name, a.color})
	}
	return list
}

func (a axes) caption(title string) string {
	if a.log {
		return title + ", logarithmic scale"
	}
	return title
}

// curve is one series of one metric as it is drawn: in pieces where iterates diverged, with the place of each divergence.
type curve struct {
	pieces   []plotter.XYs
	diverged plotter.XYs // Y is NaN if nothing was drawn before
}

// trace follows a metric along a series. A value that is missing for another reason than divergence is passed over.
func trace(lines []run.Line, metric string, limit int) curve {
	var c curve
	var piece plotter.XYs
	end := func() {
		if len(piece) > 0 {
			c.pieces = append(c.pieces, thin(piece, limit))
			piece = nil
		}
	}
	for _, l := range lines {
		point := plotter.XY{X: float64(l.Iterate), Y: drawn(l.Metric(metric))}
		switch {
		case drawable(point.Y):
			piece = append(piece, point)
		case l.Diverged && len(piece) > 0:
			c.diverged = append(c.diverged, piece[len(piece)-1])
			end()
		case l.Diverged && len(c.pieces) == 0 && len(c.diverged) == 0:
			c.diverged = append(c.diverged, plotter.XY{X: point.X, Y: math.NaN()})
		}
	}
	end()
	c.pieces, c.diverged = spread(c.pieces, limit), spread(c.diverged, limit)
	return c
}

// spread returns at most so many elements of a list, evenly among them: of a curve that breaks off again and again, the pieces.
func spread[L ~[]E, E any](list L, limit int) L {
	if len(list) <= limit {
		return list
	}
	var kept L
	for i := range limit {
		kept = append(kept, list[i*len(list)/limit])
	}
	return kept
}

// add draws a curve in a panel.
func (f *figure) add(p *plot.Plot, c curve, hue color.Color) {
	for _, piece := range c.pieces {
		if len(piece) == 1 {
			p.Add(dots(piece, draw.GlyphStyle{Color: hue, Radius: 1.2, Shape: draw.CircleGlyph{}}))
			continue
		}
		p.Add(&plotter.Line{XYs: piece, LineStyle: draw.LineStyle{Color: hue, Width: 0.7}})
	}
	if len(c.diverged) == 0 {
		return
	}
	for i, point := range c.diverged {
		if math.IsNaN(point.Y) {
			c.diverged[i].Y = p.Y.Max
		}
	}
	p.Add(dots(c.diverged, draw.GlyphStyle{Color: ink, Radius: 2, Shape: draw.CircleGlyph{}}))
	if !slices.Contains(f.legend, divergedEntry) {
		f.legend = append(f.legend, divergedEntry)
	}
}

func dots(points plotter.XYs, style draw.GlyphStyle) *plotter.Scatter {
	return &plotter.Scatter{XYs: points, GlyphStyle: style}
}

// place says which labels a panel carries, those that its neighbours do not, and how much room there is for them.
type place struct {
	column, columns int
	bottom          bool
}

// panel returns the axes of one seed with nothing on them.
func panel(a axes, seed uint64, at place) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		setFont(&axis.Label.TextStyle, 8.5, muted)
		setFont(&axis.Tick.Label, 7.5, muted)
		axis.Label.Padding = 2
		axis.Tick.Length = 0
		axis.Tick.Marker = plot.ConstantTicks{}
		axis.Padding = 2
	}
	span := a.values[seed]
	p.X.Min, p.X.Max = a.x.min, a.x.max
	p.Y.Min, p.Y.Max = span.min, span.max
	p.X.LineStyle = draw.LineStyle{Color: muted, Width: 0.5}
	p.Y.LineStyle.Width = 0
	if a.log {
		p.Y.Scale = plot.LogScale{}
	}
	ticks := a.valueTicks(seed)
	for _, t := range ticks {
		level := plotter.XYs{{X: a.x.min, Y: t.Value}, {X: a.x.max, Y: t.Value}}
		p.Add(&plotter.Line{XYs: level, LineStyle: draw.LineStyle{Color: faint, Width: 0.5}})
	}
	if at.column == 0 {
		p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	}
	if at.bottom {
		p.X.Tick.Marker = plot.ConstantTicks(a.iterateTicks(max(1, 8/at.columns)))
		p.X.Label.Text = "iterate"
	}
	return p
}

// The parts of a figure around its panels, in points.
const (
	headerHeight  = vg.Length(24)
	headingHeight = vg.Length(14)
	seedWidth     = vg.Length(16)
	rightMargin   = vg.Length(10)
)

// render lays the panels out and returns the figure as SVG.
func (f *figure) render() []byte {
	rowHeight := min(max(480/vg.Length(len(f.rows)), 72), 190)
	top := headerHeight
	if len(f.headings) > 0 {
		top += headingHeight
	}
	svg := vgsvg.New(figureWidth, top+rowHeight*vg.Length(len(f.rows)))
	c := draw.New(svg)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	f.writeHeader(c)
	tiles := draw.Tiles{Rows: len(f.rows), Cols: len(f.rows[0]), PadTop: top, PadLeft: seedWidth, PadRight: rightMargin, PadX: 8, PadY: 8}
	canvases := plot.Align(f.rows, tiles, c)
	for i, row := range f.rows {
		for j, p := range row {
			p.Draw(canvases[i][j])
		}
		f.writeSeed(c, i, row[0].DataCanvas(canvases[i][0]))
	}
	for j := range f.headings {
		f.writeHeading(c, j, f.rows[0][j].DataCanvas(canvases[0][j]))
	}
	var b bytes.Buffer
	svg.WriteTo(&b) // a buffer takes everything
	return portable(b.Bytes())
}

// writeHeader writes the title on the left and the legend on the right of the first line.
func (f *figure) writeHeader(c draw.Canvas) {
	style := textStyle(11, ink)
	style.XAlign, style.YAlign = draw.XLeft, draw.YTop
	title := shorten(style, f.title, figureWidth/2)
	c.FillText(style, vg.Point{X: c.Min.X + 2, Y: c.Max.Y - 3}, title)
	if len(f.legend) == 0 {
		return
	}
	const gap = 12
	width := (figureWidth-style.Width(title)-rightMargin)/vg.Length(len(f.legend)) - gap
	x := c.Max.X - rightMargin
	for _, e := range slices.Backward(f.legend) {
		style := textStyle(9.5, e.hue)
		style.XAlign, style.YAlign = draw.XRight, draw.YTop
		name := shorten(style, e.name, width)
		c.FillText(style, vg.Point{X: x, Y: c.Max.Y - 4}, name)
		x -= style.Width(name) + gap
	}
}

// writeHeading writes the name of a column above the first of its panels.
func (f *figure) writeHeading(c draw.Canvas, column int, panel draw.Canvas) {
	style := textStyle(9.5, f.headings[column].hue)
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	name := shorten(style, f.headings[column].name, panel.Max.X-panel.Min.X+8)
	c.FillText(style, vg.Point{X: panel.Center().X, Y: c.Max.Y - headerHeight}, name)
}

// writeSeed writes the seed of a row at its left.
func (f *figure) writeSeed(c draw.Canvas, row int, panel draw.Canvas) {
	style := textStyle(8.5, muted)
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	style.Rotation = math.Pi / 2
	name := shorten(style, "seed "+strconv.FormatUint(f.seeds[row], 10), panel.Max.Y-panel.Min.Y+16)
	c.FillText(style, vg.Point{X: c.Min.X + 2, Y: panel.Center().Y}, name)
}

func textStyle(size vg.Length, hue color.Color) text.Style {
	style := text.Style{Handler: plot.DefaultTextHandler}
	setFont(&style, size, hue)
	return style
}

func setFont(s *text.Style, size vg.Length, hue color.Color) {
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	s.Color = hue
}

// shorten cuts a name to a width.
func shorten(s text.Style, name string, width vg.Length) string {
	name = printable(name)
	if s.Width(name) <= width {
		return name
	}
	cut := []rune(name)
	for len(cut) > 0 && s.Width(string(cut)+"…") > width {
		cut = cut[:len(cut)-1]
	}
	return string(cut) + "…"
}

// portable names, for every text, the fonts that other systems have in place of the one that the figure was measured with, and rounds
// the corners of curves, whose spikes would otherwise be drawn longer than they are.
func portable(svg []byte) []byte {
	return []byte(strings.NewReplacer(
		`style="font-family:Liberation Sans;`, `style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;`,
		"<svg ", `<svg stroke-linejoin="round" `,
	).Replace(string(svg)))
}
