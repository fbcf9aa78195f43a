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
	placed   placed

	ratios      [maxTrend]float64 // j-1: the period j back over its dates a year before
	chainRatios [maxTrend]float64 // likewise, of the chain
	growth      float64           // of the newest periods over the year before
	chainGrowth float64           // likewise, of the chain
	shift       float64           // share of moving holidays' run-ups in the period, less that in what is expected
	shiftBefore float64           // likewise, of the period before, less that a year before
	expected    float64           // earlier years' same dates times growth; NaN where unknown
	level       float64           // mean of the newest periods; NaN without history
	scale       float64           // what targets are divided by
}

// look fills in what several features share; where periods lie in earlier years it
// takes from placed, and adds to it.
func (e *Encoder) look(history sales.Series, chain *Chain, period sales.Period, known []float64, placed placed) view {
	v := view{
		history: history, at: history.Index(period),
		period: period, day: period.Time(), known: known,
		calendar: e.calendar, rhythm: e.rhythm, placed: placed,
	}
	last := e.season(&v, 1)
	v.growth, v.shift, v.shiftBefore = last.growth, last.ago[0].shift, last.ago[1].shift
	v.compare(&last, chain)
	v.expect(&last, e)
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

// deviation returns the standard deviation of the last w periods, of which half
// must be known.
func (v *view) deviation(w int) float64 {
	mean, sum, n := v.mean(w), 0.0, 0
	for k := 1; k <= w; k++ {
		if y := v.lag(k); !math.IsNaN(y) {
			sum += float64((y - mean) * (y - mean))
			n++
		}
	}
	return math.Sqrt(sum / float64(n))
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

// compare sets the newest periods against last year's same dates, one by one and
// also for the chain, whose growth counts the periods as the series' own does.
func (v *view) compare(last *season, chain *Chain) {
	all, weight := growth{}, 1.0
	f := v.history.Frequency
	for j := 1; j <= v.rhythm.trend; j++ {
		y, before := v.lag(j), last.ago[j].value(v.history.Target, v.at-j)
		now, then, ok := chain.at(f.Add(v.period, -j))
		if !ok { // the series stands for the others
			now, then = y, before
		}
		v.ratios[j-1], v.chainRatios[j-1] = ratio(y, before), ratio(now, then)
		if last.ago[j].alike() {
			all.add(weight, now, then)
		}
		weight *= v.rhythm.decay
	}
	v.chainGrowth = all.ratio(v.rhythm.least)
}

// ratio divides two sales; no growth is told from a period that sold nothing.
func ratio(now, then float64) float64 {
	if then == 0 {
		return math.NaN()
	}
	return now / then
}

// expect says what last year's same dates let expect and, where the history
// holds them, those of the year before: the mean of both, which carries half of
// either year's own chances. Of two years in only one of which a moving holiday
// fell into the same period, that one counts alone.
func (v *view) expect(last *season, e *Encoder) {
	v.expected = last.expected
	if v.at < 2*v.rhythm.year {
		return
	}
	older := e.season(v, 2)
	switch {
	case !(last.expected > 0 && older.expected > 0):
	case last.ago[0].alike() == older.ago[0].alike():
		v.expected = (last.expected + older.expected) / 2
		v.shift = (last.ago[0].shift + older.ago[0].shift) / 2
	case older.ago[0].alike():
		v.expected, v.shift = older.expected, older.ago[0].shift
	}
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
