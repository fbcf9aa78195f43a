package evaluate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// TestIntervalsRestOnEarlierErrors makes each interval anew from the rows whose
// actuals had come by its cutoff, and scores them.
func TestIntervalsRestOnEarlierErrors(t *testing.T) {
	made := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		o := drawOptions(t, p)
		o.Levels = []float64{50, 80}
		r, err := evaluate.Backtest(t.Context(), p, []sales.Candidate{carry{"carry"}}, o)
		if err != nil {
			t.Skip(err)
		}
		var actual, lower, upper []float64
		for _, row := range r.Rows {
			var earlier []conformal.Residual
			for _, e := range r.Rows {
				if e.Model == row.Model && e.Cutoff < row.Cutoff && e.Date <= row.Cutoff && e.Scale > 0 {
					earlier = append(earlier, conformal.Residual{Horizon: e.Horizon, Error: e.Actual - e.Forecast, Scale: e.Scale})
				}
			}
			if len(earlier) < 4 { // what 80 % needs
				if row.Intervals != nil {
					t.Fatalf("%d errors made %v", len(earlier), row.Intervals)
				}
				continue
			}
			table, err := conformal.Calibrate(earlier, conformal.Options{Levels: o.Levels})
			if err != nil {
				t.Fatal(err)
			}
			for i, level := range o.Levels {
				lo, hi, _ := table.Interval(row.Horizon, level, row.Forecast, row.Scale)
				if want := (sales.Interval{Level: level, Lower: lo, Upper: hi}); row.Intervals[i] != want {
					t.Fatalf("%+v, want %+v", row.Intervals[i], want)
				}
			}
			made++
			if row.Model == "carry" {
				actual, lower, upper = append(actual, row.Actual), append(lower, row.Intervals[1].Lower), append(upper, row.Intervals[1].Upper)
			}
		}
		want := evaluate.IntervalScore{
			Level: 80, IntervalScores: metrics.Interval(actual, lower, upper),
			Pinball: (metrics.Pinball(actual, lower, 0.1) + metrics.Pinball(actual, upper, 0.9)) / 2,
		}
		if diff := cmp.Diff(want, r.Scores[2].Intervals[1], cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Fatal(diff)
		}
	})
	if made == 0 {
		t.Error("no panel had intervals")
	}
}
