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
	growth := 1.0
	if f.window > 0 {
		var why string
		if growth, why = f.growth(s.Y); why != "" {
			path.Warnings = append(path.Warnings, why)
		}
	}
	unmatched := 0
	for i := range path.Mean {
		match := f.match(s.Y, i)
		if math.IsNaN(match) {
			path.Mean[i] = last
			unmatched++
			continue
		}
		path.Mean[i] = growth * match
	}
	if unmatched > 0 {
		path.Warnings = append(path.Warnings, fmt.Sprintf(
			"%d of %d steps have no value a season of %d periods ago in a history of %d: the last value stands in",
			unmatched, h, f.season, len(s.Y)))
	}
	return path, nil
}

// match returns the newest observed value that lies whole seasons before the
// step, counted from 0; NaN where there is none.
func (f *Fit) match(y []float64, step int) float64 {
	for t := len(y) - f.season + step%f.season; t >= 0; t -= f.season {
		if !math.IsNaN(y[t]) {
			return y[t]
		}
	}
	return math.NaN()
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
