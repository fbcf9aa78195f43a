package decompose

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

//go:embed testdata/stl.json
var peers []byte

// constant is the degree that an option of 0 names.
func constant(options map[string]any, name string) Degree {
	if v, ok := options[name].(float64); ok && v == 0 {
		return Constant
	}
	return Linear
}

func number(options map[string]any, name string) int {
	v, _ := options[name].(float64)
	return int(v)
}

// differ returns the greatest difference, relative to the size of want.
func differ(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	return floats.Distance(got, want, math.Inf(1)) / max(floats.Norm(want, math.Inf(1)), 1)
}

func TestEqualsStatsmodels(t *testing.T) {
	var file struct {
		STL []struct {
			Y, Trend, Seasonal, Weights []float64
			Season, Inner, Outer        int
			Options                     map[string]any
		}
		MSTL []struct {
			Y, Trend, Remainder []float64
			Seasonal            [][]float64
			Seasons, Windows    []int
			Rounds              int
			Robust              bool
		}
	}
	if err := json.Unmarshal(peers, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.STL) != 10 || len(file.MSTL) != 4 {
		t.Fatalf("%d and %d cases", len(file.STL), len(file.MSTL))
	}
	for i, c := range file.STL {
		robust, _ := c.Options["robust"].(bool)
		got, err := STL(c.Y, c.Season, STLOptions{
			Window: number(c.Options, "seasonal"), Trend: number(c.Options, "trend"), LowPass: number(c.Options, "low_pass"),
			SeasonDegree: constant(c.Options, "seasonal_deg"), TrendDegree: constant(c.Options, "trend_deg"),
			LowPassDegree: constant(c.Options, "low_pass_deg"), Robust: robust, Inner: c.Inner, Outer: c.Outer,
		})
		if err != nil {
			t.Fatal(err)
		}
		off := max(differ(got.Trend, c.Trend), differ(got.Seasons[0], c.Seasonal), differ(got.Weights, c.Weights))
		if !(off <= 1e-9) {
			t.Errorf("STL %d, %v: off by %g", i, c.Options, off)
		}
	}
	for i, c := range file.MSTL {
		got, err := MSTL(c.Y, c.Seasons, MSTLOptions{Windows: c.Windows, Rounds: c.Rounds, STL: STLOptions{Robust: c.Robust}})
		if err != nil {
			t.Fatal(err)
		}
		off := max(differ(got.Trend, c.Trend), differ(got.Remainder, c.Remainder))
		for k, s := range got.Seasons {
			off = max(off, differ(s, c.Seasonal[k]))
		}
		if !(off <= 1e-9) {
			t.Errorf("MSTL %d of %v: off by %g", i, c.Seasons, off)
		}
	}
}

// drawn is a trend with a season and noise.
func drawn(r *rapid.T) (y []float64, season int) {
	season = rapid.IntRange(2, 13).Draw(r, "season")
	y = rapid.SliceOfN(rapid.Float64Range(-1, 1), 2*season, 6*season).Draw(r, "noise")
	for i := range y {
		y[i] += 0.1*float64(i) + 5*math.Sin(2*math.Pi*float64(i)/float64(season))
	}
	return y, season
}

func TestPartsSumToTheSeries(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y, season := drawn(r)
		p, err := MSTL(y, []int{season}, MSTLOptions{STL: STLOptions{Robust: rapid.Bool().Draw(r, "robust"), Periodic: rapid.Bool().Draw(r, "periodic")}})
		if err != nil {
			r.Fatal(err)
		}
		sum := slices.Clone(p.Remainder)
		floats.Add(sum, p.Trend)
		floats.Add(sum, p.Seasons[0])
		if !floats.EqualApprox(sum, y, 1e-9) {
			r.Fatalf("%v, want %v", sum, y)
		}
	})
}

func TestPeriodicSeasonsAreEqual(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y, season := drawn(r)
		p, err := STL(y, season, STLOptions{Periodic: true})
		if err != nil {
			r.Fatal(err)
		}
		for i, v := range p.Seasons[0][season:] {
			if v != p.Seasons[0][i] {
				r.Fatalf("period %d has %v, a season before %v", i+season, v, p.Seasons[0][i])
			}
		}
	})
}

func TestOutlierLosesItsWeight(t *testing.T) {
	y := make([]float64, 60)
	for i := range y {
		y[i] = float64(i) + 10*math.Sin(math.Pi*float64(i)/6) + math.Cos(float64(i*i))
	}
	y[30] += 100
	p, err := STL(y, 12, STLOptions{Robust: true})
	if err != nil || p.Weights[30] != 0 || floats.Sum(p.Weights) < 40 {
		t.Errorf("weights %v, %v", p.Weights, err)
	}
}

func TestRefusals(t *testing.T) {
	y := make([]float64, 24)
	holes := slices.Clone(y)
	holes[3] = math.NaN()
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"short":           {second(STL(y[:23], 12, STLOptions{})), fault.Invalid},
		"no season":       {second(STL(y, 1, STLOptions{})), fault.Invalid},
		"missing":         {second(STL(holes, 12, STLOptions{})), fault.Invalid},
		"even window":     {second(STL(y, 12, STLOptions{Window: 8})), fault.Config},
		"short trend":     {second(STL(y, 12, STLOptions{Trend: 11})), fault.Config},
		"short low pass":  {second(STL(y, 12, STLOptions{LowPass: 11})), fault.Config},
		"rounds":          {second(STL(y, 12, STLOptions{Inner: -1})), fault.Config},
		"none of seasons": {second(MSTL(y, nil, MSTLOptions{})), fault.Config},
		"windows":         {second(MSTL(y, []int{4, 6}, MSTLOptions{Windows: []int{7}})), fault.Config},
		"long":            {second(MSTL(y, []int{4, 13}, MSTLOptions{})), fault.Invalid},
	} {
		if !fault.Is(c.err, c.kind) {
			t.Errorf("%s: %v, want kind %d", name, c.err, c.kind)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A gap in a season is filled by the season, not by the line across it.
func TestFillFollowsTheSeason(t *testing.T) {
	want := make([]float64, 96)
	for i := range want {
		want[i] = 100 + 0.5*float64(i) + 20*math.Sin(math.Pi*float64(i)/6)
	}
	y := slices.Clone(want)
	for _, i := range []int{0, 37, 38, 39, 40, 41, 95} {
		y[i] = gap
	}
	got, line := Fill(y, 12), Interpolate(y)
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1.5 {
			t.Errorf("period %d is filled with %v, want %v", i, got[i], want[i])
		}
	}
	if math.Abs(line[39]-want[39]) < 5 {
		t.Error("a line would do: the test tells nothing")
	}
	if !slices.Equal(Fill(want, 12), want) {
		t.Error("what is not missing was changed")
	}
}

func TestFillFallsBackToTheLine(t *testing.T) {
	for name, c := range map[string]struct {
		y      []float64
		season int
	}{
		"two seasons": {[]float64{1, 5, 2, gap, 6}, 2},
		"no season":   {[]float64{1, 5, 2, 7, gap, 6}, 0},
		"none":        {[]float64{gap, gap}, 2},
	} {
		got, want := Fill(c.y, c.season), Interpolate(c.y)
		for i := range want {
			if got[i] != want[i] && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

// Whatever is missing, what is observed stays and the rest is within reach.
func TestFillStaysInReach(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y, season := drawn(r)
		y[rapid.IntRange(0, len(y)-1).Draw(r, "kept")] = 0
		for i := range y {
			if y[i] != 0 && rapid.IntRange(0, 3).Draw(r, "missing") == 0 {
				y[i] = gap
			}
		}
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range y {
			if !math.IsNaN(v) {
				least, most = min(least, v), max(most, v)
			}
		}
		for i, v := range Fill(y, season) {
			if !math.IsNaN(y[i]) && v != y[i] || !(v <= most+(most-least)/2+1e-9 && v >= least-(most-least)/2-1e-9) {
				r.Fatalf("period %d of %v is %v", i, y, v)
			}
		}
	})
}
