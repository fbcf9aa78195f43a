package plot_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/plot"
	"pgregory.net/rapid"
)

func ExampleTimeline() {
	f, _ := plot.Timeline{
		Title: "store 1", Y: "thousands",
		Lines: []plot.Line{
			{Name: "actual", X: []float64{1, 2, 3, 4, 5, 6, 7}, Y: []float64{10, 12, 15, 14, 18, 17, 20}},
			{Name: "forecast", X: []float64{7, 8, 9, 10}, Y: []float64{20, 21, 19, 22}},
		},
		Bands: []plot.Band{{Name: "80 %", X: []float64{8, 9, 10}, Lower: []float64{19, 16, 18}, Upper: []float64{23, 22, 26}}},
	}.Figure()
	_ = f.Write(os.Stdout, plot.Text, plot.Options{Height: 5})
	// Output:
	// store 1
	//
	//    26 ┤        ·
	//  22.8 ┤      •••
	//  19.6 ┤   ╭╮••••
	//  16.4 ┤ ╭╮│╰╯ ··
	//  13.2 ┤╭╯╰╯
	//    10 ┼╯
	//
	//    ── actual   •• forecast   ·· 80 %   thousands
}

// history and forecast make one line each, week by week.
func timeline(history, forecast []float64) plot.Timeline {
	past, ahead := plot.Line{Name: "actual", Y: history}, plot.Line{Name: "forecast", Y: forecast}
	const week = 7 * 86400
	for i := range history {
		past.X = append(past.X, float64(week*i))
	}
	for i := range forecast {
		ahead.X = append(ahead.X, float64(week*(len(history)+i)))
	}
	return plot.Timeline{Title: "t", Y: "y", Lines: []plot.Line{past, ahead}}
}

func draw(t *testing.T, history, forecast []float64, format plot.Format, o plot.Options) string {
	t.Helper()
	f, err := timeline(history, forecast).Figure()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, format, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func ramp(n int, at float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = at + float64(i)
	}
	return out
}

func TestOldestHistoryFallsAway(t *testing.T) {
	// 0 lies in the part that is cut: the axis must start above it.
	out := draw(t, ramp(143, 0), ramp(5, 143), plot.Text, plot.Options{Width: 40, Height: 5})
	if strings.Contains(out, " 0 ┤") || strings.Contains(out, " 0 ┼") {
		t.Errorf("the axis still has the first value:\n%s", out)
	}
	if !strings.Contains(out, "147 ┤") {
		t.Errorf("the axis lacks the last forecast:\n%s", out)
	}
}

func TestColor(t *testing.T) {
	plain := draw(t, ramp(5, 0), ramp(3, 5), plot.Text, plot.Options{})
	if strings.Contains(plain, "\x1b") {
		t.Errorf("escapes without Color: %q", plain)
	}
	if colored := draw(t, ramp(5, 0), ramp(3, 5), plot.Text, plot.Options{Color: true}); !strings.Contains(colored, "\x1b[") {
		t.Errorf("no escapes with Color: %q", colored)
	}
}

// TestGaps counts the strokes of a line that is interrupted, and a lone value's dot.
func TestGaps(t *testing.T) {
	nan := math.NaN()
	whole := draw(t, ramp(9, 1), nil, plot.SVG, plot.Options{})
	cut := draw(t, []float64{1, 2, 3, nan, 5, nan, 7, math.Inf(1), 9}, nil, plot.SVG, plot.Options{})
	lone := func(svg string) int { return strings.Count(svg, "fill:#0072B2") }
	if lone(whole) != 0 || lone(cut) != 3 {
		t.Errorf("%d dots on a whole line and %d on one with three lone values", lone(whole), lone(cut))
	}
}

// TestBand draws an area, which ends where an edge does.
func TestBand(t *testing.T) {
	with := timeline(ramp(5, 0), ramp(3, 5))
	with.Bands = []plot.Band{{Name: "95 %", X: []float64{0, 1, 2, 3}, Lower: []float64{0, math.NaN(), 1, 1}, Upper: []float64{2, 2, 3, 3}}}
	f, err := with.Figure()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, plot.SVG, plot.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "95 %") || !strings.Contains(b.String(), "fill:#D45D00") {
		t.Errorf("no band in %s", b.String())
	}
	with.Bands[0].Upper = nil
	if _, err := with.Figure(); err == nil {
		t.Error("a band of unequal edges is drawn")
	}
}

// TestDates puts years, quarters, months, weeks or days on an axis.
func TestDates(t *testing.T) {
	for days, want := range map[int][]string{
		5: {">1970-01-03<"}, 40: {">1970-01-08<", ">1970-01-29<"}, 200: {">1970-02<", ">1970-07<"},
		600: {">1970-04<", ">1971-07<"}, 2000: {">1971<", ">1975<"}, 60000: {">2000<"},
	} {
		f, err := plot.Timeline{Lines: []plot.Line{{X: []float64{0, float64(days * 86400)}, Y: []float64{0, 1}}}}.Figure()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := f.Write(&b, plot.SVG, plot.Options{}); err != nil {
			t.Fatal(err)
		}
		for _, label := range want {
			if !strings.Contains(b.String(), label) {
				t.Errorf("%d days: no label %s", days, label)
			}
		}
		if n := strings.Count(b.String(), ">19") + strings.Count(b.String(), ">20") + strings.Count(b.String(), ">21"); n > 9 {
			t.Errorf("%d days: %d labels", days, n)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	nan := math.NaN()
	for name, history := range map[string][]float64{"empty": nil, "missing": {nan, nan}, "infinite": {math.Inf(1)}} {
		if _, err := timeline(history, nil).Figure(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f, err := timeline(append([]float64{1}, slices.Repeat([]float64{nan}, 20)...), nil).Figure()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(io.Discard, plot.Text, plot.Options{Width: 10}); err == nil {
		t.Error("a text without a value in its columns is drawn")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	f, err := timeline(ramp(3, 0), nil).Figure()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(broken{}, plot.Text, plot.Options{}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// Whatever the numbers, a drawing stays within its size and its input is left
// alone.
func TestAnyNumbers(t *testing.T) {
	value := rapid.OneOf(
		rapid.Float64Range(-1e15, 1e15), rapid.Just(math.NaN()), rapid.Just(math.Inf(-1)), rapid.Just(0.0))
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SliceOfN(value, 0, 200).Draw(t, "history")
		forecast := rapid.SliceOfN(value, 0, 60).Draw(t, "forecast")
		o := plot.Options{Width: rapid.IntRange(1, 80).Draw(t, "width"), Height: rapid.IntRange(1, 20).Draw(t, "height")}
		before := append([]float64{}, history...)
		f, err := timeline(history, forecast).Figure()
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := f.Write(&b, plot.Text, o); err != nil {
			return
		}
		for _, picture := range []plot.Format{plot.SVG, plot.PNG} {
			if err := f.Write(io.Discard, picture, o); err != nil {
				t.Fatal(err)
			}
		}
		lines := strings.Split(b.String(), "\n")[2:]
		if n := len(lines) - 3; n > o.Height+2 { // both ends of the axis may be rounded outwards
			t.Fatalf("%d rows for a height of %d:\n%s", n, o.Height, b.String())
		}
		for _, line := range lines[:len(lines)-2] {
			if n := utf8.RuneCountInString(line); n > o.Width+16 { // the labels take up to 16 columns
				t.Fatalf("a line of %d columns for a width of %d:\n%s", n, o.Width, b.String())
			}
		}
		for i := range before {
			if math.Float64bits(before[i]) != math.Float64bits(history[i]) {
				t.Fatal("the history was changed")
			}
		}
	})
}
