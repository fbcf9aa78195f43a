package theta

import (
	"context"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/decompose"
)

// Fit is what FitSeries returns: a model.LocalFit that holds parameters only.
type Fit struct {
	season    season
	variant   Variant // never Auto
	alpha     float64
	theta     float64
	level     float64 // before the first observed period, without season
	line      trend   // of the fitted series, without season
	criterion float64
}

// Forecast answers for the h periods after s, whose first period is that of the
// fitted series. It does not use future.
func (f *Fit) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil {
		return model.Path{}, err
	}
	if h <= 0 {
		return model.Path{}, fault.New(fault.Usage, "theta: %d steps asked for, want at least 1", h)
	}
	past, err := newHistory(s.Y, 1)
	if err != nil {
		return model.Path{}, err
	}
	r := f.after(decompose.Interpolate(past.without(f.season)))
	next := func() float64 {
		mean := r.mean()
		r.step(mean)
		return mean
	}
	for range past.after {
		next()
	}
	path := model.Path{Mean: make([]float64, h)}
	for i := range path.Mean {
		v := f.season.give(next(), len(s.Y)+i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return model.Path{}, fault.New(fault.Invalid, "theta: the forecast of step %d is beyond all numbers", i+1).
				WithHint("look for periods of the series that are far too large")
		}
		path.Mean[i] = v
	}
	return path, nil
}

// after returns the recursion behind the values, which have no gaps.
func (f *Fit) after(values []float64) *recursion {
	r := &recursion{alpha: f.alpha, weight: 1 - 1/f.theta, level: f.level, decay: 1}
	if r.fixed = !f.variant.dynamic(); r.fixed {
		r.line.trend = f.line
	}
	for _, v := range values {
		r.step(v)
	}
	return r
}

// Figures are the variant, the season's kind, and the estimated numbers.
func (f *Fit) Figures() model.Figures {
	kind := "none"
	switch {
	case f.season.multiplicative:
		kind = Multiplicative
	case f.season.indices != nil:
		kind = Additive
	}
	return model.Figures{
		Params:  map[string]string{"variant": f.variant.String(), "season": kind},
		Metrics: map[string]float64{"alpha": f.alpha, "theta": f.theta, "initial_level": f.level, "mse": f.criterion},
	}
}
