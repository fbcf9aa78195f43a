// Package decompose takes a series apart into trend, season and remainder.
//
// The classical way (Kendall and Stuart 1983; Hyndman and Athanasopoulos,
// Forecasting: Principles and Practice, 3.4) is:
//
//  1. missing periods are filled on the line between their neighbours, for the
//     trend's sake only;
//  2. the trend is the centred moving average over one season, with half
//     weights at both ends where the season is even;
//  3. a phase's index is the mean, over its observed periods, of what the trend
//     leaves: the difference, or the ratio where the season is multiplicative;
//  4. the indices are shifted to mean 0, or scaled to mean 1.
//
// STL finds a season that may change, by loess, with or without weights against
// outliers (stl.go); MSTL finds several, by rounds of STL (mstl.go). Both want a
// series without missing periods: Fill gives one, in the way of R's na.interp.
package decompose

import "math"

// Interpolate returns a copy of y in which each missing period lies on the line
// between its observed neighbours; before the first and after the last one it
// is their value. A series without an observed period comes back as it is.
func Interpolate(y []float64) []float64 {
	out := append([]float64(nil), y...)
	last := -1
	for t, v := range y {
		if math.IsNaN(v) {
			continue
		}
		for i := last + 1; i < t; i++ {
			out[i] = v
			if last >= 0 {
				out[i] = y[last] + float64((v-y[last])*float64(i-last)/float64(t-last))
			}
		}
		last = t
	}
	for i := last + 1; i < len(y) && last >= 0; i++ {
		out[i] = y[last]
	}
	return out
}

// Classical returns the seasonal indices of y, the first for the phase of y[0].
// ok is false where they cannot be told: fewer than two seasons, a phase
// without an observed period beside a trend, or, for a multiplicative season, a
// trend that is not positive throughout.
func Classical(y []float64, season int, multiplicative bool) (indices []float64, ok bool) {
	if season < 2 || len(y) < 2*season {
		return nil, false
	}
	filled := Interpolate(y)
	indices, counts := make([]float64, season), make([]int, season)
	for t := season / 2; t < len(y)-season/2; t++ {
		level := around(filled, t, season) / float64(season)
		if multiplicative && !(level > 0) {
			return nil, false
		}
		if math.IsNaN(y[t]) {
			continue
		}
		counts[t%season]++
		if multiplicative {
			indices[t%season] += y[t] / level
		} else {
			indices[t%season] += y[t] - level
		}
	}
	mean := 0.0
	for p, n := range counts {
		if n == 0 {
			return nil, false
		}
		indices[p] /= float64(n)
		mean += indices[p] / float64(season)
	}
	return centred(indices, mean, multiplicative)
}

// centred brings the indices to mean 0, or to mean 1.
func centred(indices []float64, mean float64, multiplicative bool) ([]float64, bool) {
	for p := range indices {
		if multiplicative {
			indices[p] /= mean
		} else {
			indices[p] -= mean
		}
		if math.IsNaN(indices[p]) || math.IsInf(indices[p], 0) {
			return nil, false
		}
	}
	return indices, true
}

// around returns the sum of y over the season around period t, which has
// season/2 periods on each side.
func around(y []float64, t, season int) float64 {
	half := season / 2
	sum := 0.0
	for _, v := range y[t-half+1 : t+half] {
		sum += v
	}
	ends := y[t-half] + y[t+half]
	if season%2 == 0 {
		ends *= 0.5
	}
	return sum + ends
}
