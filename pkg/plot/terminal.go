package plot

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/guptarohit/asciigraph"
)

// Options says how a drawing looks. The zero value works.
type Options struct {
	Width   int    // columns for the line itself, one a period; 0 means 72
	Height  int    // rows between the lowest and the highest value; 0 means 12
	Caption string // below the drawing; may be empty
	Color   bool   // colours by ANSI escapes
}

// The size of a drawing that says nothing of its own: with the labels of the
// axis it fits a terminal of 80 columns.
const (
	defaultWidth  = 72
	defaultHeight = 12
)

func (o Options) withDefaults() Options {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	if o.Height <= 0 {
		o.Height = defaultHeight
	}
	return o
}

// forecastMark draws the forecast, so that it stands out without colours.
const forecastMark = "•"

// Terminal draws the newest history and the forecast that follows it as one
// line. NaN is a missing period and leaves a gap; so does an infinite value.
// Without a single finite value there is nothing to draw, which is an error.
func Terminal(w io.Writer, history, forecast []float64, o Options) error {
	o = o.withDefaults()
	past, ahead := layout(history, forecast, o.Width)
	if !anyFinite(past) && !anyFinite(ahead) {
		return errors.New("plot: no value to draw")
	}
	text := asciigraph.PlotMany([][]float64{past, ahead}, style(o)...)
	if _, err := fmt.Fprintf(w, "%s\n\n%s\n", text, legend(o)); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return nil
}

// style is how the line looks in the drawing module's own words.
func style(o Options) []asciigraph.Option {
	opts := []asciigraph.Option{
		asciigraph.Height(o.Height),
		asciigraph.YAxisValueFormatter(label),
		asciigraph.SeriesChars(asciigraph.DefaultCharSet, asciigraph.CreateCharSet(forecastMark)),
	}
	if o.Color {
		opts = append(opts, asciigraph.SeriesColors(asciigraph.Default, asciigraph.Green))
	}
	return opts
}

// legend says which line is which, and the caption behind it.
func legend(o Options) string {
	text := "   ── history   " + forecastMark + forecastMark + " forecast"
	if o.Caption != "" {
		text += "   " + o.Caption
	}
	return text
}

// layout puts both slices on one axis of at most width columns: the oldest
// history falls away first, then the farthest forecast. The forecast's line
// starts at the newest actual, so that the two touch.
func layout(history, forecast []float64, width int) (past, ahead []float64) {
	forecast = forecast[:min(len(forecast), width)]
	history = history[max(0, len(history)+len(forecast)-width):]
	n := len(history) + len(forecast)
	past, ahead = make([]float64, n), make([]float64, n)
	for i := range n {
		past[i], ahead[i] = math.NaN(), math.NaN()
		if i < len(history) {
			past[i] = finite(history[i])
		} else {
			ahead[i] = finite(forecast[i-len(history)])
		}
	}
	if len(history) > 0 && len(forecast) > 0 {
		ahead[len(history)-1] = past[len(history)-1]
	}
	return past, ahead
}

// finite turns an infinite value, which has no place on an axis, into a gap.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// anyFinite reports whether there is a value at all.
func anyFinite(vs []float64) bool {
	for _, v := range vs {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// label writes a value of the axis with the unit that keeps it short: 1.56M,
// 980k, 42.5.
func label(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e12:
		return strconv.FormatFloat(v, 'e', 2, 64)
	case a >= 1e9:
		return strconv.FormatFloat(v/1e9, 'f', 2, 64) + "G"
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + "M"
	case a >= 1e3:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
