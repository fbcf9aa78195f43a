package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Band is what lies between two lines over time.
type Band struct {
	Name            string
	X, Lower, Upper []float64
}

// Timeline is lines over time, with bands behind them. X is seconds since 1970 in
// UTC, ascending; a Y that is NaN or infinite leaves a gap.
type Timeline struct {
	Title, Y string
	Lines    []Line
	Bands    []Band // the widest first; edges that are not finite leave a gap
}

// Figure draws the lines. Text has a column a moment: where there are more than
// fit, the oldest fall away. Without a single finite value there is nothing to
// draw, a fault.Invalid.
func (t Timeline) Figure() (*Figure, error) {
	for _, l := range t.Lines {
		if len(l.X) != len(l.Y) {
			return nil, fault.New(fault.Invalid, "plot: %s has %d and %d numbers", l.Name, len(l.X), len(l.Y))
		}
	}
	for _, b := range t.Bands {
		if len(b.X) != len(b.Lower) || len(b.X) != len(b.Upper) {
			return nil, fault.New(fault.Invalid, "plot: %s has %d, %d and %d numbers", b.Name, len(b.X), len(b.Lower), len(b.Upper))
		}
	}
	if !slices.ContainsFunc(t.Lines, Line.drawable) {
		return nil, fault.New(fault.Invalid, "plot: there is no value to draw")
	}
	f := newFigure(t.Title, "", t.Y)
	f.picture.X.Tick.Marker = dates{}
	for i, b := range t.Bands {
		if err := f.addBand(b, shade(i)); err != nil {
			return nil, err
		}
	}
	for i, l := range t.Lines {
		if err := f.addRuns(l, palette(i)); err != nil {
			return nil, err
		}
	}
	// The legend stands above the values, not on them.
	const entry = 0.045 // of the height
	f.picture.Y.Max += (f.picture.Y.Max - f.picture.Y.Min) * entry * float64(len(t.Lines)+len(t.Bands))
	f.text = t.text
	return f, nil
}

// shade is the colour of a band: the first line's, the later the darker.
func shade(i int) color.Color {
	return color.NRGBA{213, 94, 0, uint8(min(50+45*i, 200))}
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (l Line) drawable() bool { return slices.ContainsFunc(l.Y, isFinite) }

// runs calls do with each range of indices below n that ok holds for.
func runs(n int, ok func(int) bool, do func(from, to int) error) error {
	for from := 0; from < n; from++ {
		to := from
		for to < n && ok(to) {
			to++
		}
		if to > from {
			if err := do(from, to); err != nil {
				return err
			}
			from = to
		}
	}
	return nil
}

// addRuns draws a line, interrupted by its gaps. A value between two gaps is a dot.
func (f *Figure) addRuns(l Line, c color.Color) error {
	named := false
	return runs(len(l.Y), func(i int) bool { return isFinite(l.Y[i]) }, func(from, to int) error {
		points := make(plotter.XYs, 0, to-from)
		for i := from; i < to; i++ {
			points = append(points, plotter.XY{X: l.X[i], Y: l.Y[i]})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = c, vg.Points(1.6)
		dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}
		f.picture.Add(line)
		if to == from+1 {
			f.picture.Add(dots)
		}
		if !named {
			f.picture.Legend.Add(l.Name, line)
			named = true
		}
		return nil
	})
}

// addBand fills what lies between the edges.
func (f *Figure) addBand(b Band, c color.Color) error {
	named := false
	both := func(i int) bool { return isFinite(b.Lower[i]) && isFinite(b.Upper[i]) }
	return runs(len(b.X), both, func(from, to int) error {
		var edge plotter.XYs
		for i := from; i < to; i++ {
			edge = append(edge, plotter.XY{X: b.X[i], Y: b.Upper[i]})
		}
		for i := to - 1; i >= from; i-- {
			edge = append(edge, plotter.XY{X: b.X[i], Y: b.Lower[i]})
		}
		area, err := plotter.NewPolygon(edge)
		if err != nil {
			return err
		}
		area.Color, area.Width = c, 0
		f.picture.Add(area)
		if !named {
			f.picture.Legend.Add(b.Name, area)
			named = true
		}
		return nil
	})
}

// bandMark draws the edges of bands in text.
const bandMark = "·"

// text draws the newest moments as lines of characters.
func (t Timeline) text(w io.Writer, o Options) error {
	moments := t.moments()
	moments = moments[max(0, len(moments)-o.Width):]
	var values [][]float64
	var chars []asciigraph.CharSet
	var names []string
	for _, b := range t.Bands {
		values = append(values, laid(moments, b.X, b.Lower), laid(moments, b.X, b.Upper))
		chars = append(chars, asciigraph.CreateCharSet(bandMark), asciigraph.CreateCharSet(bandMark))
		names = append(names, bandMark+bandMark+" "+b.Name)
	}
	for i, l := range t.Lines {
		values = append(values, laid(moments, l.X, l.Y))
		set, mark := marked(i)
		chars = append(chars, set)
		names = append(names, mark+" "+l.Name)
	}
	options := []asciigraph.Option{asciigraph.Height(o.Height), asciigraph.YAxisValueFormatter(label), asciigraph.SeriesChars(chars...)}
	if o.Color {
		options = append(options, asciigraph.SeriesColors(t.colors()...))
	}
	if !slices.ContainsFunc(slices.Concat(values...), isFinite) {
		return fault.New(fault.Invalid, "there is no value among the newest %d", o.Width)
	}
	slices.Reverse(names[:len(t.Bands)]) // the narrowest first
	names = append(names[len(t.Bands):], names[:len(t.Bands)]...)
	_, err := fmt.Fprintf(w, "%s\n\n%s\n\n   %s   %s\n", t.Title, asciigraph.PlotMany(values, options...), strings.Join(names, "   "), t.Y)
	return err
}

// colors are the terminal's: bands are gray, the first line is plain.
func (t Timeline) colors() []asciigraph.AnsiColor {
	lines := []asciigraph.AnsiColor{asciigraph.Default, asciigraph.Green, asciigraph.Blue, asciigraph.Magenta, asciigraph.Olive, asciigraph.Teal}
	var colors []asciigraph.AnsiColor
	for range t.Bands {
		colors = append(colors, asciigraph.Gray, asciigraph.Gray)
	}
	for i := range t.Lines {
		colors = append(colors, lines[i%len(lines)])
	}
	return colors
}

// moments are the places on the axis of time that anything has, in order.
func (t Timeline) moments() []float64 {
	var all []float64
	for _, l := range t.Lines {
		all = append(all, l.X...)
	}
	for _, b := range t.Bands {
		all = append(all, b.X...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// laid puts values at their moments, NaN where there is none.
func laid(moments, x, y []float64) []float64 {
	out := slices.Repeat([]float64{math.NaN()}, len(moments))
	for i, at := range x {
		if j, ok := slices.BinarySearch(moments, at); ok && isFinite(y[i]) {
			out[j] = y[i]
		}
	}
	return out
}
