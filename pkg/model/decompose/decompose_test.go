package decompose

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"
)

//go:embed testdata/reference.json
var reference []byte

func TestClassicalEqualsStatsmodels(t *testing.T) {
	var all []struct {
		Season                   int
		Y                        []float64
		Additive, Multiplicative []float64
	}
	if err := json.Unmarshal(reference, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 4 {
		t.Fatalf("%d series", len(all))
	}
	for _, c := range all {
		for multiplicative, want := range map[bool][]float64{false: c.Additive, true: c.Multiplicative} {
			got, ok := Classical(c.Y, c.Season, multiplicative)
			if !ok || !floats.EqualApprox(got, want, 1e-9*floats.Norm(want, 1)) {
				t.Errorf("season %d of %d periods, multiplicative %t: %v, want %v", c.Season, len(c.Y), multiplicative, got, want)
			}
		}
	}
}

var gap = math.NaN()

func TestInterpolate(t *testing.T) {
	for _, c := range []struct{ y, want []float64 }{
		{nil, nil},
		{[]float64{1, 2}, []float64{1, 2}},
		{[]float64{gap, gap, 3, gap, gap, 9, gap}, []float64{3, 3, 3, 5, 7, 9, 9}},
	} {
		if got := Interpolate(c.y); !slices.Equal(got, c.want) {
			t.Errorf("%v becomes %v, want %v", c.y, got, c.want)
		}
	}
	if got := Interpolate([]float64{gap, gap}); len(got) != 2 || !math.IsNaN(got[0]) {
		t.Errorf("nothing becomes %v", got)
	}
}

func TestClassicalRefuses(t *testing.T) {
	holes := []float64{1, 2, 3, 4, 1, gap, 3, 4, 1, gap, 3, 4}
	for name, c := range map[string]struct {
		y              []float64
		season         int
		multiplicative bool
	}{
		"too short":               {[]float64{1, 2, 3, 4, 5, 6, 7}, 4, false},
		"no season":               {[]float64{1, 2, 3, 4, 5, 6, 7}, 1, false},
		"a phase without a value": {holes, 4, false},
		"no value":                {[]float64{gap, gap, gap, gap}, 2, true},
		"a trend at zero":         {make([]float64, 8), 2, true},
	} {
		if got, ok := Classical(c.y, c.season, c.multiplicative); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A line with a season on top is taken apart exactly, gaps or not.
func TestClassicalFindsTheSeason(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		season := rapid.IntRange(2, 13).Draw(r, "season")
		want := rapid.SliceOfN(rapid.Float64Range(-1, 1), season, season).Draw(r, "indices")
		floats.AddConst(-floats.Sum(want)/float64(season), want)
		slope := rapid.Float64Range(-1, 1).Draw(r, "slope")
		y := make([]float64, season*rapid.IntRange(3, 5).Draw(r, "seasons"))
		for i := range y {
			y[i] = slope*float64(i) + want[i%season]
		}
		got, ok := Classical(y, season, false)
		if !ok || !floats.EqualApprox(got, want, 1e-9) {
			r.Fatalf("%v, want %v", got, want)
		}
	})
}
