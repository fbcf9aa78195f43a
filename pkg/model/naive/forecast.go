package naive

import (
	"context"
	"fmt"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Growth beyond these bounds is a break, an opening or a closing, and no rate
// to go on with.
const (
	leastGrowth = 0.5
	mostGrowth  = 2
)

// Fit is a method and its counts: a model.LocalFit.
type Fit struct {
	season int // periods; 1 is no season
	window int // periods that growth is measured over; 0 is no growth
	drift  bool
}

// Forecast answers for the h periods after s. It does not use future.
func (f *Fit) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil {
		return model.Path{}, err
	}
	if h <= 0 {
		return model.Path{}, fault.New(fault.Usage, "naive: %d steps asked for, want at least 1", h)
	}
	last, err := lastObserved(s.Y)
	if err != nil {
		return model.Path{}, err
	}
	path := model.Path{Mean: make([]float64, h)}
	growth, change, why := f.rate(s.Y)
	if why != "" {
		path.Warnings = append(path.Warnings, why)
	}
	unmatched := 0
	for i := range path.Mean {
		t := f.match(s.Y, i)
		if t < 0 {
			path.Mean[i] = last
			unmatched++
			continue
		}
		seasons := (len(s.Y) + i - t) / f.season
		path.Mean[i] = float64(growth*s.Y[t]) + float64(change*float64(seasons))
	}
	if unmatched > 0 {
		path.Warnings = append(path.Warnings, fmt.Sprintf(
			"%d of %d steps have no value a season of %d periods ago in a history of %d: the last value stands in",
			unmatched, h, f.season, len(s.Y)))
	}
	return path, nil
}

// match returns the newest observed period that lies whole seasons before the
// step, counted from 0; -1 where there is none.
func (f *Fit) match(y []float64, step int) int {
	t := len(y) - f.season + step%f.season
	for t >= 0 && math.IsNaN(y[t]) {
		t -= f.season
	}
	return max(t, -1)
}

// rate returns what a matched value is multiplied by, and what each season adds
// to it. Where they cannot be told, why tells the reason.
func (f *Fit) rate(y []float64) (growth, change float64, why string) {
	switch {
	case f.window > 0:
		growth, why = f.growth(y)
		return growth, 0, why
	case f.drift:
		change, why = f.change(y)
	}
	return 1, change, why
}

// change returns the mean change over a season of the whole history, of the
// periods that were observed both times.
func (f *Fit) change(y []float64) (mean float64, why string) {
	sum, pairs := 0.0, 0
	for t := f.season; t < len(y); t++ {
		if d := y[t] - y[t-f.season]; !math.IsNaN(d) {
			sum += d
			pairs++
		}
	}
	if pairs == 0 {
		return 0, fmt.Sprintf("drift is left out: no period can be compared with the one %s before", fault.Counted(f.season, "period"))
	}
	return sum / float64(pairs), ""
}

// growth returns the ratio of the newest periods to the same ones a season
// before. Only periods that were observed both times count. Where no ratio can
// be trusted it is 1, and why tells the reason.
func (f *Fit) growth(y []float64) (ratio float64, why string) {
	now, then, pairs := 0.0, 0.0, 0
	for t := len(y) - 1; t >= f.season && t >= len(y)-f.window; t-- {
		if a, b := y[t], y[t-f.season]; !math.IsNaN(a) && !math.IsNaN(b) {
			now += a
			then += b
			pairs++
		}
	}
	switch {
	case 2*pairs < f.window:
		return 1, fmt.Sprintf("growth is left out: %d of the newest %d periods can be compared with those a season before, want half",
			pairs, f.window)
	case !(now > 0 && then > 0):
		return 1, fmt.Sprintf("growth is left out: the newest %d periods sum to %.2f, after %.2f a season before", pairs, now, then)
	}
	ratio = now / then
	if bounded := min(max(ratio, leastGrowth), mostGrowth); bounded != ratio {
		return bounded, fmt.Sprintf("growth over a season ago lies outside %v to %v, and is taken as %v", leastGrowth, mostGrowth, bounded)
	}
	return ratio, ""
}
