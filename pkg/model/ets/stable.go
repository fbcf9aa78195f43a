package ets

import (
	"math"
	"slices"
)

// forecastable tells whether the influence of a period fades with its age: the
// eigenvalues of the discount matrix lie within the unit circle (Hyndman et al.
// 2008, 10.1). Without a season the usual region of the parameters sees to it;
// with one the characteristic polynomial decides. It is that of the linear form,
// which the multiplicative ones have no other to go by.
func (f *Fit) forecastable() bool {
	if f.form.Season == None {
		return true
	}
	return withinUnitCircle(f.characteristic())
}

// characteristic returns the coefficients of the polynomial from the highest
// power down (equation 10.12; with a damped trend that of the discount matrix
// itself, where R forgets a phi). A form without a trend has one root less, which
// would be 1.
func (f *Fit) characteristic() []float64 {
	w, m := f.weights, len(f.start.season)
	if f.form.Trend == None {
		p := slices.Repeat([]float64{w.alpha}, m+1)
		p[0], p[m] = 1, w.alpha+w.gamma-1
		return p
	}
	beta := w.beta * w.phi // the growth is damped before it is added
	middle := w.alpha + beta - float64(w.alpha*w.phi)
	p := slices.Repeat([]float64{middle}, m+2)
	p[0], p[1] = 1, w.alpha+beta-w.phi
	p[m] += w.gamma - 1
	p[m+1] = w.phi * (1 - w.alpha - w.gamma)
	return p
}

// withinUnitCircle tells whether all roots of the polynomial, highest power
// first, are at most 1 in size, by Schur's recursion: a step takes off the
// degree, and the last coefficient over the first must be below 1. The hair
// allowed is R's.
func withinUnitCircle(p []float64) bool {
	const hair = 1e-10
	p = slices.Clone(p)
	for i := range p { // roots at 1 go just inside
		p[i] *= math.Pow(1-hair, float64(i))
	}
	for n := len(p) - 1; n > 0; n-- {
		k := p[n] / p[0]
		if !(math.Abs(k) < 1) {
			return false
		}
		for i, j := 0, n; i <= j; i, j = i+1, j-1 {
			p[i], p[j] = p[i]-k*p[j], p[j]-k*p[i]
		}
	}
	return true
}
