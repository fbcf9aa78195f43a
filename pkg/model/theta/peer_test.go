package theta

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/salesctl/salesctl/pkg/model"
)

//go:embed testdata/reference.json
var reference []byte

// peerFit is one model of statsforecast.
type peerFit struct {
	Variant                  string
	Seasonal                 bool
	Alpha, Theta, Level, MSE float64
	Forecast                 []float64
}

type peerSeries struct {
	Name        string
	Season      int
	Y           []float64
	Fits        map[string]peerFit
	Statsmodels *struct {
		Alpha, Slope float64
		Forecast     []float64
	}
}

func peers(t *testing.T) []peerSeries {
	t.Helper()
	var all []peerSeries
	if err := json.Unmarshal(reference, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func variantOf(t *testing.T, name string) Variant {
	t.Helper()
	for v := Standard; v <= Auto; v++ {
		if v.String() == name {
			return v
		}
	}
	t.Fatalf("no variant %q", name)
	return 0
}

// farthest is the largest difference between two paths, relative to the largest
// number of the second.
func farthest(got, want []float64) float64 {
	return floats.Distance(got, want, math.Inf(1)) / floats.Norm(want, math.Inf(1))
}

// At statsforecast's own parameters criterion and forecasts are its own.
func TestRecursionEqualsStatsforecast(t *testing.T) {
	for _, p := range peers(t) {
		h, err := newHistory(p.Y, leastToFit)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range p.Fits {
			_, decomposition, _ := strings.Cut(name, " ")
			s := newSeason(h, p.Season, decomposition)
			if (s.indices != nil) != want.Seasonal {
				t.Fatalf("%s, %s: seasonal is %t, want %t", p.Name, name, s.indices != nil, want.Seasonal)
			}
			y, observed := h.without(s), slices.Repeat([]bool{true}, len(p.Y))
			v := variantOf(t, want.Variant)
			at := solution{alpha: want.Alpha, level: want.Level, weight: 1 - 1/want.Theta}
			mse := newProblem(v, y, observed).squares(at) / floats.Norm(y, 1) * float64(len(y))
			if math.Abs(mse/want.MSE-1) > 1e-9 {
				t.Errorf("%s, %s: criterion %v, want %v", p.Name, name, mse, want.MSE)
			}
			f := &Fit{season: s, variant: v, alpha: want.Alpha, theta: want.Theta, level: want.Level, line: line(y)}
			path, err := f.Forecast(t.Context(), len(want.Forecast), model.Series{Y: p.Y}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if off := farthest(path.Mean, want.Forecast); off > 1e-9 {
				t.Errorf("%s, %s: forecast %v, want %v", p.Name, name, path.Mean, want.Forecast)
			}
		}
	}
}

// The search finds what statsforecast's finds, or better.
func TestSearchAgainstStatsforecast(t *testing.T) {
	compared := 0
	for _, p := range peers(t) {
		for _, name := range slices.Sorted(maps.Keys(p.Fits)) {
			want := p.Fits[name]
			variant, decomposition, _ := strings.Cut(name, " ")
			m := Model{Variant: variantOf(t, variant), Options: Options{Decomposition: decomposition}}
			s := model.Series{Y: p.Y, Season: p.Season}
			fitted, err := m.FitSeries(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			f := fitted.(*Fit)
			path, err := f.Forecast(t.Context(), len(want.Forecast), s, nil)
			if err != nil {
				t.Fatal(err)
			}
			if f.criterion > want.MSE*(1+1e-7) {
				t.Errorf("%s, %s: criterion %v, want at most %v", p.Name, name, f.criterion, want.MSE)
			}
			// Where the other search stopped early it answers for another alpha.
			if off := farthest(path.Mean, want.Forecast); f.criterion > want.MSE*(1-1e-6) && off > 1e-3 {
				t.Errorf("%s, %s: forecasts are %.2g apart", p.Name, name, off)
			} else if f.criterion > want.MSE*(1-1e-6) {
				compared++
			}
		}
	}
	if compared < 100 {
		t.Errorf("%d forecasts were compared", compared)
	}
}

// statsmodels starts the smoothing at the first value, which a long series
// forgets; at its parameters the forecasts are its own.
func TestForecastEqualsStatsmodels(t *testing.T) {
	compared := 0
	for _, p := range peers(t) {
		if p.Statsmodels == nil || math.Pow(1-p.Statsmodels.Alpha, float64(len(p.Y))) > 1e-4 {
			continue
		}
		compared++
		f := &Fit{alpha: p.Statsmodels.Alpha, theta: 2, level: p.Y[0], line: line(p.Y)}
		if math.Abs(f.line.slope/p.Statsmodels.Slope-1) > 1e-9 {
			t.Errorf("%s: slope %v, want %v", p.Name, f.line.slope, p.Statsmodels.Slope)
		}
		path, err := f.Forecast(t.Context(), len(p.Statsmodels.Forecast), model.Series{Y: p.Y}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if off := farthest(path.Mean, p.Statsmodels.Forecast); off > 1e-3 {
			t.Errorf("%s: forecast %v, want %v", p.Name, path.Mean, p.Statsmodels.Forecast)
		}
	}
	if compared < 8 {
		t.Errorf("%d series were compared", compared)
	}
}
