package metrics_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/metrics"
)

//go:embed testdata/peers.json
var peersFile []byte

type peers struct {
	Errors []struct {
		Season                                  int
		History, Actual, Forecast, Lower, Upper []float64
		Scores                                  map[string]float64
	}
	Contests []struct {
		Actual, A, B  []float64
		Horizon, Lags int
		Criterion     string
		Statistic, P  float64
		Used          int
	}
	Holm struct{ P, Adjusted []float64 }
}

func readPeers(t *testing.T) (p peers) {
	t.Helper()
	if err := json.Unmarshal(peersFile, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Errors) != 4 || len(p.Contests) != 8 {
		t.Fatalf("%d sets of errors and %d contests, want 4 and 8", len(p.Errors), len(p.Contests))
	}
	return p
}

func close9(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Abs(want) }

func TestEqualsUtilsforecast(t *testing.T) {
	for i, c := range readPeers(t).Errors {
		n := len(c.Actual)
		s := metrics.Pairs{
			Actual: c.Actual, Forecast: c.Forecast,
			Scale: slices.Repeat([]float64{metrics.SeasonalScale(c.History, c.Season)}, n),
			Root:  slices.Repeat([]float64{metrics.SeasonalRoot(c.History, c.Season)}, n),
		}.Score()
		got := map[string]float64{
			"mae": s.MAE, "mse": s.MSE, "rmse": s.RMSE, "bias": s.Bias, "mape": s.MAPE, "smape": s.SMAPE,
			"wape": s.WAPE, "mase": s.MASE, "rmsse": s.RMSSE,
			"coverage":  metrics.Interval(c.Actual, c.Lower, c.Upper).Coverage,
			"pinball10": metrics.Pinball(c.Actual, c.Lower, 0.1),
			"pinball90": metrics.Pinball(c.Actual, c.Upper, 0.9),
		}
		if len(got) != len(c.Scores) {
			t.Errorf("%d measures of ours, %d of theirs", len(got), len(c.Scores))
		}
		for name, want := range c.Scores {
			if !close9(got[name], want) {
				t.Errorf("set %d: %s = %v, utilsforecast has %v", i, name, got[name], want)
			}
		}
	}
}

func TestDieboldMarianoEqualsStatsmodels(t *testing.T) {
	losses := map[string]metrics.Loss{"mae": metrics.AbsoluteLoss, "mse": metrics.SquaredLoss, "mape": metrics.RelativeLoss}
	for i, c := range readPeers(t).Contests {
		got := metrics.DieboldMariano(metrics.Differences(c.Actual, c.A, c.B, losses[c.Criterion]), c.Horizon, c.Lags)
		if !close9(got.Statistic, c.Statistic) || !close9(got.P, c.P) || got.Lags != c.Used || got.N != len(c.Actual) {
			t.Errorf("contest %d: %+v, statsmodels has %v, p %v with %d lags", i, got, c.Statistic, c.P, c.Used)
		}
	}
}

func TestHolmEqualsStatsmodels(t *testing.T) {
	c := readPeers(t).Holm
	for i, got := range metrics.Holm(c.P) {
		if !close9(got, c.Adjusted[i]) {
			t.Errorf("p of %v becomes %v, statsmodels has %v", c.P[i], got, c.Adjusted[i])
		}
	}
	got := metrics.Holm([]float64{0.04, nan, 0.01})
	if got[0] != 0.04 || !math.IsNaN(got[1]) || got[2] != 0.02 {
		t.Errorf("a test that was not made counts: %v", got)
	}
}

// The numbers are worked out by hand: errors of 1, 2 and 3 that weigh 1, 5 and 1.
func TestWeighted(t *testing.T) {
	actual, forecast := []float64{10, 20, 30, nan}, []float64{11, 18, 33, 1}
	weight := []float64{1, metrics.HolidayWeight, 1, 1}
	if got := metrics.WMAE(actual, forecast, weight); got != 2 {
		t.Errorf("WMAE %v, want (1 + 5*2 + 3) / 7 = 2", got)
	}
	if got := metrics.WMAE(actual, forecast, nil); got != 2 {
		t.Errorf("WMAE without weights %v, want (1 + 2 + 3) / 3 = 2", got)
	}
	if got := metrics.WMAE(actual, forecast, make([]float64, 4)); !math.IsNaN(got) {
		t.Errorf("WMAE of no weight %v, want NaN", got)
	}
}

func TestSymmetricEnds(t *testing.T) {
	got := metrics.SMAPE([]float64{0, 0, 5, 1, nan}, []float64{0, 7, -5, math.Inf(1), 1})
	if got != 150 {
		t.Errorf("sMAPE %v, want the mean of 0, 200, 200 and 200", got)
	}
}

func TestScaledRoot(t *testing.T) {
	if got := metrics.SeasonalRoot([]float64{1, 4, 8}, 1); got != math.Sqrt(12.5) {
		t.Errorf("root scale %v, want that of (9+16)/2", got)
	}
	if got := metrics.SeasonalRoot([]float64{1, 4}, 2); !math.IsNaN(got) {
		t.Errorf("root scale of too little %v, want NaN", got)
	}
	s := metrics.Pairs{Actual: []float64{0, 0, 0}, Forecast: []float64{3, 4, 9}, Root: []float64{1, 1, 0}}.Score()
	if s.NoRoot != 1 || s.RMSSE != math.Sqrt(12.5) {
		t.Errorf("%+v, want one pair without a scale and the root of 12.5", s)
	}
}

func TestInterval(t *testing.T) {
	s := metrics.Interval([]float64{1, 2, 3, 4, nan}, []float64{1, 3, 0, 0, 0}, []float64{2, 4, 2, 4, 9})
	if s.N != 4 || s.Missing != 1 || s.Coverage != 50 || s.Below != 25 || s.Above != 25 || s.Width != 2 {
		t.Errorf("%+v, want 2 of 4 inside, one on each side and a width of 2", s)
	}
	if none := metrics.Interval(nil, nil, nil); !math.IsNaN(none.Coverage) || !math.IsNaN(none.Width) {
		t.Errorf("%+v of nothing", none)
	}
	if got := metrics.Pinball([]float64{10, 10, nan}, []float64{8, 14, 1}, 0.9); math.Abs(got-1.1) > 1e-15 {
		t.Errorf("pinball %v, want (0.9*2 + 0.1*4) / 2", got)
	}
}

func TestDieboldMarianoWithoutATest(t *testing.T) {
	for name, d := range map[string][]float64{
		"one": {1}, "none": nil, "as many as the horizon": {1, 2}, "missing": {1, nan, 2, 3}, "infinite": {1, 2, 3, math.Inf(1)},
	} {
		if c := metrics.DieboldMariano(d, 2, 0); !math.IsNaN(c.Statistic) || !math.IsNaN(c.P) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := metrics.DieboldMariano(make([]float64, 9), 1, -1); c.Statistic != 0 || c.P != 1 {
		t.Errorf("equal losses: %+v", c)
	}
}

// Whichever is named first, the test says the same.
func TestDieboldMarianoIsSymmetric(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := rapid.SliceOfN(rapid.Float64Range(-10, 10), 5, 40).Draw(r, "d")
		h := rapid.IntRange(1, 4).Draw(r, "horizon")
		a := metrics.DieboldMariano(d, h, -1)
		for i := range d {
			d[i] = -d[i]
		}
		if b := metrics.DieboldMariano(d, h, -1); a.Statistic != -b.Statistic || a.P != b.P {
			r.Fatalf("%+v and %+v", a, b)
		}
	})
}

// A series that is counted twice adds no evidence.
func TestPooled(t *testing.T) {
	d := []float64{1, -2, 3, 0.5, 2, -1}
	if got := metrics.Pooled([][]float64{d, d, d}); !slices.Equal(got, d) {
		t.Errorf("%v, want %v", got, d)
	}
	got := metrics.Pooled([][]float64{{1, nan, nan}, {3, nan, 5}})
	if !slices.Equal(got, []float64{2, 5}) || metrics.Pooled(nil) != nil {
		t.Errorf("%v, want 2 and 5", got)
	}
}
