package theta

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/salesctl/salesctl/pkg/model/decompose"
)

// season is what is taken from the series before the method, and given back
// behind it.
type season struct {
	indices        []float64 // one a phase, the first that of the series' first period; nil for none
	multiplicative bool
}

const (
	leastSeason = 4     // shorter ones are not looked for, as in statsforecast
	quantile90  = 1.645 // of the normal distribution: 90 % on two sides
	leastIndex  = 0.01  // a phase that divides by less is taken additively
)

// newSeason returns the seasonal indices of a series that passes the test, none
// for another.
func newSeason(h history, length int, decomposition string) season {
	if length < leastSeason || len(h.y) < 2*length || !seasonal(decompose.Interpolate(h.y), length) {
		return season{}
	}
	out := season{multiplicative: decomposition != Additive && positive(h.y)}
	indices, ok := decompose.Classical(h.y, length, out.multiplicative)
	if out.multiplicative && (!ok || !above(indices, leastIndex)) {
		out.multiplicative = false
		indices, ok = decompose.Classical(h.y, length, false)
	}
	if !ok {
		return season{}
	}
	out.indices = make([]float64, length)
	for p, v := range indices {
		out.indices[(p+h.first)%length] = v
	}
	return out
}

// seasonal tells whether the autocorrelation at the season's lag differs from 0
// at 90 %, given those at shorter lags (Bartlett's formula; Fiorucci et al. 2016,
// 2.4).
func seasonal(y []float64, length int) bool {
	off := slices.Clone(y)
	floats.Scale(1/floats.Norm(y, math.Inf(1)), off) // squares neither overflow nor vanish
	floats.AddConst(-stat.Mean(off, nil), off)
	covariance := func(lag int) float64 { return floats.Dot(off[lag:], off[:len(off)-lag]) }
	variance := covariance(0)
	if !(variance > 0) { // or all zeros
		return false
	}
	squares := 0.0
	for lag := 1; lag < length; lag++ {
		r := covariance(lag) / variance
		squares += float64(r * r)
	}
	r := covariance(length) / variance
	return math.Abs(r) > quantile90*math.Sqrt((1+2*squares)/float64(len(y)))
}

// positive tells whether every observed value is above 0.
func positive(y []float64) bool {
	for _, v := range y {
		if v <= 0 {
			return false
		}
	}
	return true
}

func above(values []float64, least float64) bool {
	for _, v := range values {
		if v < least {
			return false
		}
	}
	return true
}

// take returns the value of period t without its season.
func (s season) take(v float64, t int) float64 {
	switch {
	case s.indices == nil:
		return v
	case s.multiplicative:
		return v / s.indices[t%len(s.indices)]
	}
	return v - s.indices[t%len(s.indices)]
}

// give returns the value of period t with its season.
func (s season) give(v float64, t int) float64 {
	switch {
	case s.indices == nil:
		return v
	case s.multiplicative:
		return v * s.indices[t%len(s.indices)]
	}
	return v + s.indices[t%len(s.indices)]
}

// without returns the values of the history without their season; NaN stays.
func (h history) without(s season) []float64 {
	out := make([]float64, len(h.y))
	for i, v := range h.y {
		out[i] = s.take(v, h.first+i)
	}
	return out
}
