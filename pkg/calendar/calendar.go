// Package calendar knows the days on which people shop otherwise: the named
// holidays of United States retail in any year, the user's own, and the periods
// that hold them.
//
// The way through the package:
//
//  1. New lays out, for one sales.Frequency, the period that holds each
//     occurrence of each holiday. A holiday belongs to the period that contains
//     its day: Christmas 2010, a Saturday, lies in the week that ends on Friday
//     2010-12-31. This plain rule gives all ten holiday weeks of the sample.
//  2. Flag says whether a period holds a flagged holiday, which is what future
//     periods have instead of a holiday column.
//  3. Until and Since count whole periods to the next and from the previous
//     occurrence; Offset gives the nearer of the two with its sign.
//  4. RunUp says how much of the shopping for a holiday falls into a period:
//     the week before its day may be divided between two periods.
//
// A Calendar never changes and is safe for concurrent use.
package calendar

import (
	"slices"

	"github.com/salesctl/salesctl/pkg/sales"
)

// Years that a calendar holds occurrences for. Outside of them no distance is
// known.
const (
	FirstYear = 1900
	LastYear  = 2200
)

// Far is the distance to a holiday that has no occurrence on the asked side.
const Far = 1 << 20

// Holiday is a named day of the year.
type Holiday struct {
	Name    string
	Flagged bool           // its periods carry the holiday flag
	Weekday bool           // falls on a weekday of a month, so that years lie whole weeks apart
	Dates   []sales.Period // the days of a holiday without a rule; any order

	on rule // nil for a holiday of the user's own
}

// Builtin returns the holidays that need no list, in the order of the year.
func Builtin() []Holiday { return rules() }

// Date returns the holiday's day in the year; false when it has none there.
func (h Holiday) Date(year int) (sales.Period, bool) {
	if h.on != nil {
		return h.on(year), true
	}
	for _, d := range h.Dates {
		if d.Time().Year() == year {
			return d, true
		}
	}
	return 0, false
}

// days returns every day of the holiday that a calendar holds.
func (h Holiday) days() []sales.Period {
	if h.on == nil {
		return h.Dates
	}
	days := make([]sales.Period, 0, LastYear-FirstYear+1)
	for y := FirstYear; y <= LastYear; y++ {
		days = append(days, h.on(y))
	}
	return days
}

// Calendar answers for the periods of one frequency.
type Calendar struct {
	frequency sales.Frequency
	holidays  []Holiday
	days      [][]sales.Period // by holiday: its days, ascending
	held      [][]sales.Period // by holiday: the periods that hold it, ascending
	flagged   map[sales.Period]bool
	weekday   map[sales.Period]bool // holds a flagged holiday of a weekday
}

// New returns the calendar of the built-in holidays and the user's own, which
// may be nil.
func New(f sales.Frequency, own []Holiday) *Calendar {
	c := &Calendar{frequency: f, holidays: append(Builtin(), own...), flagged: map[sales.Period]bool{}, weekday: map[sales.Period]bool{}}
	for _, h := range c.holidays {
		days := slices.Sorted(slices.Values(h.days()))
		held := make([]sales.Period, len(days))
		for i, day := range days {
			held[i] = f.Of(day)
		}
		held = slices.Compact(held)
		c.days, c.held = append(c.days, days), append(c.held, held)
		if !h.Flagged {
			continue
		}
		for _, p := range held {
			c.flagged[p] = true
			if h.Weekday {
				c.weekday[p] = true
			}
		}
	}
	return c
}

// Frequency returns the frequency that the calendar was made for.
func (c *Calendar) Frequency() sales.Frequency { return c.frequency }

// Len returns the number of holidays.
func (c *Calendar) Len() int { return len(c.holidays) }

// Name returns the name of holiday h, counted from 0.
func (c *Calendar) Name(h int) string { return c.holidays[h].Name }

// Flag reports whether the period holds a flagged holiday.
func (c *Calendar) Flag(p sales.Period) bool { return c.flagged[p] }

// Weekday reports whether the period holds a flagged holiday that falls on a
// weekday, such as Thanksgiving. What is sold then moves with the weekday, and
// not with the date.
func (c *Calendar) Weekday(p sales.Period) bool { return c.weekday[p] }

// In returns the names of the holidays that the period holds, built-in ones
// first.
func (c *Calendar) In(p sales.Period) []string {
	var names []string
	for h, held := range c.held {
		if _, ok := slices.BinarySearch(held, p); ok {
			names = append(names, c.holidays[h].Name)
		}
	}
	return names
}

// Until returns how many periods after p the next occurrence of holiday h lies,
// 0 when p holds it and Far when none is known.
func (c *Calendar) Until(h int, p sales.Period) int {
	held := c.held[h]
	i, _ := slices.BinarySearch(held, p)
	if i == len(held) {
		return Far
	}
	return c.frequency.Steps(p, held[i])
}

// Since returns how many periods before p the previous occurrence of holiday h
// lies, 0 when p holds it and Far when none is known.
func (c *Calendar) Since(h int, p sales.Period) int {
	held := c.held[h]
	i, ok := slices.BinarySearch(held, p)
	switch {
	case ok:
		return 0
	case i == 0:
		return Far
	}
	return c.frequency.Steps(held[i-1], p)
}

// Offset returns where p stands to the nearest occurrence of holiday h: -2 two
// periods before it, 3 three after. Of two at the same distance it takes the
// coming one. It is Far when the holiday never occurs.
func (c *Calendar) Offset(h int, p sales.Period) int {
	until, since := c.Until(h, p), c.Since(h, p)
	if since < until {
		return since
	}
	if until == Far {
		return Far
	}
	return -until
}

// runUp is how many days people shop for a holiday, its own day not counted.
const runUp = 7

// RunUp returns the share of the seven days before holiday h that lie in p, from
// 0 to 1. Of two occurrences that near the period, the first one counts.
func (c *Calendar) RunUp(h int, p sales.Period) float64 {
	first := c.frequency.Add(p, -1) + 1
	i, _ := slices.BinarySearch(c.days[h], first+1) // the day itself is no day before it
	if i == len(c.days[h]) {
		return 0
	}
	day := c.days[h][i]
	days := min(p, day-1) - max(first, day-runUp) + 1
	return float64(max(days, 0)) / runUp
}
