// Package conformal puts intervals around forecasts from the errors that the same
// forecaster made in a backtest (split conformal prediction: Vovk, Gammerman and
// Shafer 2005; Lei et al. 2018, "Distribution-free predictive inference for
// regression").
//
//  1. A Residual is an actual less its forecast, at a horizon, over the scale of
//     its series, so that large and small series are exchangeable.
//  2. Calibrate takes, for each horizon and level, the order statistic of rank
//     ceil((n+1) level) of the n sizes: whatever their distribution, a new one
//     that is exchangeable with them lies below it with at least that probability.
//     Asymmetric intervals take one for each side, at half of what is left.
//  3. A horizon of too few residuals for its highest level borrows those of all
//     horizons. Where these are too few as well, the greatest stands in and a
//     warning says so.
//  4. Interval scales the quantiles back. A horizon between two that were
//     calibrated takes the later one's, a horizon after the last one's widened by
//     the root of their ratio, as a random walk would be.
//
// Levels are percent: 80 and 95.
package conformal

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Residual is one error of a backtest.
type Residual struct {
	Horizon int     // periods from the cutoff, from 1
	Error   float64 // actual minus forecast; NaN is left out
	Scale   float64 // what errors of its series are measured by; above 0, else it is left out
}

// Options are the choices of Calibrate; the zero value is good.
type Options struct {
	Levels     []float64 // percent, between 0 and 100; nil means 80 and 95
	Asymmetric bool      // each side has its own quantile
}

// Band is how far an interval reaches at one horizon, in scales of the series.
// The upper end is above the lower one, but both may lie on one side of 0.
type Band struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// Row is the bands of one horizon.
type Row struct {
	Horizon  int    `json:"horizon"`
	N        int    `json:"n"`                  // residuals behind the bands
	Borrowed bool   `json:"borrowed,omitempty"` // from the other horizons
	Bands    []Band `json:"bands"`              // one a level
}

// Table is what Calibrate finds: plain data, to be kept with the forecaster.
type Table struct {
	Levels   []float64 `json:"levels"` // percent, ascending
	Rows     []Row     `json:"rows"`   // by horizon, ascending
	Warnings []string  `json:"-"`
}

// Check refuses a table that Calibrate cannot have made, as one that was read may
// be.
func (t Table) Check() error {
	if !slices.IsSorted(t.Levels) || len(t.Rows) == 0 {
		return fault.New(fault.Invalid, "intervals: levels %v, %s", t.Levels, fault.Counted(len(t.Rows), "row"))
	}
	last := 0
	for _, r := range t.Rows {
		if r.Horizon <= last || len(r.Bands) != len(t.Levels) {
			return fault.New(fault.Invalid, "intervals: horizon %d after %d with %s, want %d",
				r.Horizon, last, fault.Counted(len(r.Bands), "band"), len(t.Levels))
		}
		last = r.Horizon
		for _, b := range r.Bands {
			if !(b.Lower <= b.Upper) || math.IsInf(b.Lower, 0) || math.IsInf(b.Upper, 0) {
				return fault.New(fault.Invalid, "intervals: horizon %d reaches from %v to %v", r.Horizon, b.Lower, b.Upper)
			}
		}
	}
	return nil
}

// Calibrate learns the bands from residuals. No usable residual, or a level that
// is none, is an error of kind fault.Invalid or fault.Config.
func Calibrate(residuals []Residual, o Options) (Table, error) {
	t := Table{Levels: slices.Clone(o.Levels)}
	if len(t.Levels) == 0 {
		t.Levels = []float64{80, 95}
	}
	slices.Sort(t.Levels)
	t.Levels = slices.Compact(t.Levels)
	for _, l := range t.Levels {
		if !(l > 0 && l < 100) {
			return Table{}, fault.New(fault.Config, "an interval of level %v, want above 0 and below 100", l)
		}
	}
	byHorizon, all := grouped(residuals)
	if len(all) == 0 {
		return Table{}, fault.New(fault.Invalid, "none of %s of the backtest can be used for intervals",
			fault.Counted(len(residuals), "residual")).WithHint("backtest over more cutoffs, or load more history")
	}
	top := t.Levels[len(t.Levels)-1]
	for h, own := range byHorizon {
		row := Row{Horizon: h, N: len(own)}
		if len(own) < Least(top, o.Asymmetric) && len(all) > len(own) {
			own, row.N, row.Borrowed = all, len(all), true
		}
		if row.N < Least(top, o.Asymmetric) {
			t.Warnings = append(t.Warnings, fmt.Sprintf(
				"horizon %d: the %v %% interval may be too narrow, it is the widest of %s, want %d",
				h, top, fault.Counted(row.N, "residual"), Least(top, o.Asymmetric)))
		}
		row.Bands = bands(own, t.Levels, o.Asymmetric)
		t.Rows = append(t.Rows, row)
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return a.Horizon - b.Horizon })
	slices.Sort(t.Warnings)
	return t, nil
}

// grouped returns the scaled residuals of each horizon and of all, ascending.
func grouped(residuals []Residual) (byHorizon map[int][]float64, all []float64) {
	byHorizon = map[int][]float64{}
	for _, r := range residuals {
		v := r.Error/r.Scale + 0 // no -0, whose place among zeros is left to chance
		if r.Horizon < 1 || !(r.Scale > 0) || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		byHorizon[r.Horizon] = append(byHorizon[r.Horizon], v)
		all = append(all, v)
	}
	for _, v := range byHorizon {
		slices.Sort(v)
	}
	slices.Sort(all)
	return byHorizon, all
}

// Least returns how many residuals an interval of the level needs, for its
// coverage not to be less: 4 for 80 %, 19 for 95 %, twice that and one more if it
// is asymmetric.
func Least(level float64, asymmetric bool) int {
	miss := 1 - level/100
	if asymmetric {
		miss /= 2
	}
	return int(math.Ceil(1/miss-1e-9)) - 1
}

// bands returns the band of each level from residuals in ascending order.
func bands(sorted, levels []float64, asymmetric bool) []Band {
	out := make([]Band, len(levels))
	sizes := make([]float64, len(sorted))
	for i, v := range sorted {
		sizes[i] = math.Abs(v)
	}
	slices.Sort(sizes)
	for i, level := range levels {
		if !asymmetric {
			q := quantile(sizes, level/100)
			out[i] = Band{-q, q}
			continue
		}
		p := (1 + level/100) / 2
		// The lower end has the rank from above that the upper one has from below.
		mirrored := len(sorted) - 1 - rank(len(sorted), p)
		out[i] = Band{sorted[mirrored], quantile(sorted, p)}
	}
	return out
}

// quantile returns the order statistic that a further draw is at or below with a
// probability of p or more; the greatest where there is none.
func quantile(sorted []float64, p float64) float64 { return sorted[rank(len(sorted), p)] }

// rank returns ceil((n+1)p), counted from 0 and below n.
func rank(n int, p float64) int {
	return min(int(math.Ceil(float64(n+1)*p-1e-9)), n) - 1
}

// Interval returns the ends of the interval of the level around a forecast, for a
// series of the scale. ok is false where the table lacks the level, or the
// horizon is below 1.
func (t Table) Interval(horizon int, level, forecast, scale float64) (lower, upper float64, ok bool) {
	i := slices.Index(t.Levels, level)
	if i < 0 || horizon < 1 || len(t.Rows) == 0 {
		return math.NaN(), math.NaN(), false
	}
	at, _ := slices.BinarySearchFunc(t.Rows, horizon, func(r Row, h int) int { return r.Horizon - h })
	if at == len(t.Rows) {
		row := t.Rows[at-1]
		scale *= math.Sqrt(float64(horizon) / float64(row.Horizon))
		at--
	}
	b := t.Rows[at].Bands[i]
	return forecast + float64(b.Lower*scale), forecast + float64(b.Upper*scale), true
}
