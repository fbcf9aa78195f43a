//go:build unix

package main

import (
	"math"
	"math/rand/v2"
)

// The lengths of the series, in weeks.
const (
	leastWeeks = 80
	mostWeeks  = 2600
)

// weekly returns a series of sales a week: a level that walks, a trend, a year's
// season with a peak, noise in proportion, and for one in ten weeks of nothing.
// The same seed and number give the same series; the lengths spread evenly on a
// scale of logarithms.
func weekly(seed uint64, number, of int) []float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(number)))
	share := float64(number) / float64(max(of-1, 1))
	y := make([]float64, int(math.Round(leastWeeks*math.Pow(float64(mostWeeks)/leastWeeks, share))))
	level := math.Exp(4 + 6*rng.Float64())
	trend := 0.002 * rng.NormFloat64()
	walk, wave, peak := 0.02*rng.Float64(), 0.3*rng.Float64(), rng.Float64()
	noise := 0.03 + 0.2*rng.Float64()
	sparse := rng.IntN(10) == 0
	logLevel := 0.0
	for t := range y {
		logLevel += 0.98*trend/math.Sqrt(1+float64(t)/52) + walk*rng.NormFloat64()
		season := 1 + wave*math.Sin(2*math.Pi*float64(t)/52)
		if t%52 >= 46 && t%52 < 51 {
			season += peak
		}
		y[t] = math.Round(100*level*math.Exp(logLevel)*season*math.Exp(noise*rng.NormFloat64())) / 100
		if sparse && rng.IntN(4) == 0 {
			y[t] = 0
		}
	}
	return y
}

// smape is the mean of 200 |f-y| / (|f|+|y|) over the steps, M4's; a step where
// both are 0 is right.
func smape(forecast, actual []float64) float64 {
	sum := 0.0
	for i, f := range forecast {
		if size := math.Abs(f) + math.Abs(actual[i]); size > 0 {
			sum += 200 * math.Abs(f-actual[i]) / size
		}
	}
	return sum / float64(len(forecast))
}
