package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
)

// figures are one of each sort.
func figures(t *testing.T) map[string]*Figure {
	t.Helper()
	must := func(f *Figure, err error) *Figure {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	rounds, train, valid := []float64{1, 2, 3, 4}, []float64{90e3, 60e3, 45e3, 40e3}, []float64{95e3, 70e3, 66e3, 67e3}
	actual, forecast := []float64{1e6, 1.2e6, 2e6, 0.5e6}, []float64{1.1e6, 1.2e6, 1.7e6, 0.6e6}
	return map[string]*Figure{
		"curves":    must(Curves("RMSE by trees", "trees", "RMSE", Line{"training", rounds, train}, Line{"validation", rounds, valid})),
		"scatter":   must(Scatter("One week ahead", "actual", "forecast", Line{"rf", actual, forecast})),
		"histogram": must(Histogram("Errors", "forecast minus actual", []float64{-30e3, -5e3, 0, 2e3, 4e3, 4100, 30e3}, 6)),
		"bars":      must(Bars("What features are worth", "share of the gain", []Bar{{"lag_52", 0.61}, {"store", 0.3}, {"cpi", 0.09}})),
		"waterfall": must(Waterfall("Store 1, 2012-10-26", "dollars", Bar{"mean", 1.5e6},
			[]Bar{{"holiday", 40e3}, {"temperature", -12e3}, {"all others", 500}}, "prediction")),
	}
}

// The texts are the goldens: UPDATE_GOLDEN=1 go test ./pkg/plot writes them.
func TestTexts(t *testing.T) {
	for name, f := range figures(t) {
		var got bytes.Buffer
		if err := f.Write(&got, Text, Options{Width: 60, Height: 8}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Pictures can be read, show something, and are the same bytes every time.
func TestPictures(t *testing.T) {
	for name, f := range figures(t) {
		var first, second bytes.Buffer
		if err := errors.Join(f.Write(&first, PNG, Options{}), f.Write(&second, PNG, Options{})); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two pictures of the same numbers differ", name)
		}
		img, err := png.Decode(&first)
		if err != nil {
			t.Fatal(err)
		}
		colored := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, g, b, _ := img.At(x, y).RGBA(); r != g || g != b {
					colored++
				}
			}
		}
		if colored < 50 {
			t.Errorf("%s: %d points of any colour", name, colored)
		}
	}
}

func TestSVGHasItsWords(t *testing.T) {
	var b bytes.Buffer
	if err := figures(t)["waterfall"].Write(&b, SVG, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Store 1, 2012-10-26", "holiday", "+40.0k", "-12.0k", "prediction", "dollars"} {
		if !strings.Contains(b.String(), word) {
			t.Errorf("there is no %q", word)
		}
	}
	in := xml.NewDecoder(&b)
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFiguresRefuseWhatHasNoPlace(t *testing.T) {
	nan := []float64{1, math.NaN()}
	for name, err := range map[string]error{
		"curve":     second(Curves("", "", "", Line{"a", []float64{1, 2}, nan})),
		"lengths":   second(Curves("", "", "", Line{"a", []float64{1, 2}, []float64{1}})),
		"scatter":   second(Scatter("", "", "", Line{"a", nan, nan})),
		"histogram": second(Histogram("", "", nan, 5)),
		"no values": second(Histogram("", "", nil, 5)),
		"bars":      second(Bars("", "", []Bar{{"a", math.Inf(1)}})),
		"no bars":   second(Bars("", "", nil)),
	} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *Figure, err error) error { return err }

// Nothing that lies on top of itself keeps a drawing from being made.
func TestFiguresOfOneValue(t *testing.T) {
	for name, make := range map[string]func() (*Figure, error){
		"curve":     func() (*Figure, error) { return Curves("", "", "", Line{"a", []float64{1}, []float64{2}}) },
		"scatter":   func() (*Figure, error) { return Scatter("", "", "", Line{"a", []float64{2}, []float64{2}}) },
		"histogram": func() (*Figure, error) { return Histogram("", "", []float64{3, 3}, 5) },
		"bars":      func() (*Figure, error) { return Bars("", "", []Bar{{"a", 0}}) },
		"waterfall": func() (*Figure, error) { return Waterfall("", "", Bar{"a", 0}, nil, "b") },
	} {
		f, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, format := range []Format{PNG, SVG, Text} {
			if err := f.Write(io.Discard, format, Options{}); err != nil {
				t.Errorf("%s as %s: %v", name, format, err)
			}
		}
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.png": PNG, "b/c.SVG": SVG, "x.txt": Text} {
		if got, err := FormatOf(name); got != want || err != nil {
			t.Errorf("%s is %s, %v", name, got, err)
		}
	}
	if _, err := FormatOf("a.gif"); !fault.Is(err, fault.Usage) {
		t.Errorf("error %v", err)
	}
}
