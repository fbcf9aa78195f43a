package ets

import "math"

// tape is a pass through a series that can be gone back: it gives the mean
// negative log-likelihood of a period, without constants, and its derivative by
// every parameter and starting state, in a time that does not grow with their
// number (reverse accumulation).
type tape struct {
	form Form
	y    []float64
	n    float64 // observed periods

	level, growth, season []float64 // before each period
	eps                   []float64 // the one-step error, 0 where missing
	ring                  []float64 // season's states, then their derivatives
	squares               float64   // of the errors, or of the relative ones
}

// floor is what the mean square cannot fall below: a series that a model follows
// exactly has no likelihood. Series are scaled to a mean of 1.
const floor = 1e-20

func newTape(f Form, y []float64, m int) *tape {
	t := &tape{form: f, y: y}
	for _, v := range y {
		if !math.IsNaN(v) {
			t.n++
		}
	}
	t.level, t.growth, t.season = make([]float64, len(y)), make([]float64, len(y)), make([]float64, len(y))
	t.eps = make([]float64, len(y))
	if f.Season != None {
		t.ring = make([]float64, m)
	}
	return t
}

// value is +Inf where a state leaves the range in which the form has a meaning.
func (t *tape) value(w weights, start states) float64 {
	f := t.form
	copy(t.ring, start.season)
	l, b, s, phase := start.level, start.growth, 0.0, 0
	logs := 0.0
	t.squares = 0
	for i, v := range t.y {
		if f.Season != None {
			s = t.ring[phase]
		}
		t.level[i], t.growth[i], t.season[i], t.eps[i] = l, b, s, 0
		q, grown, mean := f.expect(l, b, s, w.phi)
		if !f.meaningful(l, b, s, q, mean) {
			return math.Inf(1)
		}
		if math.IsNaN(v) {
			l, b = q, grown
		} else {
			eps := v - mean
			t.eps[i] = eps
			if f.Error == Multiplicative {
				logs += math.Log(mean)
				r := eps / mean
				t.squares += float64(r * r)
			} else {
				t.squares += float64(eps * eps)
			}
			l, b, s = f.correct(w, l, q, grown, s, eps)
		}
		if f.Season != None {
			t.ring[phase] = s
			if phase++; phase == len(t.ring) {
				phase = 0
			}
		}
	}
	if out := math.Log(t.squares/t.n+floor)/2 + logs/t.n; !math.IsNaN(out) {
		return out
	}
	return math.Inf(1)
}

// meaningful tells whether the states are positive where they must be.
func (f Form) meaningful(l, b, s, q, mean float64) bool {
	return (f.Error != Multiplicative || mean > least) &&
		(f.Trend != Multiplicative || l > least && b > least) &&
		(f.Season != Multiplicative || s > least && q > least)
}

// adjoint is the derivative of the value by the states and weights.
type adjoint struct {
	weights
	level, growth float64
}

// back goes back over the pass that value made last, with the same weights. The
// derivatives by the season's starting states stay in ring.
func (t *tape) back(w weights) adjoint {
	clear(t.ring)
	var a adjoint
	for i := len(t.y) - 1; i >= 0; i-- {
		phase := 0
		if t.form.Season != None {
			phase = i % len(t.ring)
			t.ring[phase] = t.undo(i, w, &a, t.ring[phase])
		} else {
			t.undo(i, w, &a, 0)
		}
	}
	return a
}

// undo turns derivatives by the states behind period i into those by the states
// before it. season is the derivative by the phase's state; what it becomes is
// returned.
func (t *tape) undo(i int, w weights, a *adjoint, season float64) float64 {
	f := t.form
	l, b, s, eps := t.level[i], t.growth[i], t.season[i], t.eps[i]
	q, grown, mean := f.expect(l, b, s, w.phi)
	byQ, byGrown, byLevel, bySeason := a.level, a.growth, 0.0, season
	if !math.IsNaN(t.y[i]) {
		// The states behind are those expected, corrected by eps.
		d, perD, perSeason := eps, 1.0, 1.0
		if f.Season == Multiplicative {
			d, perD, perSeason = eps/s, 1/s, 1/q
		}
		perGrowth := 1.0
		if f.Trend == Multiplicative {
			perGrowth = 1 / l
			byLevel -= a.growth * w.beta * d * perGrowth * perGrowth
		}
		a.alpha += a.level * d
		a.beta += a.growth * d * perGrowth
		a.gamma += season * eps * perSeason
		byD := float64(a.level*w.alpha) + float64(a.growth*w.beta)*perGrowth
		byEps := float64(byD*perD) + float64(season*w.gamma)*perSeason
		if f.Season == Multiplicative {
			bySeason -= byD * d * perD
			byQ -= season * w.gamma * eps * perSeason * perSeason
		}
		// eps is the value less the mean, and has its part in the likelihood.
		own, byMean := t.likelihood(eps, mean)
		byEps += own
		byMean -= byEps
		switch f.Season {
		case Multiplicative:
			byQ += byMean * s
			bySeason += byMean * q
		case Additive:
			bySeason += byMean
			byQ += byMean
		default:
			byQ += byMean
		}
	}
	switch f.Trend {
	case Additive: // q = l + phi b
		byGrown += byQ
		byLevel += byQ
		a.phi += byGrown * b
		a.growth = byGrown * w.phi
	case Multiplicative: // q = l b^phi
		byGrown += byQ * l
		byLevel += byQ * grown
		a.phi += byGrown * grown * math.Log(b)
		a.growth = byGrown * w.phi * grown / b
	default:
		byLevel += byQ
	}
	a.level = byLevel
	return bySeason
}

// likelihood returns the derivatives of the value by an error and by the mean
// that it is relative to.
func (t *tape) likelihood(eps, mean float64) (byEps, byMean float64) {
	scale := t.squares + t.n*floor
	if f := t.form; f.Error != Multiplicative {
		return eps / scale, 0
	}
	r := eps / mean
	byEps = r / mean / scale
	return byEps, 1/mean/t.n - byEps*r
}
