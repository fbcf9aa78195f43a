// Package features turns a Panel into the rows that a model.Learner learns from.
// There is one computation, Encoder.Row; Transform loops over it and serving
// calls it, so the numbers of training and of serving cannot differ.
//
// The way through the package:
//
//  1. Fit lays out the features of a Set for the panel's Schema and refuses one
//     that would read what is not known yet. It learns the categories of keys
//     and static columns, drops columns that are the same in every row, and
//     picks a Basis.
//  2. Row looks at one period of one series through a view that ends before the
//     period: nothing at or after it is read from the history, whatever the
//     history holds. It writes one float32 a feature; NaN is missing.
//  3. Scale gives the same period's scale, in the target's unit, from the same
//     view. Targets and everything made of past targets are divided by it, so
//     that small and large series, and early and late years, teach one another.
//     A prediction is the model's answer times Scale.
//  4. Transform gives a Table: every row of the panel that has a target, by key
//     and then period, with scale and index.
//
// The expected value behind Seasonal is last year's same dates times the growth
// over the year before, weighted towards the newest periods; see view.go.
package features

import (
	"fmt"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// HolidayFlag is the column that marks holiday periods. Where it is missing, as
// it is for future periods, the calendar gives it.
const HolidayFlag = "holiday_flag"

// Set says what a row may know.
type Set string

// The sets.
const (
	// Row predicts a period whose own columns are given: lags up to the period
	// before, calendar, key and the same period's columns.
	Row Set = "row"
	// Ahead forecasts periods of which only key and calendar are known; of
	// the data's columns it sees the values of a year before. The caller adds
	// its own forecasts to the history to go further ahead.
	Ahead Set = "ahead"
)

// Basis says what targets are divided by.
type Basis string

// The bases.
const (
	// Auto is Seasonal where a fifth of the rows or more, and at least 30, have
	// the year behind them that it needs, and else Level.
	Auto Basis = ""
	// Raw divides by 1: the target in its own unit.
	Raw Basis = "raw"
	// Level divides by the mean of the newest periods.
	Level Basis = "level"
	// Seasonal divides by last year's same dates times the growth since. Rows
	// without a year behind them are no lesson for a model of what is left, so
	// Table.Learn leaves them out; asked for one, Scale falls back on Level.
	Seasonal Basis = "seasonal"
)

// Filter picks rows; nil picks all.
type Filter func(Index) bool

// picks reports whether the filter takes the row.
func (f Filter) picks(at Index) bool { return f == nil || f(at) }

// Options say which features to make. The zero value makes the row set as
// `salesctl train` does.
type Options struct {
	Set     Set                // "" is Row
	Basis   Basis              // "" is Auto
	Lags    []int              // past targets, in periods; nil is the frequency's own
	Windows []int              // lengths of rolling means, in periods; nil is the frequency's own
	Own     []calendar.Holiday // the user's holidays
	Rows    Filter             // what Fit learns from; nil is every row
	Without []Group            // features to leave out, as an ablation does
}

// When says when a feature of a period is known.
type When uint8

// The times.
const (
	Static    When = iota // always: keys and static columns
	InAdvance             // any time before: the calendar
	Past                  // once earlier periods are over
	Given                 // with the period itself: its own columns
)

// String names the time for messages.
func (w When) String() string {
	return [...]string{Static: "static", InAdvance: "known in advance", Past: "past", Given: "given with the period"}[w]
}

// Group is a family of features.
type Group string

// The groups, in the order of a row.
const (
	Identity Group = "identity" // keys and static columns
	Dates    Group = "dates"    // the period's place in week, month and year
	Holidays Group = "holidays" // distances to holidays, and the flag
	Shifts   Group = "shifts"   // whether a moving holiday's run-up fell into the same period last year
	Columns  Group = "columns"  // the data's own columns
	Changes  Group = "changes"  // their changes against the year before
	Lags     Group = "lags"     // past targets
	Rolling  Group = "rolling"  // means and deviations of past targets
	Growth   Group = "growth"   // the newest periods against the year before
	Together Group = "together" // the same of all series, and how this one stands to them
)

// Groups lists the groups, in the order of a row.
func Groups() []Group {
	return []Group{Identity, Dates, Holidays, Shifts, Columns, Changes, Lags, Rolling, Growth, Together}
}

// Feature is one column of a row.
type Feature struct {
	Name  string
	Group Group
	Kind  model.Kind
	When  When
	Lag   int // of Past: periods back of the newest value it is about, at least 1; the scale that it is in reads from 1 back on

	of func(*view) float64
}

// check refuses a feature that would look ahead.
func (f Feature) check(set Set) error {
	switch {
	case f.When == Past && f.Lag < 1:
		return fault.New(fault.Config, "feature %s reads the past %d periods back: it would see the period that it predicts", f.Name, f.Lag).
			WithHint("give lags and windows of at least 1")
	case f.When == Given && set == Ahead:
		return fault.New(fault.Config, "feature %s is %s, which the %s set does not know", f.Name, f.When, set).
			WithHint("use it with a lag, or use the %s set", Row)
	}
	return nil
}

// rhythm is how features look back on one unit of time, in periods.
type rhythm struct {
	lags, windows []int
	year          int     // to the same period of last year
	level         int     // how many periods make the level
	trend         int     // how many periods tell the growth over last year
	least         int     // how many of them it takes
	decay         float64 // weight of a period of the trend relative to the one after it
	reach         int     // holidays farther away are all the same
}

// rhythmOf returns the defaults of a unit. Weeks: chosen on the training rows
// of the sample by folds in time. Days go by whole weeks, so that weekdays meet.
func rhythmOf(u sales.Unit) rhythm {
	switch u {
	case sales.Daily:
		return rhythm{[]int{1, 2, 7, 14, 28, 357, 364, 371}, []int{7, 28, 91}, 364, 28, 56, 14, 0.95, 28}
	case sales.Monthly:
		return rhythm{[]int{1, 2, 3, 6, 11, 12, 13}, []int{3, 6, 12}, 12, 3, 6, 2, 0.7, 2}
	default:
		return rhythm{[]int{1, 2, 4, 8, 51, 52, 53}, []int{4, 8, 13}, 52, 8, 8, 4, 0.7, 4}
	}
}

// withDefaults fills in what empty options stand for.
func (o Options) withDefaults(u sales.Unit) Options {
	r := rhythmOf(u)
	if o.Set == "" {
		o.Set = Row
	}
	if o.Lags == nil {
		o.Lags = r.lags
	}
	if o.Windows == nil {
		o.Windows = r.windows
	}
	return o
}

// checkAll refuses features that look ahead and names that appear twice.
func checkAll(features []Feature, set Set) error {
	seen := make(map[string]bool, len(features))
	for _, f := range features {
		if err := f.check(set); err != nil {
			return fmt.Errorf("build features: %w", err)
		}
		if seen[f.Name] {
			return fault.New(fault.Config, "build features: two are named %s", f.Name).
				WithHint("map that column of the data under another name")
		}
		seen[f.Name] = true
	}
	return nil
}
