package decompose

import (
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// MSTLOptions are the choices of MSTL; the zero value is statsmodels' defaults.
type MSTLOptions struct {
	Windows []int // of STL, one a season; nil: 11, 15, 19, ...
	Rounds  int   // over all seasons, 0 is 2; one season takes one
	STL     STLOptions
}

// MSTL takes y, in which nothing is missing (Fill), into a trend, one part a
// season's length and a remainder, by rounds of STL (Bandara, Hyndman and Bergmeir
// 2021, "MSTL: a seasonal-trend decomposition algorithm for time series with
// multiple seasonal patterns"). The parts stand by length, shortest first.
func MSTL(y []float64, seasons []int, o MSTLOptions) (Parts, error) {
	if len(seasons) == 0 || o.Windows != nil && len(o.Windows) != len(seasons) {
		return Parts{}, fault.New(fault.Config, "decompose: %d windows for %d seasons", len(o.Windows), len(seasons))
	}
	order := make([]int, len(seasons))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return seasons[i] - seasons[j] })
	rounds := o.Rounds
	if rounds <= 0 {
		rounds = 2
	}
	if len(seasons) == 1 {
		rounds = 1
	}
	var out Parts
	found := make([][]float64, len(seasons))
	rest := slices.Clone(y)
	for range rounds {
		for rank, i := range order {
			add(rest, found[rank], 1)
			stl := o.STL
			stl.Window = 11 + 4*rank
			if o.Windows != nil {
				stl.Window = o.Windows[i]
			}
			p, err := STL(rest, seasons[i], stl)
			if err != nil {
				return Parts{}, err
			}
			out, found[rank] = p, p.Seasons[0]
			add(rest, found[rank], -1)
		}
	}
	out.Seasons = found
	for t, v := range rest {
		out.Remainder[t] = v - out.Trend[t]
	}
	return out, nil
}

// add adds sign times v, which may be nil, to y.
func add(y, v []float64, sign float64) {
	for t, x := range v {
		y[t] += sign * x
	}
}
