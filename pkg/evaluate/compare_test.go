package evaluate_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// TestCompareAgainstBruteForce writes the differences out, date by date, in the
// order of dates and cutoffs.
func TestCompareAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		r, err := evaluate.Backtest(t.Context(), p, []sales.Candidate{carry{"carry"}}, drawOptions(t, p))
		if err != nil {
			t.Skip(err)
		}
		tests, err := r.Compare(evaluate.Naive)
		if err != nil {
			t.Fatal(err)
		}
		horizon := 0
		at := map[string]evaluate.Row{} // by model, key, date and cutoff
		id := func(model string, k sales.Key, date, cutoff sales.Period) string {
			return model + " " + k.String() + " " + date.String() + " " + cutoff.String()
		}
		for _, row := range r.Rows {
			horizon = max(horizon, row.Horizon)
			at[id(row.Model, row.Key, row.Date, row.Cutoff)] = row
		}
		var want []evaluate.Test
		for _, model := range []string{evaluate.SeasonalNaive, "carry"} {
			byKey := make([][]float64, len(p.Series))
			var pooled []float64
			for date := friday; date <= week(60); date = weekly.Add(date, 1) {
				for cutoff := friday; cutoff < date; cutoff = weekly.Add(cutoff, 1) {
					sum, n := 0.0, 0.0
					for i, s := range p.Series {
						a, ok := at[id(model, s.Key, date, cutoff)]
						if b := at[id(evaluate.Naive, s.Key, date, cutoff)]; ok && a.Scale > 0 {
							d := (math.Abs(a.Forecast-a.Actual) - math.Abs(b.Forecast-b.Actual)) / a.Scale
							byKey[i] = append(byKey[i], d)
							sum, n = sum+d, n+1
						}
					}
					if n > 0 {
						pooled = append(pooled, sum/n)
					}
				}
			}
			want = append(want, evaluate.Test{
				Model: model, Against: evaluate.Naive, Comparison: metrics.DieboldMariano(pooled, horizon, -1), Holm: math.NaN(),
			})
			var ps []float64
			first := len(want)
			for i, s := range p.Series {
				if _, scored := firstOf(r.Rows, s.Key); scored {
					c := metrics.DieboldMariano(byKey[i], horizon, -1)
					want = append(want, evaluate.Test{Model: model, Against: evaluate.Naive, Key: s.Key, Comparison: c})
					ps = append(ps, c.P)
				}
			}
			for i, adjusted := range metrics.Holm(ps) {
				want[first+i].Holm = adjusted
			}
		}
		if diff := cmp.Diff(want, tests, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 1e-9)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// firstOf returns the first row of the key.
func firstOf(rows []evaluate.Row, k sales.Key) (evaluate.Row, bool) {
	for _, row := range rows {
		if row.Key.Equal(k) {
			return row, true
		}
	}
	return evaluate.Row{}, false
}

func TestCompareKnowsItsModels(t *testing.T) {
	r, err := evaluate.Backtest(t.Context(), lay(ramp(1, 20)), nil, evaluate.Options{Folds: 1, Horizon: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Compare("arima"); !fault.Is(err, fault.Usage) {
		t.Errorf("a stranger: %v", err)
	}
}
