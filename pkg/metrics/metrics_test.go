package metrics_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/metrics"
)

//go:embed testdata/reference.json
var reference []byte

func TestScikitLearn(t *testing.T) {
	var file struct {
		Cases []struct {
			Name                      string
			History, Actual, Forecast []float64
			Season                    int
			Scale, MAE, MSE, RMSE, R2 float64
			MAPE, WAPE, MASE, Bias    float64
			RMSEPercent               float64 `json:"rmse_pct"`
		}
	}
	if err := json.Unmarshal(reference, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 5 {
		t.Fatalf("%d cases, want 5", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			scale := metrics.SeasonalScale(c.History, c.Season)
			scales := slices.Repeat([]float64{scale}, len(c.Actual))
			for name, v := range map[string]struct{ got, want float64 }{
				"scale": {scale, c.Scale},
				"mae":   {metrics.MAE(c.Actual, c.Forecast), c.MAE},
				"mse":   {metrics.MSE(c.Actual, c.Forecast), c.MSE},
				"rmse":  {metrics.RMSE(c.Actual, c.Forecast), c.RMSE},
				"r2":    {metrics.R2(c.Actual, c.Forecast), c.R2},
				"mape":  {metrics.MAPE(c.Actual, c.Forecast), c.MAPE},
				"wape":  {metrics.WAPE(c.Actual, c.Forecast), c.WAPE},
				"rmse%": {metrics.RMSEPercent(c.Actual, c.Forecast), c.RMSEPercent},
				"mase":  {metrics.MASE(c.Actual, c.Forecast, scales), c.MASE},
				"bias":  {metrics.Bias(c.Actual, c.Forecast), c.Bias},
			} {
				if math.Abs(v.got-v.want) > 1e-12*math.Abs(v.want) {
					t.Errorf("%s = %v, scikit-learn has %v", name, v.got, v.want)
				}
			}
		})
	}
}

var nan = math.NaN()

func TestScoreLeavesOut(t *testing.T) {
	s := metrics.Score(
		[]float64{10, nan, 0, 20, 5},
		[]float64{12, 7, 1, nan, 5},
		[]float64{2, 2, nan, 2, 0})
	if s.N != 3 || s.Missing != 2 || s.Zeros != 1 || s.NoScale != 2 {
		t.Errorf("counts %+v, want n 3, missing 2, zeros 1, no scale 2", s)
	}
	if s.MAE != 1 || s.MAPE != 10 || s.WAPE != 20 || s.MASE != 1 || s.Bias != 1 {
		t.Errorf("scores %+v, want mae 1, mape 10, wape 20, mase 1, bias 1", s)
	}
}

func TestUndefined(t *testing.T) {
	empty := metrics.Score(nil, nil, nil)
	zero := metrics.Score([]float64{0, 0}, []float64{1, 3}, nil)
	for name, v := range map[string]float64{
		"mae of nothing":           empty.MAE,
		"mse of nothing":           empty.MSE,
		"rmse of nothing":          empty.RMSE,
		"r2 of nothing":            empty.R2,
		"mape of nothing":          empty.MAPE,
		"wape of nothing":          empty.WAPE,
		"rmse% of nothing":         empty.RMSEPercent,
		"mase of nothing":          empty.MASE,
		"bias of nothing":          empty.Bias,
		"r2 of one pair":           metrics.R2([]float64{3}, []float64{3}),
		"mape of zero sales":       zero.MAPE,
		"wape of zero sales":       zero.WAPE,
		"rmse% of zero sales":      zero.RMSEPercent,
		"mase without a scale":     zero.MASE,
		"scale of a short history": metrics.SeasonalScale([]float64{1, 2, 3}, 3),
		"skill against no error":   metrics.Skill(1, 0),
		"skill against NaN":        metrics.Skill(1, nan),
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s = %v, want NaN", name, v)
		}
	}
}

func TestInfiniteForecastIsNotForgiven(t *testing.T) {
	s := metrics.Score([]float64{1, 2}, []float64{math.Inf(1), 2}, nil)
	if s.N != 2 || !math.IsInf(s.MAE, 1) || !math.IsInf(s.RMSE, 1) || !math.IsInf(s.WAPE, 1) {
		t.Errorf("scores %+v, want infinite errors", s)
	}
}

func TestSumsAreCompensated(t *testing.T) {
	actual := slices.Repeat([]float64{1e17, 1, -1e17}, 1000)
	got := metrics.Bias(make([]float64, len(actual)), actual)
	if want := 1000.0 / 3000; math.Abs(got-want) > 1e-15 {
		t.Errorf("bias %v, want %v", got, want)
	}
}

func TestSeasonalScaleSkipsGaps(t *testing.T) {
	if got := metrics.SeasonalScale([]float64{1, 10, nan, 13, 5, 19}, 2); got != 4.5 {
		t.Errorf("scale %v, want 4.5: the mean of |13-10| and |19-13|", got)
	}
	if got := metrics.SeasonalScale([]float64{1, 3, 7}, 0); got != 3 {
		t.Errorf("scale without a season %v, want 3", got)
	}
}

func TestSkill(t *testing.T) {
	if got := metrics.Skill(3, 4); got != 0.25 {
		t.Errorf("skill %v, want 0.25", got)
	}
	if got := metrics.Skill(5, 4); got != -0.25 {
		t.Errorf("skill %v, want -0.25", got)
	}
}

// TestAgainstDefinitions compares with the definitions, written out over the
// pairs that count.
func TestAgainstDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, 1, nan}))
		n := rapid.IntRange(0, 30).Draw(t, "n")
		actual := rapid.SliceOfN(value, n, n).Draw(t, "actual")
		forecast := rapid.SliceOfN(value, n, n).Draw(t, "forecast")
		scale := rapid.SliceOfN(rapid.SampledFrom([]float64{nan, 0, 2, 3}), n, n).Draw(t, "scale")

		var count, nonzero, scaled, abs, sq, e, size, rel, sc float64
		for i := range n {
			if actual[i] != actual[i] || forecast[i] != forecast[i] {
				continue
			}
			d := forecast[i] - actual[i]
			count++
			e, abs, sq = e+d, abs+math.Abs(d), sq+d*d
			size += math.Abs(actual[i])
			if actual[i] != 0 {
				nonzero, rel = nonzero+1, rel+math.Abs(d/actual[i])
			}
			if scale[i] > 0 {
				scaled, sc = scaled+1, sc+math.Abs(d)/scale[i]
			}
		}
		s := metrics.Score(actual, forecast, scale)
		if s.N != int(count) || s.Missing != n-s.N || s.Zeros != s.N-int(nonzero) || s.NoScale != s.N-int(scaled) {
			t.Fatalf("counts %+v", s)
		}
		near(t, "mae", s.MAE, abs/count)
		near(t, "mse", s.MSE, sq/count)
		near(t, "rmse", s.RMSE, math.Sqrt(sq/count))
		near(t, "mape", s.MAPE, 100*rel/nonzero)
		near(t, "mase", s.MASE, sc/scaled)
		if size != 0 {
			near(t, "wape", s.WAPE, 100*abs/size)
		}
		if math.Abs(s.Bias-e/count) > 1e-9*abs {
			t.Fatalf("bias %v, want %v", s.Bias, e/count)
		}
	})
}

// near allows what the plain sums of the definitions lose.
func near(t *rapid.T, name string, got, want float64) {
	t.Helper()
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return
	}
	if !(math.Abs(got-want) <= 1e-9*math.Abs(want)) {
		t.Fatalf("%s %v, want %v", name, got, want)
	}
}

func ExampleScore() {
	s := metrics.Score([]float64{100, 200}, []float64{110, 180}, nil)
	fmt.Printf("n %d, MAE %.0f, WAPE %.1f %%, bias %.0f\n", s.N, s.MAE, s.WAPE, s.Bias)
	// Output: n 2, MAE 15, WAPE 10.0 %, bias -5
}

// More came back than was sold: a percentage of the size of that is positive.
func TestRMSEPercentOfReturns(t *testing.T) {
	if got := metrics.RMSEPercent([]float64{-1, -3}, []float64{0, -2}); got != 50 {
		t.Errorf("%v %%, want 50", got)
	}
}

// A series has a scale as long as it has a value.
func TestScale(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name    string
		history []float64
		season  int
		want    float64
	}{
		{"a season", []float64{1, 2, 4, 6}, 2, 3.5},
		{"shorter than a season", []float64{1, 2, 4, 6}, 52, 5.0 / 3},
		{"the same every season", []float64{1, 2, 1, 2}, 2, 1},
		{"constant", []float64{3, 3, 3}, 1, 3},
		{"one value", []float64{nan, -4}, 1, 4},
		{"zeros", []float64{0, 0}, 1, 0},
		{"nothing", []float64{nan}, 1, nan},
	} {
		if got := metrics.Scale(tt.history, tt.season); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
