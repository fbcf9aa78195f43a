// Package theta forecasts by the Theta method in its state space form: simple
// exponential smoothing of the series, with a share w = 1 - 1/theta of a linear
// trend added (Assimakopoulos and Nikolopoulos 2000; Hyndman and Billah 2003;
// Fiorucci et al. 2016, "Models for optimising the theta method and their
// relationship to state space models").
//
// The way of a series through it:
//
//  1. Missing periods before the first observed one are dropped, those inside
//     lie on the line between their neighbours, without a say in the error;
//     those after the last one are forecast and passed over.
//  2. A series with an autocorrelation at the season's lag, beyond chance at
//     90 %, is divided by its seasonal indices, or lessened by them (season.go).
//  3. Given alpha, the errors are linear in the starting level and in w: least
//     squares gives both, and the search is over alpha alone (search.go).
//  4. The fit keeps parameters, no history. Forecast runs the recursion over the
//     history that it is given, and then on with its own answers (line.go).
//
// The criterion is statsforecast's: the squares of the one-step errors from the
// fourth period on, over the mean of the absolute values.
package theta

import (
	"context"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Variant says how the trend is found, and whether theta is 2 or estimated.
type Variant uint8

// The variants, under the names that statsforecast has for them.
const (
	Standard         Variant = iota // Theta: one trend line, theta = 2
	Optimized                       // OptimizedTheta: one trend line
	Dynamic                         // DynamicTheta: the trend of the periods so far, theta = 2
	DynamicOptimized                // DynamicOptimizedTheta: the trend of the periods so far
	Auto                            // AutoTheta: that of the four whose criterion is least
)

// String writes the variant as a catalogue of models does.
func (v Variant) String() string {
	names := []string{"theta", "optimized_theta", "dynamic_theta", "dynamic_optimized_theta", "auto_theta"}
	if int(v) < len(names) {
		return names[v]
	}
	return "unknown"
}

func (v Variant) dynamic() bool { return v == Dynamic || v == DynamicOptimized }

// estimated tells whether theta is a parameter.
func (v Variant) estimated() bool { return v == Optimized || v == DynamicOptimized }

// The kinds of seasonal indices that Options names.
const (
	Multiplicative = "multiplicative"
	Additive       = "additive"
)

// Options are the parameters of the algorithm; the zero value is good.
type Options struct {
	// Decomposition is "multiplicative", which "" means, or "additive". A series
	// that is not positive, or nearly loses a phase, is taken additively.
	Decomposition string `json:"decomposition_type"`
}

// Validate refuses an unknown decomposition, as a fault.Config.
func (o Options) Validate() error {
	if slices.Contains([]string{"", Multiplicative, Additive}, o.Decomposition) {
		return nil
	}
	return fault.New(fault.Config, "theta: decomposition_type is %q", o.Decomposition).
		WithHint("give multiplicative or additive")
}

// Model is the algorithm; it is a model.Local. It does not use exogenous
// columns.
type Model struct {
	Variant Variant
	Options Options
}

// leastToFit is how many observed periods a fit needs: the error begins with
// the fourth.
const leastToFit = 4

// maxSeason bounds the season; it keeps what is stored small.
const maxSeason = 1 << 16

// FitSeries estimates the parameters from s. A series of fewer than four
// observed periods, or with an infinite one, is a fault.Invalid.
func (m Model) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	if err := m.Options.Validate(); err != nil {
		return nil, err
	}
	if m.Variant > Auto {
		return nil, fault.New(fault.Config, "theta: there is no variant %d", m.Variant)
	}
	if s.Season > maxSeason {
		return nil, fault.New(fault.Config, "theta: a season of %d periods is too long, want at most %d", s.Season, maxSeason)
	}
	h, err := newHistory(s.Y, leastToFit)
	if err != nil {
		return nil, err
	}
	fit := &Fit{season: newSeason(h, s.Season, m.Options.Decomposition)}
	err = fit.search(ctx, m.Variant, h.without(fit.season))
	return fit, err
}

// history is a series from its first observed period to its last.
type history struct {
	y     []float64 // NaN where missing
	first int       // how many missing periods came before
	after int       // how many come behind
}

// newHistory refuses a series with an infinite value or fewer than least
// observed ones.
func newHistory(y []float64, least int) (history, error) {
	first, last, observed := len(y), -1, 0
	for t, v := range y {
		if math.IsInf(v, 0) {
			return history{}, fault.New(fault.Invalid, "period %d of %d of the series is infinite", t+1, len(y))
		}
		if !math.IsNaN(v) {
			first, last = min(first, t), t
			observed++
		}
	}
	if observed < least {
		return history{}, fault.New(fault.Invalid, "theta needs at least %s, the series has %d", fault.Counted(least, "observed period"), observed).
			WithHint("give more history, or use the naive forecast for this series")
	}
	return history{y: y[first : last+1], first: first, after: len(y) - 1 - last}, nil
}
