package decompose

import (
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Parts is a series taken apart: each period's value is the sum of its trend, its
// seasons and its remainder. All are as long as the series.
type Parts struct {
	Trend     []float64
	Seasons   [][]float64 // one a season's length, shortest first
	Remainder []float64
	Weights   []float64 // of robustness: 1 is trusted, 0 an outlier
}

// Degree is that of the polynomial that loess fits around a point.
type Degree uint8

// The degrees that STL knows.
const (
	Linear Degree = iota
	Constant
)

func (d Degree) linear() bool { return d == Linear }

// STLOptions are the choices of STL; the zero value is statsmodels' defaults.
type STLOptions struct {
	Window  int // of loess over the same phase of several seasons, odd, in seasons; 0 is 7
	Trend   int // of loess over the trend, odd, in periods; 0 is 1.5 season/(1 - 1.5/Window)
	LowPass int // of loess over the low-pass filter, odd, in periods; 0 is the season's next odd

	SeasonDegree, TrendDegree, LowPassDegree Degree

	// Periodic has every season the same: the mean of the seasons that a window
	// wider than the series gives, with degree 0, as R has it.
	Periodic bool
	Robust   bool // 15 rounds of weights against outliers instead of none
	Inner    int  // rounds of season and trend; 0 is 5, or 2 if robust
	Outer    int  // rounds of weights; 0 is what Robust says
}

// filled returns the options with numbers for zeros, or why they cannot be.
func (o STLOptions) filled(n, season int) (STLOptions, error) {
	if season < 2 || n < 2*season {
		return o, fault.New(fault.Invalid, "a season of %d periods cannot be told from %d periods, want two seasons of 2 or more", season, n)
	}
	if o.Periodic {
		o.Window, o.SeasonDegree = 10*n+1, Constant
	}
	if o.Window == 0 {
		o.Window = 7
	}
	if o.Trend == 0 {
		o.Trend = int(math.Ceil(1.5*float64(season)/(1-1.5/float64(o.Window)))) | 1
	}
	if o.LowPass == 0 {
		o.LowPass = (season + 1) | 1
	}
	if o.Inner == 0 {
		o.Inner = 5
		if o.Robust {
			o.Inner = 2
		}
	}
	if o.Outer == 0 && o.Robust {
		o.Outer = 15
	}
	odd := func(v, least int) bool { return v >= least && v%2 == 1 }
	if !odd(o.Window, 3) || !odd(o.Trend, season+1) || !odd(o.LowPass, season+1) || o.Inner < 0 || o.Outer < 0 {
		return o, fault.New(fault.Config, "decompose: windows of %d seasons, %d and %d periods for a season of %d, want odd ones from 3, and longer than the season",
			o.Window, o.Trend, o.LowPass, season)
	}
	return o, nil
}

// STL takes y, in which nothing is missing (Fill), into a trend, a season that may
// change and a remainder, by loess (Cleveland, Cleveland, McRae and Terpenning
// 1990). Fewer than two seasons, or a value that is no finite number, are a
// fault.Invalid.
func STL(y []float64, season int, o STLOptions) (Parts, error) {
	o, err := o.filled(len(y), season)
	if err != nil {
		return Parts{}, err
	}
	for t, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Parts{}, fault.New(fault.Invalid, "period %d of %d of the series is %v", t+1, len(y), v)
		}
	}
	s := newSTL(y, season, o)
	for round := 0; ; round++ {
		s.inner(round > 0)
		if round == o.Outer {
			break
		}
		s.weigh()
	}
	if o.Periodic {
		s.repeat()
	}
	p := Parts{Trend: s.trend, Seasons: [][]float64{s.season}, Remainder: make([]float64, len(y)), Weights: s.weights}
	for t, v := range y {
		p.Remainder[t] = v - s.season[t] - s.trend[t]
	}
	return p, nil
}

// stl is the work of one decomposition of n periods.
type stl struct {
	STLOptions
	length                int // of the season
	y                     []float64
	trend, season, weight []float64
	weights               []float64
	rest                  []float64 // what the series leaves without one part
	cycle                 []float64 // the smoothed phases, a season more at each end
	low, once, twice      []float64 // the low-pass filter's steps
	phase, phaseWeights   []float64 // one phase of all seasons
	smooth                []float64
}

func newSTL(y []float64, season int, o STLOptions) *stl {
	n := len(y)
	phases := n/season + 3
	numbers := func(n int) []float64 { return make([]float64, n) }
	return &stl{
		STLOptions: o, length: season, y: y, trend: numbers(n), season: numbers(n),
		weights: slices.Repeat([]float64{1}, n), weight: numbers(n), rest: numbers(n),
		cycle: numbers(n + 2*season), low: numbers(n), once: numbers(n + season + 1), twice: numbers(n + 2),
		phase: numbers(phases), phaseWeights: numbers(phases), smooth: numbers(phases),
	}
}

// inner runs the rounds in which season and trend settle.
func (s *stl) inner(robust bool) {
	weights := s.weights
	if !robust {
		weights = nil
	}
	n := len(s.y)
	for range s.Inner {
		for t, v := range s.y {
			s.rest[t] = v - s.trend[t]
		}
		s.phases(weights)
		movingMean(s.once, s.cycle, s.length)
		movingMean(s.twice, s.once, s.length)
		movingMean(s.rest, s.twice, 3)
		loess{s.LowPass, s.LowPassDegree.linear(), nil, s.weight}.smooth(s.low, s.rest)
		for t := range n {
			s.season[t] = s.cycle[s.length+t] - s.low[t]
			s.rest[t] = s.y[t] - s.season[t]
		}
		loess{s.Trend, s.TrendDegree.linear(), weights, s.weight}.smooth(s.trend, s.rest)
	}
}

// phases smooths each phase over the seasons, and goes on for a season at both
// ends.
func (s *stl) phases(weights []float64) {
	for first := range s.length {
		k := 0
		for t := first; t < len(s.rest); t += s.length {
			s.phase[k] = s.rest[t]
			if weights != nil {
				s.phaseWeights[k] = weights[t]
			}
			k++
		}
		l := loess{s.Window, s.SeasonDegree.linear(), nil, s.weight}
		if weights != nil {
			l.weights = s.phaseWeights[:k]
		}
		y, out := s.phase[:k], s.smooth[:k+2]
		l.smooth(out[1:k+1], y)
		out[0] = l.at(y, -1, 0, min(l.window, k), out[1])
		out[k+1] = l.at(y, k, max(0, k-l.window), k, out[k])
		for i, v := range out {
			s.cycle[first+i*s.length] = v
		}
	}
}

// weigh gives each period Tukey's bisquare of its remainder over six times the
// median of all.
func (s *stl) weigh() {
	n := len(s.y)
	for t, v := range s.y {
		s.weights[t] = math.Abs(v - s.trend[t] - s.season[t])
	}
	sorted := slices.Clone(s.weights)
	slices.Sort(sorted)
	bound := 3 * (sorted[n/2] + sorted[n-n/2-1])
	for t, r := range s.weights {
		switch {
		case r <= 0.001*bound:
			s.weights[t] = 1
		case r <= 0.999*bound:
			u := r / bound
			s.weights[t] = (1 - u*u) * (1 - u*u)
		case bound > 0:
			s.weights[t] = 0
		default: // half of the remainders are 0, and say nothing about the others
			s.weights[t] = 1
		}
	}
}

// repeat has each phase take its mean over the seasons.
func (s *stl) repeat() {
	for first := range s.length {
		sum, k := 0.0, 0
		for t := first; t < len(s.season); t += s.length {
			sum += s.season[t]
			k++
		}
		for t := first; t < len(s.season); t += s.length {
			s.season[t] = sum / float64(k)
		}
	}
}

// movingMean writes the means of each window of x into dst, which is as long as x
// less window-1.
func movingMean(dst, x []float64, window int) {
	sum := 0.0
	for _, v := range x[:window] {
		sum += v
	}
	dst[0] = sum / float64(window)
	for i := 1; i < len(dst); i++ {
		sum += x[i+window-1] - x[i-1]
		dst[i] = sum / float64(window)
	}
}
