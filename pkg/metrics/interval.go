package metrics

import "math"

// IntervalScores is how well intervals held what came.
type IntervalScores struct {
	N       int // intervals that count
	Missing int // intervals left out because an end or the actual is NaN

	Coverage float64 // percent of the actuals inside, ends included
	Below    float64 // percent of the actuals below
	Above    float64 // percent of the actuals above
	Width    float64 // mean of upper minus lower end, in the units of sales
}

// Interval scores intervals from lower[i] to upper[i], both as long as actual.
// Without one that counts every measure is NaN.
func Interval(actual, lower, upper []float64) IntervalScores {
	var s IntervalScores
	var width sum
	below, above := 0, 0
	for i, a := range actual {
		if math.IsNaN(a) || math.IsNaN(lower[i]) || math.IsNaN(upper[i]) {
			s.Missing++
			continue
		}
		s.N++
		width.add(upper[i] - lower[i])
		switch {
		case a < lower[i]:
			below++
		case a > upper[i]:
			above++
		}
	}
	n := float64(s.N)
	s.Below, s.Above = 100*float64(below)/n, 100*float64(above)/n
	s.Coverage = 100 * float64(s.N-below-above) / n
	s.Width = width.total() / n
	return s
}

// Pinball returns the mean quantile loss of forecasts of the q-quantile, q from 0
// to 1 (Koenker and Bassett 1978): a forecast that is too low costs q a unit, one
// that is too high 1-q. Pairs with a NaN are left out; without one left it is NaN.
func Pinball(actual, forecast []float64, q float64) float64 {
	var loss sum
	n := 0
	for i, a := range actual {
		short := a - forecast[i]
		if math.IsNaN(short) {
			continue
		}
		n++
		loss.add(max(q*short, (q-1)*short))
	}
	return loss.total() / float64(n)
}
