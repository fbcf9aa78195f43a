package theta

// trend is a line through the values of periods 1, 2, 3, ...: intercept + slope
// times the period.
type trend struct {
	intercept, slope float64
}

// running is the least-squares line of the periods so far.
type running struct {
	trend
	n    int
	mean float64
}

// add updates the line by the next value, in constant time.
func (r *running) add(y float64) {
	n := float64(r.n)
	if r.n == 0 {
		*r = running{trend{intercept: y}, 1, y}
		return
	}
	r.slope = (float64((n-1)*r.slope) + 6*(y-r.mean)/(n+1)) / (n + 2)
	r.mean = (float64(n*r.mean) + y) / (n + 1)
	r.intercept = r.mean - r.slope*(n+2)/2
	r.n++
}

// line returns the least-squares line of y.
func line(y []float64) trend {
	var r running
	for _, v := range y {
		r.add(v)
	}
	return r.trend
}

// drift is what the trend of the n periods so far brings to the next one, before
// it is weighted; decay is (1-alpha)^n (Fiorucci et al. 2016, equation 8).
func (t trend) drift(alpha, decay float64) float64 {
	return float64(t.intercept*decay) + t.slope*(1-float64(decay*(1-alpha)))/alpha
}

// recursion is the model on its way through a series.
type recursion struct {
	alpha, weight float64
	level         float64
	decay         float64 // (1-alpha)^n
	line          running // n periods in
	fixed         bool    // the line stays as it is
}

// mean is the forecast of the next period.
func (r *recursion) mean() float64 {
	return r.level + float64(r.weight*r.line.drift(r.alpha, r.decay))
}

// step takes the next value in.
func (r *recursion) step(y float64) {
	r.level = float64(r.alpha*y) + float64((1-r.alpha)*r.level)
	r.decay *= 1 - r.alpha
	if !r.fixed {
		r.line.add(y)
	}
}
