package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/salesctl/salesctl/pkg/fault"
)

// span is a bar from one number to another.
type span struct {
	name     string
	from, to float64
	color    color.Color
	note     string // beside it
}

// Bars draws numbers side by side, the first on top. Values have the unit of the
// axis.
func Bars(title, unit string, bars []Bar) (*Figure, error) {
	spans := make([]span, len(bars))
	for i, b := range bars {
		spans[i] = span{b.Name, 0, b.Value, palette(0), label(b.Value)}
	}
	lo, hi := 0.0, 0.0
	for _, b := range bars {
		lo, hi = min(lo, b.Value), max(hi, b.Value)
	}
	return spansFigure(title, unit, spans, lo, hi+(hi-lo)*0.12) // with room for the notes
}

// Waterfall draws how steps lead from start to their sum: each begins where the
// one before it ended.
func Waterfall(title, unit string, start Bar, steps []Bar, total string) (*Figure, error) {
	spans := []span{{start.Name, 0, start.Value, gray, label(start.Value)}}
	at := start.Value
	for _, s := range steps {
		c, sign := color.Color(up), "+"
		if s.Value < 0 {
			c, sign = down, ""
		}
		spans = append(spans, span{s.Name, at, at + s.Value, c, sign + label(s.Value)})
		at += s.Value
	}
	spans = append(spans, span{total, 0, at, palette(0), label(at)})
	lo, hi := reach(spans)
	return spansFigure(title, unit, spans, lo, hi)
}

// reach returns the ends of an axis on which spans can be seen to end, with some
// room: the steps are what matters, not how far they are from 0.
func reach(spans []span) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, s := range spans {
		lo, hi = min(lo, s.to), max(hi, s.to)
	}
	room := (hi - lo) / 8
	if room == 0 {
		room = math.Max(math.Abs(hi)/8, 1)
	}
	return lo - room, hi + room
}

// spansFigure draws spans on an axis from lo to hi, cut off where they go beyond.
func spansFigure(title, unit string, spans []span, lo, hi float64) (*Figure, error) {
	if len(spans) == 0 {
		return nil, fault.New(fault.Invalid, "plot: there is nothing to draw")
	}
	for _, s := range spans {
		if math.IsNaN(s.to) || math.IsInf(s.to, 0) {
			return nil, fault.New(fault.Invalid, "plot: %s is %v", s.name, s.to)
		}
	}
	f := newFigure(title, unit, "")
	f.height = max(pictureHeight*3/5, vg.Length(len(spans))*barHeight+1.2*vg.Inch)
	names := make([]string, len(spans))
	for i := range spans {
		names[len(spans)-1-i] = spans[i].name
	}
	f.picture.Add(spanPlotter(spans))
	f.picture.NominalY(names...)
	f.picture.X.Min, f.picture.X.Max = lo, hi
	f.text = func(w io.Writer, o Options) error { return spansText(w, title, unit, spans, lo, hi, o) }
	return f, nil
}

// spanPlotter draws spans from left to right, the first on top.
type spanPlotter []span

// Plot draws the spans and their notes.
func (s spanPlotter) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	style := p.X.Tick.Label
	style.YAlign = draw.YCenter
	for i, b := range s {
		at := float64(len(s) - 1 - i)
		from, to := max(x(min(b.from, b.to)), c.Min.X), min(x(max(b.from, b.to)), c.Max.X)
		bottom, top := y(at-0.36), y(at+0.36)
		c.FillPolygon(b.color, []vg.Point{{X: from, Y: bottom}, {X: to, Y: bottom}, {X: to, Y: top}, {X: from, Y: top}})
		style.XAlign, style.Color = draw.XLeft, color.Black
		place := to + vg.Points(3)
		if room := style.Width(b.note); place+room > c.Max.X {
			place, style.XAlign = from-vg.Points(3), draw.XRight
		}
		c.FillText(style, vg.Point{X: place, Y: y(at)}, b.note)
	}
}

// DataRange tells gonum how far the axes reach. The one of the numbers is set.
func (s spanPlotter) DataRange() (xmin, xmax, ymin, ymax float64) {
	return math.Inf(1), math.Inf(-1), -0.6, float64(len(s)) - 0.4
}

// Histogram draws how many of the values lie in each of n equally wide bins.
func Histogram(title, unit string, values []float64, n int) (*Figure, error) {
	bins, err := count(values, n)
	if err != nil {
		return nil, err
	}
	f := newFigure(title, unit, "rows")
	h, err := plotter.NewHist(plotter.Values(values), n)
	if err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	h.FillColor = palette(0)
	f.picture.Add(h)
	f.text = func(w io.Writer, o Options) error {
		return spansText(w, title, "rows by "+unit, bins, 0, most(bins), o)
	}
	return f, nil
}

// count puts values into bins.
func count(values []float64, n int) ([]span, error) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fault.New(fault.Invalid, "plot: %v has no place in a histogram", v)
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	if len(values) == 0 || n < 1 {
		return nil, fault.New(fault.Invalid, "plot: %d values in %d bins", len(values), n)
	}
	width := (hi - lo) / float64(n)
	bins := make([]span, n)
	for i := range bins {
		bins[i].name = label(lo + float64(i)*width)
	}
	for _, v := range values {
		i := n - 1
		if width > 0 {
			i = min(int((v-lo)/width), n-1)
		}
		bins[i].to++
	}
	for i := range bins {
		bins[i].note = label(bins[i].to)
	}
	return bins, nil
}

// most returns the largest count.
func most(bins []span) float64 {
	n := 0.0
	for _, b := range bins {
		n = max(n, b.to)
	}
	return n
}
