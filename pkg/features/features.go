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
//     A model learns that, or its logarithm; Target.Undo makes a prediction of
//     its answer.
//  4. Transform gives a Table: every row of the panel that has a target, by key
//     and then period, with scale and index.
//
// The expected value behind Seasonal is last year's same dates times the growth
// over the year before, weighted towards the newest periods; see view.go.
package features

import (
	"fmt"
	"slices"
	"strings"

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
	Auto Basis = "auto"
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
	Identity  Group = "identity"  // keys and static columns
	Dates     Group = "dates"     // the year, and the period's place in week and month
	Season    Group = "season"    // the period's place in the year
	Distances Group = "distances" // distances to holidays
	Holidays  Group = "holidays"  // the holiday flag
	Shifts    Group = "shifts"    // whether a moving holiday's run-up fell into the same period last year
	Columns   Group = "columns"   // the data's own columns
	Changes   Group = "changes"   // their changes against the year before
	Lags      Group = "lags"      // past targets
	Rolling   Group = "rolling"   // means and deviations of past targets
	Growth    Group = "growth"    // the newest periods against the year before
	Together  Group = "together"  // the same of all series, and how this one stands to them
)

// Groups lists the groups, in the order of a row.
func Groups() []Group {
	return []Group{Identity, Dates, Season, Distances, Holidays, Shifts, Columns, Changes, Lags, Rolling, Growth, Together}
}

// DefaultGroups lists what is made where no groups are asked for: all of them but
// where the scale is earlier years' same dates times the growth since. That says most
// of what the others could, so that of them only those are made which were worth
// something on folds in time of the sample (bench/onestep/groups.txt), beside what
// the data itself says. The place in the year even does harm there: what is learned
// by it is the chance of that week of one year, and that comes back with the other
// sign when a later year is divided by this one.
func DefaultGroups(basis Basis) []Group {
	if basis != Seasonal {
		return Groups()
	}
	return []Group{Identity, Dates, Holidays, Shifts, Columns, Lags}
}

// checkGroups refuses a group that there is not.
func checkGroups(groups []Group) error {
	for _, g := range groups {
		if slices.Contains(Groups(), g) {
			continue
		}
		var known []string
		for _, k := range Groups() {
			known = append(known, string(k))
		}
		err := fault.New(fault.Config, "there is no group of features %q", g)
		if near := fault.Nearest(string(g), known); near != "" {
			return err.WithHint("did you mean %s?", near)
		}
		return err.WithHint("the groups are %s", strings.Join(known, ", "))
	}
	return nil
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

// checkAll refuses features that look ahead and names that appear twice.
func checkAll(features []Feature, set Set) error {
	seen := make(map[string]bool, len(features))
	for _, f := range features {
		if err := f.check(set); err != nil {
			return fmt.Errorf("build features: %w", err)
		}
		if seen[f.Name] {
			return fault.New(fault.Config, "build features: two are named %s", f.Name).
				WithHint("name each lag and window once, and map a column of the data under a name that no feature has")
		}
		seen[f.Name] = true
	}
	return nil
}
