package evaluate_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// checkScores compares every line of scores with the measures of its rows.
func checkScores(t *rapid.T, p sales.Panel, r evaluate.Result, o evaluate.Options) {
	pick := func(model string, s evaluate.Score) (pairs metrics.Pairs) {
		for _, row := range r.Rows {
			in := map[evaluate.Group]bool{
				evaluate.ByTotal: true, evaluate.ByHorizon: s.Horizon == row.Horizon,
				evaluate.ByKey: s.Key.Equal(row.Key), evaluate.ByHoliday: s.Holiday == row.Holiday,
			}
			if row.Model != model || !in[s.By] {
				continue
			}
			series, _ := p.Find(row.Key)
			known := series.Until(row.Cutoff)
			if o.Window > 0 {
				known = known.Since(weekly.Add(row.Cutoff, 1-o.Window))
			}
			weight := 1.0
			if row.Holiday {
				weight = 5
			}
			pairs.Actual, pairs.Forecast = append(pairs.Actual, row.Actual), append(pairs.Forecast, row.Forecast)
			pairs.Scale = append(pairs.Scale, metrics.SeasonalScale(known.Target, 52))
			pairs.Root = append(pairs.Root, metrics.SeasonalRoot(known.Target, 52))
			pairs.Weight = append(pairs.Weight, weight)
		}
		return pairs
	}
	total := map[string]int{}
	for _, s := range r.Scores {
		want := s // its group, model and what tells the group
		want.Scores = pick(s.Model, s).Score()
		for model, skill := range map[string]*float64{
			evaluate.Naive: &want.SkillNaive, evaluate.SeasonalNaive: &want.SkillSeasonalNaive,
		} {
			*skill = metrics.Skill(want.MAE, pick(model, s).Score().MAE)
		}
		if diff := cmp.Diff(want, s, cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
		total[fmt.Sprint(s.Model, s.By)] += s.N
	}
	for group, n := range total {
		if n != len(r.Rows)/len(r.Models) {
			t.Fatalf("the lines %q count %d rows, want %d", group, n, len(r.Rows)/len(r.Models))
		}
	}
	groups := 3
	if slices.ContainsFunc(r.Rows, func(row evaluate.Row) bool { return row.Holiday }) {
		groups++
	}
	if len(total) != groups*len(r.Models) {
		t.Fatalf("groups %v, want %d a model", total, groups)
	}
}

func TestOnlyWhatAllAnswerIsScored(t *testing.T) {
	mute := sponge{name: "mute", silent: func(k sales.Key, date sales.Period) bool { return k[0] == "2" && date > week(17) }}
	r, err := evaluate.Backtest(t.Context(), lay(ramp(1, 20), ramp(5, 20)), []sales.Candidate{mute, carry{"carry"}},
		evaluate.Options{Folds: 1, Horizon: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Scores[:4] {
		if s.N != 6 || s.Key != nil || s.Horizon != 0 {
			t.Errorf("%s is scored on %d rows, want 6", s.Model, s.N)
		}
	}
	if want := "2 of 8 rows are not scored, because not every model answered them: mute lacks 2"; r.Warnings[0] != want {
		t.Errorf("warning %q, want %q", r.Warnings[0], want)
	}
	if want := []string{evaluate.Naive, evaluate.SeasonalNaive, "mute", "carry"}; !slices.Equal(r.Models, want) {
		t.Errorf("models %v, want %v", r.Models, want)
	}
}

func TestStatement(t *testing.T) {
	r, err := evaluate.Backtest(t.Context(), lay(ramp(1, 30), ramp(3, 30)), nil,
		evaluate.Options{Cutoffs: []sales.Period{week(26), week(20), week(26)}, Horizon: 3, Gap: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := evaluate.Statement{
		Rows:        "8 rows, answered by all 2 models: 2 series, 2 cutoffs, 2010-06-25 to 2010-08-06; scored 2010-07-16 to 2010-08-27",
		Horizon:     "3 to 5 weeks after the cutoff",
		Information: "everything up to the cutoff, nothing of the weeks after it",
	}
	if diff := cmp.Diff(want, r.Statement); diff != "" {
		t.Error(diff)
	}
	if want := "cutoff 2010-08-06: the actuals end at 2010-08-27, 1 of 3 weeks can be scored"; r.Warnings[0] != want {
		t.Errorf("warning %q, want %q", r.Warnings[0], want)
	}
}

func TestWarningsOfModels(t *testing.T) {
	r, err := evaluate.Backtest(t.Context(), lay(ramp(1, 60), ramp(3, 60), ramp(5, 60)),
		[]sales.Candidate{sponge{name: "sponge", warning: "is short"}}, evaluate.Options{Folds: 2, Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"sponge, 1 and 2 more series: is short"}; !slices.Equal(r.Warnings, want) {
		t.Errorf("warnings %q, want %q", r.Warnings, want)
	}
}

func TestChoices(t *testing.T) {
	p := lay(ramp(100, 40), ramp(200, 40))
	near := func(cutoff, date sales.Period) float64 { return float64(date-cutoff) / 70 } // 0.1 a week
	far := func(cutoff, date sales.Period) float64 { return 0.3 }                        // best from 4 weeks on
	same := func(cutoff, date sales.Period) float64 { return -near(cutoff, date) }       // as good as near
	r, err := evaluate.Backtest(t.Context(), p, []sales.Candidate{
		oracle{"near", p, near}, oracle{"far", p, far}, oracle{"same", p, same},
	}, evaluate.Options{Folds: 2, Horizon: 4, Gap: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range r.Choices() {
		got = append(got, fmt.Sprintf("%d %s", c.Horizon, c.Model))
		for _, s := range r.Scores {
			if s.Horizon == c.Horizon && s.WAPE < c.WAPE-1e-12 {
				t.Errorf("%s is chosen at %d with WAPE %v, but %s has %v", c.Model, c.Horizon, c.WAPE, s.Model, s.WAPE)
			}
		}
	}
	if want := []string{"2 near", "3 near", "4 far", "5 far"}; !slices.Equal(got, want) {
		t.Errorf("choices %v, want %v", got, want)
	}
	for horizon, want := range map[int]string{1: "near", 2: "near", 4: "far", 5: "far", 500: "far"} {
		if got := r.Best(horizon); got != want {
			t.Errorf("best at %d: %s, want %s", horizon, got, want)
		}
	}
	if got := (evaluate.Result{}).Best(1); got != "" {
		t.Errorf("best of nothing is %q", got)
	}
}

// TestScale checks that MASE is scaled by what was known at the fit, whatever
// comes after.
func TestScale(t *testing.T) {
	target := slices.Concat(ramp(100, 60), []float64{1000, -1000}) // from 100 to 159 first
	const steady, jump = 52.0, (8*52.0 + 1000 - 108) / 9           // the scale up to week 59, and 60
	for _, c := range []struct {
		refit evaluate.Refit
		mase  float64 // of an error of 1000-159 and one of 2000
	}{
		{evaluate.RefitEvery, (841/steady + 2000/jump) / 2},
		{evaluate.RefitNever, (841/steady + 2000/steady) / 2},
	} {
		r, err := evaluate.Backtest(t.Context(), lay(target), nil, evaluate.Options{
			Cutoffs: []sales.Period{week(59), week(60)}, Horizon: 1, Refit: c.refit,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Scores[0].MASE; math.Abs(got-c.mase) > 1e-12 {
			t.Errorf("refit %s: MASE %v, want %v", c.refit, got, c.mase)
		}
	}
}

func ExampleBacktest() {
	panel := lay(ramp(100, 60), ramp(500, 60)) // two stores that sell 1 more each week
	result, err := evaluate.Backtest(context.Background(), panel, []sales.Candidate{carry{"trend"}},
		evaluate.Options{Folds: 2, Horizon: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Statement.Rows)
	for _, s := range result.Scores[:3] {
		fmt.Printf("%s: MAE %.1f, skill against naive %.2f\n", s.Model, s.MAE, s.SkillNaive)
	}
	fmt.Println("best two weeks ahead:", result.Best(2))
	// Output:
	// 8 rows, answered by all 3 models: 2 series, 2 cutoffs, 2011-02-25 to 2011-03-11; scored 2011-03-04 to 2011-03-25
	// naive: MAE 1.5, skill against naive 0.00
	// seasonal_naive: MAE 52.0, skill against naive -33.67
	// trend: MAE 0.0, skill against naive 1.00
	// best two weeks ahead: trend
}
