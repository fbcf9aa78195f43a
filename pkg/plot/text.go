package plot

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
)

// Options says how a drawing in text looks. The zero value works.
type Options struct {
	Width  int  // columns for the line itself; 0 means 72
	Height int  // rows between the lowest and the highest value; 0 means 12
	Color  bool // colours by ANSI escapes, where a drawing has them
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

// spansText draws spans as blocks, one a line, on an axis from lo to hi.
func spansText(w io.Writer, title, unit string, spans []span, lo, hi float64, o Options) error {
	names, notes := 0, 0
	for _, s := range spans {
		names, notes = max(names, utf8.RuneCountInString(s.name)), max(notes, utf8.RuneCountInString(s.note))
	}
	width := max(o.Width-names-notes-2, 10)
	place := func(v float64) int {
		if hi <= lo {
			return 0
		}
		return int(math.Round(min(max((v-lo)/(hi-lo), 0), 1) * float64(width)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", title)
	for _, s := range spans {
		from, to := place(min(s.from, s.to)), place(max(s.from, s.to))
		if to == from && s.from != s.to { // small, but there
			from, to = max(from-1, 0), max(from, 1)
		}
		fmt.Fprintf(&b, "%s%s %s%s%s %s\n", s.name, strings.Repeat(" ", names-utf8.RuneCountInString(s.name)),
			strings.Repeat(" ", from), strings.Repeat("█", to-from), strings.Repeat(" ", width-to), s.note)
	}
	fmt.Fprintf(&b, "\n%s\n", unit)
	_, err := io.WriteString(w, b.String())
	return err
}

// marked is how the i-th line of a drawing looks, and its sign in the legend.
func marked(i int) (asciigraph.CharSet, string) {
	marks := []string{"", "•", "+", "×", "o", "*"}
	mark := marks[i%len(marks)]
	if mark == "" {
		return asciigraph.DefaultCharSet, "──"
	}
	return asciigraph.CreateCharSet(mark), mark + mark
}

// curvesText draws lines over the places of their points.
func curvesText(w io.Writer, title, y string, lines []Line, o Options) error {
	var values [][]float64
	var names []string
	chars := make([]asciigraph.CharSet, len(lines))
	for i, l := range lines {
		var mark string
		chars[i], mark = marked(i)
		values = append(values, l.Y)
		names = append(names, mark+" "+l.Name)
	}
	text := asciigraph.PlotMany(values, asciigraph.Height(o.Height), asciigraph.Width(o.Width),
		asciigraph.YAxisValueFormatter(label), asciigraph.SeriesChars(chars...))
	_, err := fmt.Fprintf(w, "%s\n\n%s\n\n   %s   %s\n", title, text, strings.Join(names, "   "), y)
	return err
}

// scatterText draws how many points lie in each cell of a grid, the more the
// darker, and the diagonal where there are none.
func scatterText(w io.Writer, title, x, y string, lines []Line, o Options) error {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for i := range l.X {
			lo, hi = min(lo, l.X[i], l.Y[i]), max(hi, l.X[i], l.Y[i])
		}
	}
	width, height := o.Width, max(o.Height, 2)*2
	cells := make([]int, width*height)
	at := func(v float64, n int) int {
		if hi == lo {
			return 0
		}
		return min(int((v-lo)/(hi-lo)*float64(n)), n-1)
	}
	most := 1
	for _, l := range lines {
		for i := range l.X {
			c := &cells[at(l.Y[i], height)*width+at(l.X[i], width)]
			*c++
			most = max(most, *c)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", title)
	shades := []rune("░▒▓█")
	for row := height - 1; row >= 0; row-- {
		tick := ""
		if row == height-1 || row == 0 {
			tick = label(lo + (hi-lo)*float64(row)/float64(height-1))
		}
		fmt.Fprintf(&b, "%8s ┤", tick)
		for column := range width {
			switch n := cells[row*width+column]; {
			case n > 0:
				b.WriteRune(shades[min((n-1)*len(shades)/most, len(shades)-1)])
			case column*height/width == row:
				b.WriteRune('·')
			default:
				b.WriteRune(' ')
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%8s %s to %s: %s; upwards: %s\n", "", label(lo), label(hi), x, y)
	_, err := io.WriteString(w, b.String())
	return err
}
