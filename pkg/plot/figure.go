// Package plot draws from plain slices. It knows no store, no period and no model:
// whoever calls it says in titles what the numbers are. Every drawing is a Figure:
// a function makes it of numbers (Timeline, Curves, Scatter, Histogram, Bars,
// Waterfall), and Write gives it as PNG or SVG, the same bytes for the same
// numbers, or as text.
//
// Pictures are gonum's, lines of text asciigraph's.
package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Format is a form of a figure.
type Format string

// The forms.
const (
	PNG  Format = "png"
	SVG  Format = "svg"
	Text Format = "txt"
)

// FormatOf returns the form that a file's name asks for.
func FormatOf(name string) (Format, error) {
	f := Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(name), ".")))
	if !slices.Contains([]Format{PNG, SVG, Text}, f) {
		return "", fault.New(fault.Usage, "%s is no picture that can be written", name).WithHint("let the name end in .png, .svg or .txt")
	}
	return f, nil
}

// Line is points with a name, in the order of X.
type Line struct {
	Name string
	X, Y []float64
}

// Bar is a number with a name.
type Bar struct {
	Name  string
	Value float64
}

// Figure is a drawing.
type Figure struct {
	picture       *gonum.Plot
	width, height font.Length
	text          func(w io.Writer, o Options) error
}

// The size of a picture, at 96 dots an inch 768 x 480.
const (
	pictureWidth  = 8 * vg.Inch
	pictureHeight = 5 * vg.Inch
	barHeight     = 0.28 * vg.Inch
)

// Write draws the figure. Options are for text alone.
func (f *Figure) Write(w io.Writer, format Format, o Options) error {
	var err error
	switch format {
	case PNG:
		c := vgimg.New(f.width, f.height)
		f.draw(draw.New(c))
		_, err = vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	case SVG:
		c := vgsvg.New(f.width, f.height)
		f.draw(draw.New(c))
		_, err = c.WriteTo(w)
	default:
		err = f.text(w, o.withDefaults())
	}
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return nil
}

// draw leaves a margin around the picture.
func (f *Figure) draw(c draw.Canvas) {
	const margin = 8 * vg.Inch / 96
	c.SetColor(color.White)
	c.Fill(c.Path())
	f.picture.Draw(draw.Crop(c, margin, -2*margin, margin, -margin))
}

// palette is Okabe and Ito's, told apart by people of any colour vision (Color
// Universal Design, 2008).
func palette(i int) color.Color {
	colors := []color.RGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255},
	}
	return colors[i%len(colors)]
}

var (
	up   = color.RGBA{0, 158, 115, 255}
	down = color.RGBA{213, 94, 0, 255}
	gray = color.RGBA{110, 110, 110, 255}
)

func newFigure(title, x, y string) *Figure {
	p := gonum.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	p.Legend.Top = true
	p.X.Tick.Marker, p.Y.Tick.Marker = short{}, short{}
	p.Add(plotter.NewGrid())
	return &Figure{picture: p, width: pictureWidth, height: pictureHeight}
}

// short labels the ticks of an axis.
type short struct{}

// Ticks returns gonum's ticks with short labels, with as many digits as tell them
// apart.
func (short) Ticks(lo, hi float64) []gonum.Tick {
	ticks := gonum.DefaultTicks{}.Ticks(lo, hi)
	for digits := 3; digits <= 9; digits++ {
		seen, same := map[string]bool{}, false
		for i := range ticks {
			if ticks[i].IsMinor() {
				continue
			}
			ticks[i].Label = shortened(ticks[i].Value, digits)
			same = same || seen[ticks[i].Label]
			seen[ticks[i].Label] = true
		}
		if !same {
			break
		}
	}
	return ticks
}

// shortened writes a value with so many digits at most, and the unit that keeps it
// short.
func shortened(v float64, digits int) string {
	unit := ""
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			v, unit = v/u.size, u.name
			break
		}
	}
	return strconv.FormatFloat(v, 'g', digits, 64) + unit
}

// Curves draws lines over a common axis.
func Curves(title, x, y string, lines ...Line) (*Figure, error) {
	f := newFigure(title, x, y)
	for i, l := range lines {
		points, err := l.points()
		if err != nil {
			return nil, err
		}
		drawn, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		drawn.Color, drawn.Width = palette(i), vg.Points(1.6)
		f.picture.Add(drawn)
		f.picture.Legend.Add(l.Name, drawn)
	}
	f.text = func(w io.Writer, o Options) error { return curvesText(w, title, y, lines, o) }
	return f, nil
}

// Scatter draws points, and the diagonal on which both numbers of a point are the
// same: for what was forecast over what came, how far from it is how wrong.
func Scatter(title, x, y string, lines ...Line) (*Figure, error) {
	f := newFigure(title, x, y)
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, l := range lines {
		points, err := l.points()
		if err != nil {
			return nil, err
		}
		drawn, err := plotter.NewScatter(points)
		if err != nil {
			return nil, err
		}
		drawn.GlyphStyle = draw.GlyphStyle{Color: palette(i), Radius: vg.Points(1.4), Shape: draw.CircleGlyph{}}
		f.picture.Add(drawn)
		f.picture.Legend.Add(l.Name, drawn)
		for _, p := range points {
			lo, hi = min(lo, p.X, p.Y), max(hi, p.X, p.Y)
		}
	}
	diagonal, err := plotter.NewLine(plotter.XYs{{X: lo, Y: lo}, {X: hi, Y: hi}})
	if err != nil {
		return nil, err
	}
	diagonal.Color, diagonal.Dashes = gray, []vg.Length{vg.Points(4), vg.Points(3)}
	f.picture.Add(diagonal)
	f.picture.Legend.Left = true
	f.text = func(w io.Writer, o Options) error { return scatterText(w, title, x, y, lines, o) }
	return f, nil
}

// points returns the line's points, which must be finite and at least one.
func (l Line) points() (plotter.XYs, error) {
	if len(l.X) != len(l.Y) || len(l.X) == 0 {
		return nil, fault.New(fault.Invalid, "plot: %s has %d and %d numbers", l.Name, len(l.X), len(l.Y))
	}
	points := make(plotter.XYs, len(l.X))
	for i := range points {
		points[i].X, points[i].Y = l.X[i], l.Y[i]
		if math.IsNaN(l.X[i]+l.Y[i]) || math.IsInf(l.X[i]+l.Y[i], 0) {
			return nil, fault.New(fault.Invalid, "plot: %s has the point %v, %v", l.Name, l.X[i], l.Y[i])
		}
	}
	return points, nil
}
