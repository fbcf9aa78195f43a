package features

import (
	"fmt"
	"math"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// layout lists the features of the set, in the order of a row: key and static
// columns, calendar, the data's columns, past targets.
func (e *Encoder) layout() []Feature {
	all := e.identity()
	all = append(all, dateFeatures()...)
	all = append(all, holidayFeatures(e.calendar, e.rhythm)...)
	all = append(all, e.columns()...)
	all = append(all, e.pastTargets()...)
	return append(all, e.yearOnYear()...)
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

// dateFeatures place the period's last day in week, month and year.
func dateFeatures() []Feature {
	known := func(name string, of func(*view) float64) Feature {
		return Feature{Name: name, When: InAdvance, of: of}
	}
	return []Feature{
		known("day_of_week", func(v *view) float64 { return float64(v.day.Weekday()) }),
		known("day_of_month", func(v *view) float64 { return float64(v.day.Day()) }),
		known("month", func(v *view) float64 { return float64(v.day.Month()) }),
		known("iso_week", func(v *view) float64 { _, week := v.day.ISOWeek(); return float64(week) }),
		known("year", func(v *view) float64 { return float64(v.day.Year()) }),
	}
}

// holidayFeatures give the signed distance to each holiday, cut at the reach:
// beyond it, all periods are alike. Easter alone moves by weeks, so it matters
// too how far away it was in the period that last year is compared by.
func holidayFeatures(c *calendar.Calendar, r rhythm) []Feature {
	offset := func(h int, p sales.Period) float64 { return float64(min(max(c.Offset(h, p), -r.reach), r.reach)) }
	var all []Feature
	for h := range c.Len() {
		all = append(all, Feature{Name: "periods_from_" + c.Name(h), When: InAdvance, of: func(v *view) float64 {
			return offset(h, v.period)
		}})
		if c.Name(h) == calendar.Easter {
			all = append(all, Feature{Name: "periods_from_easter_last_year", When: InAdvance, of: func(v *view) float64 {
				return offset(h, c.Frequency().Add(v.period, -r.year))
			}})
		}
	}
	return all
}

// columns are the data's own. The row set takes them as they are given with the
// period, the ahead set as they were a year before. The holiday flag is known
// in advance.
func (e *Encoder) columns() []Feature {
	flag := e.state.column(HolidayFlag)
	all := []Feature{{Name: HolidayFlag, When: InAdvance, of: func(v *view) float64 {
		if e.state.Set == Row && flag >= 0 {
			if given := v.given(flag); !math.IsNaN(given) {
				return given
			}
		}
		if e.calendar.Flag(v.period) {
			return 1
		}
		return 0
	}}}
	for c, name := range e.state.ColumnNames {
		switch {
		case c == flag:
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

// pastTargets are lags and rolling means, in parts of the scale.
func (e *Encoder) pastTargets() []Feature {
	var all []Feature
	for _, k := range e.state.Lags {
		all = append(all, Feature{Name: fmt.Sprintf("lag_%d", k), When: Past, Lag: k, of: func(v *view) float64 {
			return v.lag(k) / v.scale
		}})
	}
	for _, w := range e.state.Windows {
		newest := min(w, 1) // a window of nothing would begin at the period itself
		all = append(all, Feature{Name: fmt.Sprintf("mean_%d", w), When: Past, Lag: newest, of: func(v *view) float64 {
			return v.mean(w) / v.scale
		}})
	}
	return all
}

// yearOnYear compares the newest periods with the same dates a year before:
// the growth, each period's own deviation from it and, where it is not the
// scale, the value that follows from it.
func (e *Encoder) yearOnYear() []Feature {
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
