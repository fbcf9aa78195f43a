package ets

import (
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Variance returns the variance of the forecast errors of the h steps after s,
// in squared units of the series, the parameters taken as known (Hyndman et al.
// 2008, 6.3 and 6.4). ok is false for forms with a multiplicative trend or
// season, which have none in closed form.
func (f *Fit) Variance(h int, s model.Series) (variance []float64, ok bool, err error) {
	if h <= 0 {
		return nil, false, fault.New(fault.Usage, "ets: %d steps asked for, want at least 1", h)
	}
	if _, err := describe(s.Y, 1); err != nil {
		return nil, false, err
	}
	if f.form.Trend == Multiplicative || f.form.Season == Multiplicative {
		return nil, false, nil
	}
	influence := f.influence(h)
	variance = make([]float64, h)
	if f.form.Error == Additive {
		sum := 1.0
		for i := range variance {
			variance[i] = f.sigma2 * sum
			sum += float64(influence[i] * influence[i])
		}
		return variance, true, nil
	}
	// A relative error's size follows the mean: theta is the mean square of what
	// was forecast.
	st, theta := f.after(s.Y), make([]float64, h)
	for i := range variance {
		mean := f.form.step(f.weights, &st, len(s.Y)+i, math.NaN())
		theta[i] = mean * mean
		for j := range i {
			theta[i] += f.sigma2 * influence[j] * influence[j] * theta[i-1-j]
		}
		variance[i] = float64((1+f.sigma2)*theta[i]) - float64(mean*mean)
	}
	return variance, true, nil
}

// influence returns what an error of 1 adds to the forecasts 1, 2, ... h periods
// after it.
func (f *Fit) influence(h int) []float64 {
	out := make([]float64, h)
	fade, growth := 1.0, 0.0
	for i := range out {
		fade *= f.weights.phi
		growth += fade
		out[i] = f.weights.alpha
		if f.form.Trend != None {
			out[i] += f.weights.beta * growth
		}
		if m := len(f.start.season); m > 0 && (i+1)%m == 0 {
			out[i] += f.weights.gamma
		}
	}
	return out
}
