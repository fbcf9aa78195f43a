// Package evaluate backtests sales.Candidates: it asks them, at cutoffs in the
// past, for what is known today, and scores the answers.
//
//  1. Plan. Backtest spaces cutoffs over a Panel, OneStep takes one before each
//     tested period. A fold is a cutoff with the cells it scores: key, period,
//     horizon and actual. A cell's scale is that of metrics.SeasonalScale over
//     the series up to the cutoff of the last fit.
//  2. Run. Each model is fitted on, or observes, the periods up to the cutoff
//     and nothing else, and forecasts the cells. The naive and the seasonal
//     naive forecast always run beside the candidates, and stand first.
//  3. Pair. Forecasts meet cells by key and period. A cell that one model leaves
//     unanswered is left out for all of them, so that all are scored on the
//     same rows.
//  4. Surround. Where levels are asked for, each model gets intervals by its own
//     errors at earlier cutoffs, never by what came after the cutoff (interval.go).
//  5. Score. One line a model, a model and horizon, a model and key, a model and
//     weeks with or without a holiday, with the skill against both naive forecasts.
//
// Compare then tests whether two models differ by more than chance, and Folds is
// what a later backtest needs to meet the same rows.
//
// A Result compares like with like: its Statement names the rows, the horizon
// and the information that all of its models had. One-step and multi-step
// scores never stand in one Result. Sales are in the units of the panel.
package evaluate

import (
	"context"
	"strconv"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The names of the two models that every Result has.
const (
	Naive         = "naive"
	SeasonalNaive = "seasonal_naive"
)

// Refit says how often a backtest fits anew: at every n-th cutoff. The zero
// value fits at every one, RefitNever only at the first.
type Refit int

// The two named ways to refit.
const (
	RefitEvery Refit = 1
	RefitNever Refit = -1
)

// ParseRefit reads every, never or a number of cutoffs.
func ParseRefit(s string) (Refit, error) {
	switch s {
	case "every":
		return RefitEvery, nil
	case "never":
		return RefitNever, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Usage, "refit %q is not every, never or a number of cutoffs from 1", s)
	}
	return Refit(n), nil
}

// String writes the form that ParseRefit reads.
func (r Refit) String() string {
	switch {
	case r < 0:
		return "never"
	case r <= RefitEvery:
		return "every"
	}
	return strconv.Itoa(int(r))
}

// Options are the choices of a backtest. OneStep heeds only Jobs, Holiday and Progress.
type Options struct {
	Cutoffs []sales.Period // the newest known period of each fold; nil: Folds of them
	Folds   int            // how many cutoffs, Horizon apart, the last as late as all its periods have come; 0 is 3
	Horizon int            // how many periods are scored after each cutoff; 0 is 8
	Gap     int            // periods between a cutoff and the first that is scored
	Window  int            // how many periods up to a cutoff a model sees; 0: all, the window expands
	Refit   Refit          // when to fit anew instead of observing
	Jobs    int            // how many fits at once, 0: one a CPU; the result is the same for any
	// Holiday says which periods weigh metrics.HolidayWeight in WMAE and are scored
	// by themselves as well; nil: none.
	Holiday func(sales.Period) bool
	// Levels are the intervals, in percent, that each model gets by its errors at
	// earlier cutoffs; nil: none.
	Levels   []float64
	Progress func(Progress) // called after each fold of each model, one call at a time; may be nil
}

// Progress tells how far a backtest has come.
type Progress struct {
	Done, Total int // folds times models
	Model       string
	Cutoff      sales.Period
}

// RowID names one row of the one-step table.
type RowID struct {
	Key    sales.Key
	Period sales.Period
}

// Row is one forecast beside what came.
type Row struct {
	Model    string
	Key      sales.Key
	Cutoff   sales.Period // the newest period the model knew
	Date     sales.Period
	Horizon  int // periods from the cutoff to the date, from 1
	Actual   float64
	Forecast float64
	Scale    float64 // metrics.Scale of the series, as the model was fitted to it
	Holiday  bool    // the date is one of Options.Holiday
	// Intervals are one a level, none where too few earlier errors were known.
	Intervals []sales.Interval
}

// Group is what the rows of a Score have in common.
type Group string

// The groups.
const (
	ByTotal   Group = "total" // nothing: all rows
	ByHorizon Group = "horizon"
	ByKey     Group = "key"
	ByHoliday Group = "holiday" // the periods of Options.Holiday, or the others
)

// Score is one line of the scores: a model over the rows of a group.
type Score struct {
	By      Group
	Model   string
	Key     sales.Key // by key
	Horizon int       // by horizon
	Holiday bool      // by holiday
	metrics.Scores
	SkillNaive         float64         // 1 - MAE / MAE of Naive on the same rows
	SkillSeasonalNaive float64         // 1 - MAE / MAE of SeasonalNaive on the same rows
	Intervals          []IntervalScore // one a level
}

// Statement says in words what all models of a Result have in common.
type Statement struct {
	Rows        string
	Horizon     string
	Information string
}

// Result is the outcome of a backtest.
type Result struct {
	Statement Statement
	Folds     Folds    // of Backtest; the one-step table has none
	Models    []string // the naive ones first, then the candidates as given
	Rows      []Row    // by model, cutoff, key and horizon
	Scores    []Score  // over all, then by horizon, by key and by holiday; each by model
	Warnings  []string
}

// Backtest scores the candidates, and the naive forecasts beside them, at
// cutoffs that move through the panel. At each one a model has the periods up
// to the cutoff and nothing of the ones after, columns neither. A candidate that
// fails at a cutoff fails the backtest.
//
// With a Window a model sees no period before it either: neither the fit nor what
// it observes later.
//
// With a Refit other than every, models whose Fitted is a sales.Observer take in
// the periods since their last fit; others are fitted at every cutoff, with a
// warning.
func Backtest(ctx context.Context, p sales.Panel, candidates []sales.Candidate, o Options) (Result, error) {
	pl, err := planBacktest(p, o)
	if err != nil {
		return Result{}, err
	}
	return pl.run(ctx, candidates, o)
}

// OneStep scores the candidates, and the naive forecasts beside them, one period
// ahead on the tested rows. Each is fitted once, on the periods before the first
// tested one. Then, for each tested period in order, it observes everything up
// to the period before and is asked for the tested keys, with their columns of
// the period as the Future.
//
// A candidate whose Fitted is no sales.Observer has no place in this table and
// is a fault.Invalid.
func OneStep(ctx context.Context, p sales.Panel, candidates []sales.Candidate, tested []RowID, o Options) (Result, error) {
	pl, err := planOneStep(p, tested, o.Holiday)
	if err != nil {
		return Result{}, err
	}
	return pl.run(ctx, candidates, o)
}
