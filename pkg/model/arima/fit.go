package arima

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/salesctl/salesctl/pkg/fault"
)

// The search's numbers are in units of the mean log-likelihood of a period and
// of parameters that are all about 1. Differences over probeStep err by about
// 1e-10, far below both thresholds.
const (
	probeStep     = 1e-5
	stopGradient  = 1e-7 // where the search stops
	flatGradient  = 1e-5 // where an end of the search counts as converged
	maxIterations = 200
)

// estimate is a maximum of the likelihood.
type estimate struct {
	phi        []float64
	sigma2     float64
	llf        float64
	converged  bool
	iterations int
}

// objective is the mean negative log-likelihood of a period as a function of
// numbers that may take any value: one a partial autocorrelation (see bounded),
// then the logarithm of sigma2 over scale.
type objective struct {
	filter   *filter
	lev      levinson
	partials []float64
	y        []float64
	scale    float64
	probe    []float64 // where gradient looks
}

func newObjective(o Order, y []float64, scale float64) *objective {
	return &objective{
		filter: newFilter(o), lev: newLevinson(o.P), partials: make([]float64, o.P),
		y: y, scale: scale, probe: make([]float64, o.P+1),
	}
}

// params returns the model at x. phi is overwritten by the next call.
func (b *objective) params(x []float64) (phi []float64, sigma2 float64) {
	p := len(b.partials)
	for i := range p {
		b.partials[i] = bounded(x[i])
	}
	b.lev.up(b.partials)
	if p > 0 {
		phi = b.lev[p-1]
	}
	return phi, b.scale * math.Exp(x[p])
}

func (b *objective) value(x []float64) float64 {
	phi, sigma2 := b.params(x)
	return -b.filter.logLikelihood(b.y, phi, sigma2) / float64(len(b.y))
}

// gradient takes central differences.
func (b *objective) gradient(dst, x []float64) {
	copy(b.probe, x)
	for i := range x {
		h := probeStep * max(1, math.Abs(x[i]))
		b.probe[i] = x[i] + h
		up := b.value(b.probe)
		b.probe[i] = x[i] - h
		dst[i] = (up - b.value(b.probe)) / (2 * h)
		b.probe[i] = x[i]
	}
}

// maximise climbs from x to the nearest maximum of the likelihood. A search
// that ends for another reason than a flat likelihood gives the best it found.
func (b *objective) maximise(ctx context.Context, x []float64) (estimate, error) {
	problem := optimize.Problem{
		Func:   b.value,
		Grad:   b.gradient,
		Status: func() (optimize.Status, error) { return optimize.NotTerminated, ctx.Err() },
	}
	settings := &optimize.Settings{GradientThreshold: stopGradient, MajorIterations: maxIterations}
	res, err := optimize.Minimize(problem, x, settings, &optimize.BFGS{})
	if ctx.Err() != nil {
		return estimate{}, ctx.Err()
	}
	if res == nil || math.IsInf(res.F, 0) || math.IsNaN(res.F) {
		return estimate{}, fault.New(fault.Invalid, "arima: the series has no computable likelihood: %v", err)
	}
	slope := make([]float64, len(x))
	b.gradient(slope, res.X)
	phi, sigma2 := b.params(res.X)
	return estimate{
		phi:        slices.Clone(phi),
		sigma2:     sigma2,
		llf:        -res.F * float64(len(b.y)),
		converged:  floats.Norm(slope, math.Inf(1)) < flatGradient,
		iterations: res.MajorIterations,
	}, nil
}
