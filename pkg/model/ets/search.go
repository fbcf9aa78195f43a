package ets

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// The usual region of the parameters (Hyndman et al. 2008, 2.3): alpha, beta as a
// share of alpha and gamma as a share of 1-alpha lie between these, phi between
// its own bounds. They are those of statsmodels and R.
const (
	leastWeight, mostWeight = 1e-4, 1 - 1e-4
	leastPhi, mostPhi       = 0.8, 0.98
)

// Where the search begins, and when it ends: the gradient is that of the mean
// log-likelihood of a period.
const (
	stopGradient  = 1e-6
	flatGradient  = 1e-4 // where an end of the search counts as converged
	maxIterations = 500
)

// The likelihood has several peaks: a smooth level, a quick one, and a quick
// trend. beta and gamma are shares.
func starts() []weights {
	return []weights{
		{alpha: 0.1, beta: 0.1, gamma: 0.01, phi: 0.97},
		{alpha: 0.5, beta: 0.05, gamma: 0.1, phi: 0.9},
		{alpha: 0.9, beta: 0.8, gamma: 0.5, phi: 0.9},
	}
}

// objective is a form's mean negative log-likelihood over numbers that may take
// any value: the logit of each smoothing parameter within its bounds, then level,
// growth, and all but the last phase of the season.
type objective struct {
	tape *tape
	m    int
	st   states
	w    weights
}

func newObjective(f Form, y []float64, m int) *objective {
	o := &objective{tape: newTape(f, y, m), m: m}
	if f.Season != None {
		o.st.season = make([]float64, m)
	}
	return o
}

// sigmoid maps any number between the bounds; slope is its derivative.
func sigmoid(x, lo, hi float64) (value, slope float64) {
	s := 1 / (1 + math.Exp(-x))
	return lo + float64((hi-lo)*s), (hi - lo) * s * (1 - s)
}

func logit(v, lo, hi float64) float64 {
	share := min(max((v-lo)/(hi-lo), 1e-6), 1-1e-6)
	return math.Log(share / (1 - share))
}

// place writes the numbers of weights, whose beta and gamma are shares, and
// states.
func (o *objective) place(w weights, st states) []float64 {
	f := o.tape.form
	x := []float64{logit(w.alpha, leastWeight, mostWeight)}
	if f.Trend != None {
		x = append(x, logit(w.beta, leastWeight, mostWeight))
	}
	if f.Season != None {
		x = append(x, logit(w.gamma, leastWeight, mostWeight))
	}
	if f.Damped {
		x = append(x, logit(w.phi, leastPhi, mostPhi))
	}
	x = append(x, st.level)
	if f.Trend != None {
		x = append(x, st.growth)
	}
	if f.Season != None {
		x = append(x, st.season[:o.m-1]...)
	}
	return x
}

// slopes are the derivatives of the smoothing parameters, or their shares, by
// their numbers.
type slopes struct {
	alpha, beta, gamma, phi float64
	betaShare, gammaShare   float64
}

// read sets weights and states to those at x.
func (o *objective) read(x []float64) slopes {
	f := o.tape.form
	var d slopes
	next := func() float64 {
		v := x[0]
		x = x[1:]
		return v
	}
	o.w = weights{phi: 1}
	o.w.alpha, d.alpha = sigmoid(next(), leastWeight, mostWeight)
	if f.Trend != None {
		d.betaShare, d.beta = sigmoid(next(), leastWeight, mostWeight)
		o.w.beta = o.w.alpha * d.betaShare
	}
	if f.Season != None {
		d.gammaShare, d.gamma = sigmoid(next(), leastWeight, mostWeight)
		o.w.gamma = (1 - o.w.alpha) * d.gammaShare
	}
	if f.Damped {
		o.w.phi, d.phi = sigmoid(next(), leastPhi, mostPhi)
	}
	o.st.level = next()
	if f.Trend != None {
		o.st.growth = next()
	}
	if f.Season != None {
		copy(o.st.season, x)
		o.st.season[o.m-1] = -floats.Sum(x)
		if f.Season == Multiplicative {
			o.st.season[o.m-1] += float64(o.m)
		}
	}
	return d
}

func (o *objective) value(x []float64) float64 {
	o.read(x)
	return o.tape.value(o.w, o.st)
}

// gradient is exact. Beyond the range of the form it is 0.
func (o *objective) gradient(dst, x []float64) {
	d := o.read(x)
	clear(dst)
	if math.IsInf(o.tape.value(o.w, o.st), 1) {
		return
	}
	f, a := o.tape.form, o.tape.back(o.w)
	i := 0
	put := func(v float64) {
		dst[i] = v
		i++
	}
	put((a.alpha + float64(a.beta*d.betaShare) - float64(a.gamma*d.gammaShare)) * d.alpha)
	if f.Trend != None {
		put(a.beta * o.w.alpha * d.beta)
	}
	if f.Season != None {
		put(a.gamma * (1 - o.w.alpha) * d.gamma)
	}
	if f.Damped {
		put(a.phi * d.phi)
	}
	put(a.level)
	if f.Trend != None {
		put(a.growth)
	}
	if f.Season != None {
		last := o.tape.ring[o.m-1]
		for _, v := range o.tape.ring[:o.m-1] {
			put(v - last)
		}
	}
}

// maximise looks for the greatest likelihood from several places, and returns nil
// where the form has none. y has a mean of about 1.
func maximise(ctx context.Context, f Form, y []float64, m int) (*Fit, error) {
	st, ok := start(f, y, m)
	if !ok {
		return nil, ctx.Err()
	}
	o := newObjective(f, y, m)
	var best *optimize.Result
	for _, w := range starts() {
		problem := optimize.Problem{
			Func:   o.value,
			Grad:   o.gradient,
			Status: func() (optimize.Status, error) { return optimize.NotTerminated, ctx.Err() },
		}
		settings := &optimize.Settings{GradientThreshold: stopGradient, MajorIterations: maxIterations}
		// An error is the line search's, near the floor of rounding; the best place stays.
		res, _ := optimize.Minimize(problem, o.place(w, st), settings, &optimize.BFGS{})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if res != nil && !math.IsInf(res.F, 0) && (best == nil || res.F < best.F) {
			best = res
		}
	}
	if best == nil {
		return nil, nil
	}
	slope := make([]float64, len(best.X))
	o.gradient(slope, best.X)
	n := o.tape.n
	return &Fit{
		form: f, weights: o.w,
		start:     states{o.st.level, o.st.growth, slices.Clone(o.st.season)},
		llf:       -n * (best.F + (math.Log(2*math.Pi)+1)/2),
		sigma2:    o.tape.squares / n,
		observed:  int(n),
		converged: floats.Norm(slope, math.Inf(1)) < flatGradient,
	}, nil
}
