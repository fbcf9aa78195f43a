package metrics

import "math"

// sum adds with compensation (Neumaier 1974): the rounding error of millions of
// terms stays that of one. The zero value is 0.
type sum struct{ high, low float64 }

func (s *sum) add(x float64) {
	t := s.high + x
	if math.Abs(s.high) >= math.Abs(x) {
		s.low += (s.high - t) + x
	} else {
		s.low += (x - t) + s.high
	}
	s.high = t
}

func (s *sum) total() float64 {
	if math.IsInf(s.high, 0) { // the compensation of an infinite sum is NaN
		return s.high
	}
	return s.high + s.low
}

// addRatio adds the size of x over scale to the power. It returns 1, and adds
// nothing, where the scale is not positive.
func (s *sum) addRatio(x, scale float64, power int) (left int) {
	if !(scale > 0) {
		return 1
	}
	r := math.Abs(x) / scale
	if power == 2 {
		r = float64(r * r)
	}
	s.add(r)
	return 0
}
