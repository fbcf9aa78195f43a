package ets

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/salesctl/salesctl/pkg/model/decompose"
)

// firstPeriods are what the starting level and growth are read from, at least;
// two seasons where that is more.
const firstPeriods = 10

// start returns the starting states that the search begins with (Hyndman et al.
// 2008, 2.6): seasonal indices of the classical decomposition, then a line
// through the first periods without their season. ok is false where the series
// has no such states for the form.
func start(f Form, y []float64, m int) (st states, ok bool) {
	filled := decompose.Interpolate(y)
	first := min(max(firstPeriods, 2*m), len(y))
	if f.Season != None {
		st.season, ok = decompose.Classical(y, m, f.Season == Multiplicative)
		if !ok {
			return states{}, false
		}
		for i := range filled {
			if f.Season == Multiplicative {
				st.season[i%m] = max(st.season[i%m], 0.01)
				filled[i] /= st.season[i%m]
			} else {
				filled[i] -= st.season[i%m]
			}
		}
	}
	if f.Trend == None {
		st.level = stat.Mean(filled[:first], nil)
		return st, true
	}
	times := make([]float64, first)
	for i := range times {
		times[i] = float64(i + 1)
	}
	st.level, st.growth = stat.LinearRegression(times, filled[:first], nil, false)
	if f.positive() {
		st.level = max(st.level, 0.1*stat.Mean(filled[:first], nil))
	}
	if f.Trend == Multiplicative {
		st.growth = min(max(1+st.growth/st.level, 0.9), 1.1)
	}
	return st, !math.IsNaN(st.level+st.growth) && !math.IsInf(st.level+st.growth, 0)
}
