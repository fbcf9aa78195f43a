// Package ets fits the exponential smoothing family in its state space form:
// error additive or multiplicative, trend none, additive, multiplicative, damped
// or not, season none, additive or multiplicative (Hyndman, Koehler, Ord and
// Snyder 2008, "Forecasting with Exponential Smoothing").
//
// The way of a series through it:
//
//  1. It is scaled to a mean size of 1; missing periods stay NaN.
//  2. Each form that suits it gets starting states from a decomposition
//     (start.go).
//  3. A pass through the series gives the exact likelihood, with the variance
//     concentrated out, and a way back through the same pass its derivatives, by
//     the starting states too (recursion.go, gradient.go). A missing period
//     leaves the states as they were expected.
//  4. BFGS climbs that likelihood (search.go) inside the usual region of the
//     parameters; what is not forecastable there either is dropped (stable.go).
//  5. The form of least AICc is chosen. Starting states count as parameters.
//  6. The fit keeps parameters and starting states, no history. Forecast runs the
//     recursion over the history that it is given, and then on without errors.
//
// R refuses seasons of more than 24 periods. Here the derivatives make 52
// affordable; the choice knows what they cost by AICc, and leaves seasonal forms
// out of series of fewer than two seasons.
package ets

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Options are the parameters of the algorithm, under statsforecast's names; the
// zero value chooses among all forms without a multiplicative trend.
type Options struct {
	// Model is error, trend and season by a letter each: A additive, M
	// multiplicative, N none, Z any. "" is ZZZ.
	Model string `json:"model"`
	// Damped asks for a damped trend, or for none; nil leaves it open.
	Damped *bool `json:"damped"`
	// AllowMultiplicativeTrend has Z include multiplicative trends, which R and
	// statsforecast leave out: they forecast explosions.
	AllowMultiplicativeTrend bool `json:"allow_multiplicative_trend"`
}

func (o Options) choice() (choice, error) {
	name := o.Model
	if name == "" {
		name = "ZZZ"
	}
	return parse(name, o.Damped, o.AllowMultiplicativeTrend)
}

// Validate refuses a model that is not in the family, as a fault.Config.
func (o Options) Validate() error {
	_, err := o.choice()
	return err
}

// Model is the algorithm; it is a model.Local. It does not use exogenous
// columns.
type Model struct {
	Options Options
}

// leastToFit is how many observed periods the simplest form needs for an AICc.
const leastToFit = 5

// maxSeason bounds the season; it keeps what is stored small.
const maxSeason = 1 << 16

// FitSeries chooses a form and estimates its parameters from s. A series of
// fewer than five observed periods, with an infinite one, or that suits none of
// the forms asked for is a fault.Invalid.
func (m Model) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	c, err := m.Options.choice()
	if err != nil {
		return nil, err
	}
	if s.Season > maxSeason {
		return nil, fault.New(fault.Config, "ets: a season of %d periods is too long, want at most %d", s.Season, maxSeason)
	}
	d, err := describe(s.Y, leastToFit)
	if err != nil {
		return nil, err
	}
	if d.constant {
		return constantFit(d), ctx.Err()
	}
	season := max(s.Season, 1)
	forms := c.forms(season > 1 && len(s.Y) >= 2*season, d.positive)
	y := make([]float64, len(s.Y))
	floats.ScaleTo(y, 1/d.scale, s.Y)
	best, err := choose(ctx, forms, y, season)
	if err != nil {
		return nil, err
	}
	if best == nil {
		return nil, fault.New(fault.Invalid, "ets: no form of model %s suits the series: %d observed periods, season %d, all positive: %t",
			m.Options.Model, d.observed, season, d.positive).
			WithHint("use model ZZZ, which needs no season and no positive values")
	}
	best.rescale(d.scale)
	return best, nil
}

// choose fits all forms and returns that of least AICc; nil where none has one.
func choose(ctx context.Context, forms []Form, y []float64, season int) (*Fit, error) {
	var best *Fit
	for _, f := range forms {
		m := 1
		if f.Season != None {
			m = season
		}
		fit, err := maximise(ctx, f, y, m)
		if err != nil {
			return nil, err
		}
		if fit == nil || math.IsInf(fit.aicc(), 1) || !fit.forecastable() {
			continue
		}
		if best == nil || fit.aicc() < best.aicc() {
			best = fit
		}
	}
	return best, nil
}

// description is what the choice must know of a series.
type description struct {
	observed           int
	positive, constant bool
	scale              float64 // the mean size of a value
	last               float64
}

// describe refuses a series with an infinite value or fewer than least observed
// ones.
func describe(y []float64, least int) (description, error) {
	d := description{positive: true, constant: true}
	size, first := 0.0, math.NaN()
	for t, v := range y {
		if math.IsInf(v, 0) {
			return d, fault.New(fault.Invalid, "period %d of %d of the series is infinite", t+1, len(y))
		}
		if math.IsNaN(v) {
			continue
		}
		if d.observed++; d.observed == 1 {
			first = v
		}
		d.positive = d.positive && v > 0
		d.constant = d.constant && v == first
		d.last, size = v, max(size, math.Abs(v))
	}
	if d.observed < least {
		return d, fault.New(fault.Invalid, "ets needs at least %s, the series has %d", fault.Counted(least, "observed period"), d.observed).
			WithHint("give more history, or use the naive forecast for this series")
	}
	for _, v := range y {
		if !math.IsNaN(v) && size > 0 {
			d.scale += math.Abs(v) / size / float64(d.observed)
		}
	}
	d.scale *= size
	return d, nil
}

// constantFit repeats the value: such a series has no likelihood.
func constantFit(d description) *Fit {
	return &Fit{
		form: Form{Error: Additive}, weights: weights{alpha: mostWeight, phi: 1},
		start: states{level: d.last}, observed: d.observed, converged: true,
	}
}
