// Package combine joins the forecasts of several models into one: their mean,
// their median, or their mean by weights that earlier folds of a backtest taught.
// It knows numbers only, one row a model and one column a point.
//
//  1. A Fold is what came beside what each model forecast. Its points are taken
//     over the mean size of what came, so that each fold has its say.
//  2. Learn looks for weights of at least 0 that sum to 1 and have the least
//     squared error, plus a penalty for lying far from equal weights (Diebold and
//     Pauly 1990, "The use of prior information in forecast combination"; Timmermann
//     2006 on why equal ones are hard to beat).
//  3. How much the penalty counts is chosen by leaving out one fold after the
//     other; equal weights are one of the choices, and win a tie. A single fold
//     teaches nothing: its weights are equal.
package combine

import (
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Mean returns the mean of the models' forecasts at each point. A forecast that
// is NaN does not count; a point without one is NaN.
func Mean(forecasts [][]float64) []float64 {
	return each(forecasts, func(v []float64, _ []int) float64 {
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return sum / float64(len(v))
	})
}

// Median returns the median of the models' forecasts at each point; NaN is as in
// Mean.
func Median(forecasts [][]float64) []float64 {
	return each(forecasts, func(v []float64, _ []int) float64 {
		slices.Sort(v)
		n := len(v)
		if n == 0 {
			return math.NaN()
		}
		return (v[(n-1)/2] + v[n/2]) / 2
	})
}

// Weighted returns the mean by weights, one a model, at each point. The weight of
// a model whose forecast is NaN goes to the others in proportion, or equally where
// those have none.
func Weighted(forecasts [][]float64, weights []float64) []float64 {
	return each(forecasts, func(v []float64, models []int) float64 {
		sum, total := 0.0, 0.0
		for i, m := range models {
			sum += float64(weights[m] * v[i])
			total += weights[m]
		}
		if total == 0 {
			for _, x := range v {
				sum += x
			}
			total = float64(len(v))
		}
		return sum / total
	})
}

// each calls point with the forecasts that are there, and whose they are.
func each(forecasts [][]float64, point func(v []float64, models []int) float64) []float64 {
	if len(forecasts) == 0 {
		return nil
	}
	out := make([]float64, len(forecasts[0]))
	var v []float64
	var models []int
	for i := range out {
		v, models = v[:0], models[:0]
		for m, f := range forecasts {
			if !math.IsNaN(f[i]) {
				v, models = append(v, f[i]), append(models, m)
			}
		}
		out[i] = point(v, models)
	}
	return out
}

// Fold is one cutoff of a backtest.
type Fold struct {
	Actual    []float64   // what came; NaN is left out
	Forecasts [][]float64 // [model][point]; a point where one is NaN is left out for all
}

// Weights are what Learn found.
type Weights struct {
	Values  []float64 // one a model, at least 0, with the sum 1
	Penalty float64   // what lying far from equal weights cost, in mean squared errors; +Inf for equal ones
	Points  int       // that were learned from
}

// penalties are the choices, beside equal weights.
var penalties = []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30}

// Learn returns the weights for models that met the folds, each of which has one
// row a model. Folds of other shape, or without a point that all answered, are a
// fault.Invalid. The same folds give the same weights.
func Learn(folds []Fold) (Weights, error) {
	var problems []problem
	models, points := 0, 0
	for i, f := range folds {
		if i == 0 {
			models = len(f.Forecasts)
		}
		p, err := f.problem(i, models)
		if err != nil {
			return Weights{}, err
		}
		if p.points > 0 {
			problems = append(problems, p)
			points += p.points
		}
	}
	if points == 0 {
		return Weights{}, fault.New(fault.Invalid, "combine: none of the %d folds has a point that all %d models answered", len(folds), models).
			WithHint("backtest the models on the same cutoffs first")
	}
	penalty := choose(problems, models)
	return Weights{Values: sum(problems, -1, models).solve(penalty), Penalty: penalty, Points: points}, nil
}

// choose returns the penalty whose weights, learned without a fold, were best on
// that fold, over all folds.
func choose(problems []problem, models int) float64 {
	best, least := math.Inf(1), 0.0
	for _, p := range problems {
		least += p.loss(equal(models))
	}
	for _, penalty := range slices.Backward(penalties) {
		loss := 0.0
		for i, p := range problems {
			loss += p.loss(sum(problems, i, models).solve(penalty))
		}
		if loss < least*(1-1e-9) {
			best, least = penalty, loss
		}
	}
	return best
}

func equal(models int) []float64 {
	return slices.Repeat([]float64{1 / float64(models)}, models)
}
