package features

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// layout lists the features of the set, group by group, in the order of a row.
func (e *Encoder) layout() []Feature {
	var all []Feature
	for _, g := range []struct {
		group    Group
		features []Feature
	}{
		{Identity, e.identity()},
		{Dates, dates()},
		{Season, placeInYear()},
		{Distances, e.distances()},
		{Holidays, []Feature{e.flag()}},
		{Shifts, shiftFeatures()},
		{Columns, e.columns()},
		{Changes, e.changes()},
		{Lags, e.lags()},
		{Rolling, e.rolling()},
		{Growth, e.growth()},
		{Together, e.together()},
	} {
		for _, f := range g.features {
			f.Group = g.group
			all = append(all, f)
		}
	}
	return all
}

// identity says whose row it is, as codes of categories. One that was not there
// at Fit is NaN.
func (e *Encoder) identity() []Feature {
	var all []Feature
	for i, name := range e.state.KeyNames {
		codes := codesOf(e.state.Keys[i])
		all = append(all, Feature{Name: name, Kind: model.Categorical, When: Static, of: func(v *view) float64 {
			return codeOf(codes, v.history.Key, i)
		}})
	}
	for i, name := range e.state.StaticNames {
		codes := codesOf(e.state.Statics[i])
		all = append(all, Feature{Name: name, Kind: model.Categorical, When: Static, of: func(v *view) float64 {
			return codeOf(codes, v.history.Static, i)
		}})
	}
	return all
}

// codesOf numbers the categories.
func codesOf(categories []string) map[string]float64 {
	codes := make(map[string]float64, len(categories))
	for code, c := range categories {
		codes[c] = float64(code)
	}
	return codes
}

// codeOf returns the code of values[i].
func codeOf(codes map[string]float64, values []string, i int) float64 {
	if i < len(values) {
		if code, ok := codes[values[i]]; ok {
			return code
		}
	}
	return math.NaN()
}

// inAdvance is a feature that the calendar gives.
func inAdvance(name string, of func(*view) float64) Feature {
	return Feature{Name: name, When: InAdvance, of: of}
}

// dates place the period's last day in week and month, and tell its year.
func dates() []Feature {
	return []Feature{
		inAdvance("day_of_week", func(v *view) float64 { return float64(v.day.Weekday()) }),
		inAdvance("day_of_month", func(v *view) float64 { return float64(v.day.Day()) }),
		inAdvance("year", func(v *view) float64 { return float64(v.day.Year()) }),
	}
}

// placeInYear places the period's last day in the year.
func placeInYear() []Feature {
	return []Feature{
		inAdvance("month", func(v *view) float64 { return float64(v.day.Month()) }),
		inAdvance("iso_week", func(v *view) float64 { _, week := v.day.ISOWeek(); return float64(week) }),
	}
}

// distances are the signed distances to the holidays, cut at the reach: beyond
// it, all periods are alike. Easter alone moves by weeks, so it matters too how
// far away it was in the period that last year is compared by.
func (e *Encoder) distances() []Feature {
	c, r := e.calendar, e.rhythm
	offset := func(h int, p sales.Period) float64 { return float64(min(max(c.Offset(h, p), -r.reach), r.reach)) }
	var all []Feature
	for h := range c.Len() {
		all = append(all, inAdvance("periods_from_"+c.Name(h), func(v *view) float64 { return offset(h, v.period) }))
		if c.Name(h) == calendar.Easter {
			all = append(all, inAdvance("periods_from_easter_last_year", func(v *view) float64 {
				return offset(h, c.Frequency().Add(v.period, -r.year))
			}))
		}
	}
	return all
}

// shiftFeatures tell, of the period and of the one before it, whether the run-up
// to a moving holiday fell into it and not into last year's same dates (above 0),
// or the other way round.
func shiftFeatures() []Feature {
	return []Feature{
		inAdvance("holiday_shift", func(v *view) float64 { return v.shift }),
		inAdvance("holiday_shift_before", func(v *view) float64 { return v.shiftBefore }),
	}
}

// flag is the holiday flag, which is known in advance: where it is not given, or
// not to be looked at, the calendar tells it.
func (e *Encoder) flag() Feature {
	flag := e.state.column(HolidayFlag)
	return inAdvance(HolidayFlag, func(v *view) float64 {
		if e.state.Set == Row && flag >= 0 {
			if given := v.given(flag); !math.IsNaN(given) {
				return given
			}
		}
		if e.calendar.Flag(v.period) {
			return 1
		}
		return 0
	})
}

// columns are the data's own. The row set takes them as they are given with the
// period, the ahead set as they were a year before.
func (e *Encoder) columns() []Feature {
	var all []Feature
	for c, name := range e.state.ColumnNames {
		switch {
		case name == HolidayFlag:
		case e.state.Set == Row:
			all = append(all, Feature{Name: name, When: Given, of: func(v *view) float64 { return v.given(c) }})
		default:
			all = append(all, Feature{Name: name + "_last_year", When: Past, Lag: e.rhythm.year, of: func(v *view) float64 {
				return v.observed(c, e.rhythm.year)
			}})
		}
	}
	return all
}

// changes are the differences of given columns to the same period a year before:
// what is sold is compared with that period, so its weather and prices matter as
// much as today's.
func (e *Encoder) changes() []Feature {
	if e.state.Set != Row {
		return nil
	}
	var all []Feature
	for c, name := range e.state.ColumnNames {
		if name != HolidayFlag {
			all = append(all, Feature{Name: name + "_change", When: Given, of: func(v *view) float64 {
				return v.given(c) - v.observed(c, e.rhythm.year)
			}})
		}
	}
	return all
}

// lags are past targets, in parts of the scale.
func (e *Encoder) lags() []Feature {
	var all []Feature
	for _, k := range e.state.Lags {
		all = append(all, Feature{Name: fmt.Sprintf("lag_%d", k), When: Past, Lag: k, of: func(v *view) float64 {
			return v.lag(k) / v.scale
		}})
	}
	return all
}

// rolling are means of past targets and their deviation, in parts of the scale.
func (e *Encoder) rolling() []Feature {
	var all []Feature
	for _, w := range e.state.Windows {
		newest := min(w, 1) // a window of nothing would begin at the period itself
		all = append(all, Feature{Name: fmt.Sprintf("mean_%d", w), When: Past, Lag: newest, of: func(v *view) float64 {
			return v.mean(w) / v.scale
		}})
	}
	if len(e.state.Windows) > 0 {
		w := slices.Max(e.state.Windows)
		all = append(all, Feature{Name: fmt.Sprintf("deviation_%d", w), When: Past, Lag: 1, of: func(v *view) float64 {
			return v.deviation(w) / v.scale
		}})
	}
	return all
}

// growth compares the newest periods with the same dates a year before: the
// growth, each period's own deviation from it and, where it is not the scale, the
// value that follows from it.
func (e *Encoder) growth() []Feature {
	all := []Feature{{Name: "growth", When: Past, Lag: 1, of: func(v *view) float64 { return v.growth }}}
	for j := 1; j <= min(4, e.rhythm.trend); j++ {
		all = append(all, Feature{Name: fmt.Sprintf("growth_lag_%d", j), When: Past, Lag: j, of: func(v *view) float64 {
			return v.ratios[j-1] / v.growth
		}})
	}
	if e.state.Basis != Seasonal {
		all = append(all, Feature{Name: "expected", When: Past, Lag: 1, of: func(v *view) float64 { return v.expected / v.scale }})
	}
	return all
}

// together is the growth of all series, in the same parts, and how the series
// itself stands to them. The ahead set is without: several steps ahead, nothing
// is known of what the others sold.
func (e *Encoder) together() []Feature {
	if e.state.Set != Row {
		return nil
	}
	all := []Feature{
		{Name: "chain_growth", When: Past, Lag: 1, of: func(v *view) float64 { return v.chainGrowth }},
		{Name: "growth_over_chain", When: Past, Lag: 1, of: func(v *view) float64 { return v.growth / v.chainGrowth }},
	}
	for j := 1; j <= min(4, e.rhythm.trend); j++ {
		all = append(all, Feature{Name: fmt.Sprintf("chain_growth_lag_%d", j), When: Past, Lag: j, of: func(v *view) float64 {
			return v.chainRatios[j-1] / v.chainGrowth
		}})
	}
	for j := 1; j <= min(2, e.rhythm.trend); j++ {
		all = append(all, Feature{Name: fmt.Sprintf("over_chain_lag_%d", j), When: Past, Lag: j, of: func(v *view) float64 {
			return v.ratios[j-1] / v.chainRatios[j-1]
		}})
	}
	return all
}
