package features

import (
	"math"
	"time"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/sales"
)

// maxTrend bounds rhythm.trend, so that a view needs no allocation.
const maxTrend = 56

// view is all that the features of one period may look at: the history before
// it and what is given with it. Every way into the history counts backwards
// from the period and refuses to go elsewhere.
type view struct {
	history  sales.Series // to be read through the methods only
	at       int          // the period's index in the history, which may lie outside
	period   sales.Period
	day      time.Time // the period's last day
	known    []float64 // the period's own columns
	calendar *calendar.Calendar
	rhythm   rhythm

	ratios   [maxTrend]float64 // j-1: the period j back over its dates a year before
	growth   float64           // of the newest periods over the year before
	expected float64           // last year's same dates times growth; NaN where unknown
	level    float64           // mean of the newest periods; NaN without history
	scale    float64           // what targets are divided by
}

// look fills in what several features share.
func (e *Encoder) look(history sales.Series, period sales.Period, known []float64) view {
	v := view{
		history: history, at: history.Index(period),
		period: period, day: period.Time(), known: known,
		calendar: e.calendar, rhythm: e.rhythm,
	}
	v.growth = v.trend()
	v.expected = v.lastYear(0) * v.growth
	v.level = v.newest(v.rhythm.level)
	v.scale = e.scale(&v)
	return v
}

// lag returns the target k periods back.
func (v *view) lag(k int) float64 { return back(v.history.Target, v.at, k) }

// observed returns the data's column c, k periods back.
func (v *view) observed(c, k int) float64 {
	if c >= len(v.history.Columns) {
		return math.NaN()
	}
	return back(v.history.Columns[c], v.at, k)
}

// back returns the value k periods before index at, NaN where there is none and
// where k is not in the past.
func back(values []float64, at, k int) float64 {
	if i := at - k; k >= 1 && i >= 0 && i < len(values) {
		return values[i]
	}
	return math.NaN()
}

// given returns the period's own column c.
func (v *view) given(c int) float64 {
	if c >= len(v.known) {
		return math.NaN()
	}
	return v.known[c]
}

// mean returns the mean of the last w periods, of which half must be known.
func (v *view) mean(w int) float64 {
	sum, n := 0.0, 0
	for k := 1; k <= w; k++ {
		if y := v.lag(k); !math.IsNaN(y) {
			sum += y
			n++
		}
	}
	if n == 0 || 2*n < w {
		return math.NaN()
	}
	return sum / float64(n)
}

// newest returns the mean of the newest w known targets, however old.
func (v *view) newest(w int) float64 {
	sum, n := 0.0, 0
	for i := min(v.at, len(v.history.Target)) - 1; i >= 0 && n < w; i-- {
		if y := v.history.Target[i]; !math.IsNaN(y) {
			sum += y
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// lastYear returns what was sold, a year before, on the dates of the period
// that lies k back; k may be 0, since a year before is past in any case. A year
// is a day or two longer than 52 weeks, so those dates are some days of one
// week and the rest of the week before it: Christmas shopping moves by days
// that way. Not so around the holidays of a weekday, which stay in their week.
func (v *view) lastYear(k int) float64 {
	y := v.rhythm.year
	same, before := v.lag(k+y), v.lag(k+y+1)
	f := v.history.Frequency
	if f.Unit != sales.Weekly || math.IsNaN(before) {
		return same
	}
	week := f.Add(v.period, -k-y)
	if v.calendar.Weekday(week) || v.calendar.Weekday(f.Add(week, -1)) {
		return same
	}
	t := f.Add(v.period, -k).Time()
	days := float64(week-sales.Date(t.Year()-1, t.Month(), t.Day())) / 7
	return float64((1-days)*same) + float64(days*before)
}

// trend returns how the newest periods stand to the same dates a year before:
// the ratio of two sums in which a period counts less the older it is.
func (v *view) trend() float64 {
	now, then, weight, n := 0.0, 0.0, 1.0, 0
	for j := 1; j <= v.rhythm.trend; j++ {
		y, before := v.lag(j), v.lastYear(j)
		v.ratios[j-1] = math.NaN() // no growth is told from a period that sold nothing
		if before != 0 {
			v.ratios[j-1] = y / before
		}
		if !math.IsNaN(y) && !math.IsNaN(before) {
			now += float64(weight * y)
			then += float64(weight * before)
			n++
		}
		weight *= v.rhythm.decay
	}
	if n < v.rhythm.least || !(now > 0 && then > 0) {
		return math.NaN()
	}
	return now / then
}

// seasonal reports whether there is a year behind the period to go by.
func (v *view) seasonal() bool { return v.expected > 0 }

// scale picks the basis. It is positive, or NaN where the history holds no
// target at all. The expected value of a series that hardly sold last year is
// no measure of it, so it is at least a tenth of the level.
func (e *Encoder) scale(v *view) float64 {
	level := v.level
	switch {
	case e.state.Basis == Raw:
		return 1
	case math.IsNaN(level):
		return level
	case level <= 0:
		level = 1
	}
	if e.state.Basis == Seasonal && v.seasonal() {
		return max(v.expected, level/10)
	}
	return level
}
