package decompose

import "math"

// loess smooths equally spaced values by weighted regression on the nearest ones
// (Cleveland 1979).
type loess struct {
	window  int       // how many of the nearest points count
	linear  bool      // the regression's degree is 1, not 0
	weights []float64 // of robustness, one a value; nil for none
	work    []float64 // as long as the values or longer
}

// smooth writes the smoothed values of y into dst.
func (l loess) smooth(dst, y []float64) {
	n := len(y)
	if n < 2 {
		copy(dst, y)
		return
	}
	half := (l.window + 2) / 2
	from, to := 0, min(l.window, n)
	for i := range y {
		if l.window < n && i+1 > half && to < n {
			from++
			to++
		}
		dst[i] = l.at(y, i, from, to, y[i])
	}
}

// at returns the regression's value at x, which may lie outside, from the points
// from to to-1; without where none of them has weight.
func (l loess) at(y []float64, x, from, to int, without float64) float64 {
	n := len(y)
	reach := float64(max(x-from, to-1-x))
	if l.window > n {
		reach += float64((l.window - n) / 2)
	}
	total := l.weigh(x, from, to, reach)
	if total <= 0 {
		return without
	}
	w := l.work[from:to]
	for j := range w {
		w[j] /= total
	}
	if reach > 0 && l.linear {
		tilt(w, float64(x-from), 0.001*float64(n-1))
	}
	sum := 0.0
	for j, v := range y[from:to] {
		sum += w[j] * v
	}
	return sum
}

// weigh writes the tricube weights of the points into work, and returns their sum.
func (l loess) weigh(x, from, to int, reach float64) (total float64) {
	for j := from; j < to; j++ {
		w := 0.0
		switch r := math.Abs(float64(j - x)); {
		case r <= 0.001*reach:
			w = 1
		case r <= 0.999*reach:
			u := r / reach
			w = 1 - u*u*u
			w = w * w * w
		}
		if l.weights != nil {
			w *= l.weights[j]
		}
		l.work[j] = w
		total += w
	}
	return total
}

// tilt turns weights that sum to 1 and give the weighted mean into those that give
// the value at x of a weighted line, unless the points' spread is below least.
func tilt(w []float64, x, least float64) {
	centre := 0.0
	for j, v := range w {
		centre += v * float64(j)
	}
	spread := 0.0
	for j, v := range w {
		d := float64(j) - centre
		spread += v * d * d
	}
	if math.Sqrt(spread) <= least {
		return
	}
	slope := (x - centre) / spread
	for j := range w {
		w[j] *= slope*(float64(j)-centre) + 1
	}
}
