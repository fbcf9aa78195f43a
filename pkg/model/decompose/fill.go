package decompose

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fill returns a copy of y without missing periods, in the way of R's na.interp:
//
//  1. a polynomial of the time with the season's first harmonics, by least
//     squares, stands in for the missing periods;
//  2. a robust STL with windows of 11 seasons gives the seasonal part;
//  3. a missing period lies on the line between its seasonally adjusted
//     neighbours, plus the seasonal part.
//
// Where two seasons or fewer are observed, or what comes out leaves the range of
// the observed ones by half of it, it is Interpolate. Nothing observed stays so.
func Fill(y []float64, season int) []float64 {
	line := Interpolate(y)
	observed, least, most := 0, math.Inf(1), math.Inf(-1)
	for _, v := range y {
		if !math.IsNaN(v) {
			observed++
			least, most = min(least, v), max(most, v)
		}
	}
	if observed == len(y) || season < 2 || observed <= 2*season {
		return line
	}
	start, ok := harmonic(y, season)
	if !ok {
		return line
	}
	p, err := STL(start, season, STLOptions{Window: 11, Robust: true})
	if err != nil {
		return line
	}
	adjusted := make([]float64, len(y))
	for t, v := range y {
		adjusted[t] = v - p.Seasons[0][t] // NaN where missing
	}
	out, margin := Interpolate(adjusted), (most-least)/2
	for t, v := range y {
		out[t] += p.Seasons[0][t]
		if !math.IsNaN(v) {
			out[t] = v
		}
		if out[t] > most+margin || out[t] < least-margin {
			return line
		}
	}
	return out
}

// harmonic returns y with the missing periods taken from a regression on up to
// five harmonics of the season and a polynomial of a degree of a tenth of the
// periods, up to six.
func harmonic(y []float64, season int) ([]float64, bool) {
	n, waves, degree := len(y), min(season/2, 5), min(max(len(y)/10, 1), 6)
	row := func(t int) []float64 {
		x := []float64{1}
		for d := 1; d <= degree; d++ { // Chebyshev's, so that powers stay apart
			x = append(x, math.Cos(float64(d)*math.Acos(2*float64(t)/float64(n-1)-1)))
		}
		for k := 1; k <= waves; k++ {
			s, c := math.Sincos(2 * math.Pi * float64(k*t%season) / float64(season))
			x = append(x, c)
			if 2*k < season {
				x = append(x, s)
			}
		}
		return x
	}
	var x, target []float64
	for t, v := range y {
		if !math.IsNaN(v) {
			x, target = append(x, row(t)...), append(target, v)
		}
	}
	width := len(row(0))
	if len(target) < width {
		return nil, false
	}
	var beta mat.VecDense
	if err := beta.SolveVec(mat.NewDense(len(target), width, x), mat.NewVecDense(len(target), target)); err != nil {
		return nil, false // the observed periods do not tell the terms apart
	}
	out := make([]float64, n)
	for t, v := range y {
		if out[t] = v; math.IsNaN(v) {
			out[t] = mat.Dot(mat.NewVecDense(width, row(t)), &beta)
		}
	}
	return out, true
}
