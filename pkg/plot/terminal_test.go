package plot_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/plot"
	"pgregory.net/rapid"
)

func ExampleTerminal() {
	history := []float64{10, 12, 15, 14, 18, 17, 20}
	forecast := []float64{21, 19, 22}
	_ = plot.Terminal(os.Stdout, history, forecast, plot.Options{Height: 4, Caption: "store 1, in thousands"})
	// Output:
	// 22 ┤     ••••
	//  19 ┤   ╭─╯ ••
	//  16 ┤ ╭─╯
	//  13 ┤╭╯
	//  10 ┼╯
	//
	//    ── history   •• forecast   store 1, in thousands
}

func draw(t *testing.T, history, forecast []float64, o plot.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := plot.Terminal(&b, history, forecast, o); err != nil {
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
	out := draw(t, ramp(143, 0), ramp(5, 143), plot.Options{Width: 40, Height: 5})
	if strings.Contains(out, " 0 ┤") || strings.Contains(out, " 0 ┼") {
		t.Errorf("the axis still has the first value:\n%s", out)
	}
	if !strings.Contains(out, "147 ┤") {
		t.Errorf("the axis lacks the last forecast:\n%s", out)
	}
}

func TestColor(t *testing.T) {
	plain := draw(t, ramp(5, 0), ramp(3, 5), plot.Options{})
	if strings.Contains(plain, "\x1b") {
		t.Errorf("escapes without Color: %q", plain)
	}
	if colored := draw(t, ramp(5, 0), ramp(3, 5), plot.Options{Color: true}); !strings.Contains(colored, "\x1b[") {
		t.Errorf("no escapes with Color: %q", colored)
	}
}

func TestNothingToDraw(t *testing.T) {
	nan := math.NaN()
	for name, history := range map[string][]float64{"empty": nil, "missing": {nan, nan}, "infinite": {math.Inf(1)}} {
		if err := plot.Terminal(io.Discard, history, nil, plot.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	err := plot.Terminal(broken{}, ramp(3, 0), nil, plot.Options{})
	if err == nil || !strings.Contains(err.Error(), "disk full") {
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
		var b bytes.Buffer
		if err := plot.Terminal(&b, history, forecast, o); err != nil {
			return
		}
		lines := strings.Split(b.String(), "\n")
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
