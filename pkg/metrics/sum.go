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
