package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drawOptions draws a backtest that mostly fits a panel of drawPanel.
func drawOptions(t *rapid.T, p sales.Panel) evaluate.Options {
	o := evaluate.Options{
		Folds:   rapid.IntRange(0, 4).Draw(t, "folds"),
		Horizon: rapid.IntRange(1, 5).Draw(t, "horizon"),
		Gap:     rapid.IntRange(0, 3).Draw(t, "gap"),
		Refit:   evaluate.Refit(rapid.IntRange(-1, 3).Draw(t, "refit")),
		Window:  rapid.SampledFrom([]int{0, 0, 3, 9}).Draw(t, "window"),
	}
	if rapid.Bool().Draw(t, "holidays") {
		o.Holiday = func(p sales.Period) bool { return weekly.Steps(friday, p)%4 == 0 }
	}
	if rapid.Bool().Draw(t, "given") {
		first, last := weekly.Steps(friday, p.Start()), weekly.Steps(friday, p.Actuals().Origin())
		o.Cutoffs = []sales.Period{}
		for range rapid.IntRange(1, 3).Draw(t, "cutoffs") {
			o.Cutoffs = append(o.Cutoffs, week(rapid.IntRange(first, max(first, last-o.Gap-1)).Draw(t, "cutoff")))
		}
	}
	return o
}

// TestBacktestPoison changes one number, a target or a column: forecasts from
// cutoffs before it must not move, and those from cutoffs after it must, unless it
// lies before their window.
func TestBacktestPoison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		o := drawOptions(t, p)
		models := []sales.Candidate{sponge{name: "sponge"}, sponge{name: "deaf", blind: true}}
		before, err := evaluate.Backtest(t.Context(), p, models, o)
		if err != nil {
			t.Skip(err)
		}
		poisoned := clone(p)
		s := poisoned.Series[rapid.IntRange(0, len(p.Series)-1).Draw(t, "series")]
		at := rapid.IntRange(0, s.Actuals()).Draw(t, "at")
		if at == s.Len() {
			at--
		}
		if math.IsNaN(s.Target[at]) || rapid.Bool().Draw(t, "column") {
			s.Columns[0][at] += 7
		} else {
			s.Target[at] += 7
		}
		after, err := evaluate.Backtest(t.Context(), poisoned, models, o)
		if err != nil {
			t.Fatal(err)
		}
		hit := s.Period(at)
		for i, row := range before.Rows {
			moved := after.Rows[i].Forecast != row.Forecast
			if moved && row.Cutoff < hit {
				t.Fatalf("%s: %s %s from %s moved with %s %s", row.Model, row.Key, row.Date, row.Cutoff, s.Key, hit)
			}
			gone := o.Window > 0 && hit <= weekly.Add(row.Cutoff, -o.Window)
			if moved && gone && o.Refit == evaluate.RefitEvery {
				t.Fatalf("%s: %s %s from %s moved with %s %s, before its window of %d",
					row.Model, row.Key, row.Date, row.Cutoff, s.Key, hit, o.Window)
			}
			visible := at < s.Until(row.Cutoff).Actuals() && !gone
			if !moved && visible && strings.Contains("sponge deaf", row.Model) {
				t.Fatalf("%s: %s %s from %s did not move with %s %s: the fake is no witness",
					row.Model, row.Key, row.Date, row.Cutoff, s.Key, hit)
			}
		}
	})
}

// TestBacktestAgainstBruteForce writes rows and scores of a simple candidate
// out, period by period.
func TestBacktestAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		o := drawOptions(t, p)
		o.Refit = evaluate.RefitEvery
		r, err := evaluate.Backtest(t.Context(), p, []sales.Candidate{carry{"carry"}}, o)
		if err != nil {
			t.Skip(err)
		}
		cutoffs := map[sales.Period]bool{}
		for _, c := range o.Cutoffs {
			cutoffs[c] = true
		}
		if o.Cutoffs == nil {
			folds := o.Folds
			if folds == 0 {
				folds = 3
			}
			for c := weekly.Add(p.Actuals().Origin(), -o.Gap-o.Horizon); len(cutoffs) < folds; c = weekly.Add(c, -o.Horizon) {
				cutoffs[c] = true
			}
		}
		var want []evaluate.Row
		for c := friday; c <= week(60); c = weekly.Add(c, 1) {
			for _, s := range p.Series {
				for h := o.Gap + 1; cutoffs[c] && h <= o.Gap+o.Horizon; h++ {
					date, last := weekly.Add(c, h), c
					first := s.Start
					if o.Window > 0 {
						first = max(first, weekly.Add(c, 1-o.Window))
					}
					for last >= first && math.IsNaN(s.At(last)) {
						last = weekly.Add(last, -1)
					}
					if last < first || math.IsNaN(s.At(date)) {
						continue
					}
					want = append(want, evaluate.Row{
						Model: "carry", Key: s.Key, Cutoff: c, Date: date, Horizon: h, Actual: s.At(date),
						Forecast: s.At(last) + float64(weekly.Steps(last, date)), Scale: metrics.Scale(s.Until(c).Since(first).Target, 52),
						Holiday: o.Holiday != nil && o.Holiday(date),
					})
				}
			}
		}
		if diff := cmp.Diff(want, r.Rows[2*len(r.Rows)/3:]); diff != "" {
			t.Fatal(diff)
		}
		checkScores(t, p, r, o)
	})
}

func TestSameForAnyJobs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		o := drawOptions(t, p)
		models := []sales.Candidate{
			sponge{name: "sponge", warning: "short"},
			sponge{name: "deaf", blind: true, silent: func(_ sales.Key, date sales.Period) bool { return date%3 == 0 }},
			sponge{name: "broken", failAt: week(rapid.IntRange(5, 80).Draw(t, "fail"))},
			sponge{name: "broken too", failAt: week(30)},
		}
		o.Jobs = 1
		want, wantErr := evaluate.Backtest(t.Context(), p, models, o)
		for _, jobs := range []int{0, 2, 9} {
			o.Jobs = jobs
			got, err := evaluate.Backtest(t.Context(), p, models, o)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%d jobs: error %v, want %v", jobs, err, wantErr)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("%d jobs: %s", jobs, diff)
			}
		}
	})
}

func TestRefit(t *testing.T) {
	p := lay(ramp(1, 40), ramp(9, 40))
	for _, c := range []struct {
		refit string
		blind bool
		fits  int64
	}{
		{"every", false, 4}, {"every", true, 4},
		{"never", false, 1}, {"never", true, 4},
		{"2", false, 2}, {"3", false, 2}, {"3", true, 4},
	} {
		refit, err := evaluate.ParseRefit(c.refit)
		if err != nil || refit.String() != c.refit {
			t.Errorf("refit %q reads as %v, %v", c.refit, refit, err)
		}
		var fits atomic.Int64
		r, err := evaluate.Backtest(t.Context(), p, []sales.Candidate{sponge{name: "sponge", blind: c.blind, fits: &fits}},
			evaluate.Options{Folds: 4, Horizon: 5, Refit: refit})
		if err != nil {
			t.Fatal(err)
		}
		if fits.Load() != c.fits {
			t.Errorf("refit %s, blind %v: %d fits, want %d", c.refit, c.blind, fits.Load(), c.fits)
		}
		warned := slices.Contains(r.Warnings, "sponge: cannot observe new actuals, so it was fitted at every cutoff")
		if warned != (c.blind && c.refit != "every") {
			t.Errorf("refit %s, blind %v: warnings %q", c.refit, c.blind, r.Warnings)
		}
	}
	for _, s := range []string{"", "0", "-2", "sometimes"} {
		if _, err := evaluate.ParseRefit(s); !fault.Is(err, fault.Usage) {
			t.Errorf("refit %q: %v", s, err)
		}
	}
}

func TestSeriesThatEndEarlyOrStartLate(t *testing.T) {
	early, late := ramp(100, 20), ramp(300, 20)
	for i := 10; i < 17; i++ {
		early[i] = math.NaN() // then it goes on
	}
	for i := range 17 {
		late[i] = math.NaN() // its first actual comes after the cutoff
	}
	r, err := evaluate.Backtest(t.Context(), lay(early, ramp(200, 20), late), []sales.Candidate{carry{"carry"}},
		evaluate.Options{Cutoffs: []sales.Period{week(15)}, Horizon: 4})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range r.Rows[len(r.Rows)*2/3:] {
		got = append(got, fmt.Sprintf("%s h%d %.0f %.0f", row.Key, row.Horizon, row.Actual, row.Forecast))
	}
	want := []string{"1 h2 117 117", "1 h3 118 118", "1 h4 119 119", "2 h1 216 216", "2 h2 217 217", "2 h3 218 218", "2 h4 219 219"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "rows not scored for want of an actual to fit on: 3 (first: 3 at cutoff 2010-05-21)"; r.Warnings[0] != want {
		t.Errorf("warning %q, want %q", r.Warnings[0], want)
	}
}

func TestSeriesTooFarBack(t *testing.T) {
	old := append(ramp(1, 3), slices.Repeat([]float64{math.NaN()}, sales.MaxSteps)...)
	old = append(old, 7)
	r, err := evaluate.Backtest(t.Context(), lay(old, ramp(1, len(old))), nil, evaluate.Options{Folds: 1, Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := "rows not scored because the newest actual lies more than 520 weeks back: 1 (first: 1 at cutoff 2020-02-07)"
	if len(r.Rows) != 2 || r.Warnings[0] != want {
		t.Errorf("%d rows, warnings %q", len(r.Rows), r.Warnings)
	}
}

func TestBacktestRefusals(t *testing.T) {
	p := lay(ramp(1, 20))
	cut := func(days ...sales.Period) evaluate.Options { return evaluate.Options{Cutoffs: days} }
	mute := sponge{name: "mute", silent: func(sales.Key, sales.Period) bool { return true }}
	for name, c := range map[string]struct {
		panel  sales.Panel
		models []sales.Candidate
		o      evaluate.Options
		kind   fault.Kind
		says   string
	}{
		"negative":       {p, nil, evaluate.Options{Gap: -1}, fault.Usage, "gap -1"},
		"too far":        {p, nil, evaluate.Options{Horizon: 500, Gap: 30}, fault.Usage, "reach 530 periods ahead"},
		"no data":        {sales.Panel{Schema: schema}, nil, evaluate.Options{}, fault.Invalid, "no actuals"},
		"too many folds": {p, nil, evaluate.Options{Folds: 5, Horizon: 4}, fault.Invalid, "5 folds of 4 weeks need a cutoff at 2010-01-29"},
		"no week's end":  {p, nil, cut(week(9) + 1), fault.Usage, "cutoff 2010-04-10 is not the end of a week"},
		"too early":      {p, nil, cut(week(-1)), fault.Usage, "cutoff 2010-01-29 leaves nothing"},
		"too late":       {p, nil, cut(week(19)), fault.Usage, "the actuals run from 2010-02-05 to 2010-06-18"},
		"same name":      {p, []sales.Candidate{carry{"a"}, carry{"a"}}, evaluate.Options{Horizon: 4}, fault.Invalid, `two candidates are named "a"`},
		"no answer":      {p, []sales.Candidate{mute}, evaluate.Options{Horizon: 4}, fault.Invalid, "no row can be scored: 12 of 12 rows"},
		"failure": {p, []sales.Candidate{sponge{name: "broken", failAt: week(11)}}, evaluate.Options{Horizon: 4},
			fault.Failure, "broken at cutoff 2010-04-23: soaked"},
	} {
		_, err := evaluate.Backtest(t.Context(), c.panel, c.models, c.o)
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGivenNaive has a candidate take the place of the naive forecast beside.
func TestGivenNaive(t *testing.T) {
	r, err := evaluate.Backtest(t.Context(), lay(ramp(1, 30)), []sales.Candidate{carry{"carry"}, carry{evaluate.Naive}}, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{evaluate.Naive, evaluate.SeasonalNaive, "carry"}; !slices.Equal(r.Models, want) || r.Scores[0].MAE != 0 {
		t.Errorf("models %v, MAE of naive %v; want the given one, which is exact on a ramp", r.Models, r.Scores[0].MAE)
	}
}

func TestNoneIsBegunAfterAFailure(t *testing.T) {
	var fits atomic.Int64
	_, err := evaluate.Backtest(t.Context(), lay(ramp(1, 60)), []sales.Candidate{
		sponge{name: "broken", failAt: week(1)}, sponge{name: "next", fits: &fits},
	}, evaluate.Options{Jobs: 1})
	if !errors.Is(err, errSponge) || fits.Load() != 0 {
		t.Errorf("error %v, %d fits after it", err, fits.Load())
	}
}

func TestProgressIsSerial(t *testing.T) {
	last := 0
	_, err := evaluate.Backtest(t.Context(), lay(ramp(1, 60)), []sales.Candidate{carry{"carry"}}, evaluate.Options{
		Folds: 10, Horizon: 2, Jobs: 8, Progress: func(p evaluate.Progress) {
			if p.Done != last+1 || p.Total != 30 {
				t.Errorf("%d of %d after %d", p.Done, p.Total, last)
			}
			last = p.Done
		},
	})
	if err != nil || last != 30 {
		t.Errorf("last %d, %v", last, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := evaluate.Backtest(ctx, lay(ramp(1, 60)), []sales.Candidate{carry{"carry"}}, evaluate.Options{
		Folds: 10, Horizon: 2, Jobs: 1, Progress: func(p evaluate.Progress) {
			if p.Done == 3 {
				cancel()
			}
			if p.Done > 3 {
				t.Errorf("went on to %d after the cancellation", p.Done)
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
