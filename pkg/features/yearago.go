package features

import (
	"math"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/sales"
)

// maxShift is how much of a moving holiday's run-up may fall into another period
// than last year before the two are not alike.
const maxShift = 0.3

// yearAgo places the dates of a period in an earlier year. A year is a day or two
// longer than 52 weeks, so those dates are some days of one week and the rest of
// the week before it: Christmas shopping moves by days that way. Not so around
// the holidays of a weekday, which stay in their week.
type yearAgo struct {
	back  int     // periods to the one that holds the last of the dates
	early float64 // share of the dates that lie in the period before that one
	shift float64 // share of moving holidays' run-ups in the period, less that on the dates
}

// yearAgo places a period's dates so many years before.
func (e *Encoder) yearAgo(p sales.Period, years int) yearAgo {
	f := e.calendar.Frequency()
	ago := yearAgo{back: years * e.rhythm.year}
	then := f.Add(p, -ago.back)
	before := f.Add(then, -1)
	if f.Unit == sales.Weekly && !e.calendar.Weekday(then) && !e.calendar.Weekday(before) {
		t := p.Time()
		ago.early = float64(then-sales.Date(t.Year()-years, t.Month(), t.Day())) / 7
	}
	for _, h := range e.moving {
		ago.shift += e.calendar.RunUp(h, p) - float64((1-ago.early)*e.calendar.RunUp(h, then)) -
			float64(ago.early*e.calendar.RunUp(h, before))
	}
	return ago
}

// alike reports whether what was sold on the dates is a measure of the period.
func (a yearAgo) alike() bool { return math.Abs(a.shift) < maxShift }

// value returns what values, in which the period has index at, holds for the
// dates.
func (a yearAgo) value(values []float64, at int) float64 {
	same := back(values, at, a.back)
	before := back(values, at, a.back+1)
	if a.early == 0 || math.IsNaN(before) {
		return same
	}
	return float64((1-a.early)*same) + float64(a.early*before)
}

// season is what one earlier year tells about a period.
type season struct {
	ago      [maxTrend + 1]yearAgo // j: of the period j back
	growth   float64               // how the newest periods stand to the same dates of that year; NaN where unknown
	expected float64               // that year's same dates times growth; NaN where unknown
}

// placed remembers where periods lie in earlier years, for those who look at the
// same periods of many series: one map for each of the years that are looked at. The
// zero value remembers nothing. It is not for concurrent use.
type placed [2]map[sales.Period]yearAgo

// newPlaced is one that remembers.
func newPlaced() placed { return placed{{}, {}} }

// yearAgo is the encoder's, worked out once.
func (p placed) yearAgo(e *Encoder, period sales.Period, years int) yearAgo {
	known := p[years-1]
	ago, ok := known[period]
	if !ok {
		ago = e.yearAgo(period, years)
		if known != nil {
			known[period] = ago
		}
	}
	return ago
}

// season looks so many years back. The growth is the ratio of two sums in which a
// period counts less the older it is; periods into which a moving holiday fell in
// one of the two years only tell nothing of it.
func (e *Encoder) season(v *view, years int) season {
	var s season
	var g growth
	weight := 1.0
	for j := range v.rhythm.trend + 1 {
		s.ago[j] = v.placed.yearAgo(e, v.history.Frequency.Add(v.period, -j), years)
		if j == 0 {
			continue
		}
		if s.ago[j].alike() {
			g.add(weight, v.lag(j), s.ago[j].value(v.history.Target, v.at-j))
		}
		weight *= v.rhythm.decay
	}
	s.growth = g.ratio(v.rhythm.least)
	s.expected = s.ago[0].value(v.history.Target, v.at) * s.growth
	return s
}

// growth is two sums to be compared.
type growth struct {
	now, then float64
	n         int
}

// add adds a period of which both values are known.
func (g *growth) add(weight, now, then float64) {
	if !math.IsNaN(now) && !math.IsNaN(then) {
		g.now += float64(weight * now)
		g.then += float64(weight * then)
		g.n++
	}
}

// ratio returns the growth, NaN of fewer than least periods.
func (g *growth) ratio(least int) float64 {
	if g.n < least || !(g.now > 0 && g.then > 0) {
		return math.NaN()
	}
	return g.now / g.then
}

// movingHolidays lists the holidays whose day moves by weeks from year to year,
// so that last year's same dates may not hold it: Easter does.
func movingHolidays(c *calendar.Calendar) []int {
	var moving []int
	for h := range c.Len() {
		if c.Name(h) == calendar.Easter {
			moving = append(moving, h)
		}
	}
	return moving
}
