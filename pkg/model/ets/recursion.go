package ets

import "math"

// states are what the recursion carries from one period to the next.
type states struct {
	level  float64
	growth float64   // a period's addition to the level, or its factor
	season []float64 // one a phase, the first that of the first period; nil for none
}

// weights are the smoothing parameters; phi is 1 without damping.
type weights struct {
	alpha, beta, gamma, phi float64
}

// least is what a state must exceed where it divides or has a logarithm; series
// are scaled to a mean of 1.
const least = 1e-10

// raise returns b to the power of phi.
func raise(b, phi float64) float64 {
	if phi == 1 {
		return b
	}
	return math.Pow(b, phi)
}

// expect returns the level that is expected for the next period, the growth with
// it, and the forecast (Hyndman et al. 2008, table 2.2).
func (f Form) expect(l, b, s, phi float64) (q, grown, mean float64) {
	switch f.Trend {
	case Additive:
		grown = phi * b
		q = l + grown
	case Multiplicative:
		grown = raise(b, phi)
		q = l * grown
	default:
		q = l
	}
	switch f.Season {
	case Additive:
		return q, grown, q + s
	case Multiplicative:
		return q, grown, q * s
	}
	return q, grown, q
}

// correct moves the states by the one-step error eps, in units of the series,
// from what was expected.
func (f Form) correct(w weights, l, q, grown, s, eps float64) (level, growth, season float64) {
	d, seasonal := eps, eps
	if f.Season == Multiplicative {
		d, seasonal = eps/s, eps/q
	}
	level = q + float64(w.alpha*d)
	switch f.Trend {
	case Additive:
		growth = grown + float64(w.beta*d)
	case Multiplicative:
		growth = grown + float64(w.beta*d)/l
	}
	if f.Season != None {
		season = s + float64(w.gamma*seasonal)
	}
	return level, growth, season
}

// run takes the states through the periods of y; a missing one leaves them as
// they were expected. The season in st is overwritten, phase by phase.
func (f Form) run(w weights, st *states, y []float64) {
	for i, v := range y {
		f.step(w, st, i, v)
	}
}

// step takes the states through period i of the series and returns what was
// expected of it.
func (f Form) step(w weights, st *states, i int, v float64) float64 {
	s, phase := 0.0, 0
	if f.Season != None {
		phase = i % len(st.season)
		s = st.season[phase]
	}
	q, grown, mean := f.expect(st.level, st.growth, s, w.phi)
	if math.IsNaN(v) {
		st.level, st.growth = q, grown
		return mean
	}
	st.level, st.growth, s = f.correct(w, st.level, q, grown, s, v-mean)
	if f.Season != None {
		st.season[phase] = s
	}
	return mean
}
