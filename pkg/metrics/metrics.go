// Package metrics measures how far forecasts fell from what came, and whether two
// of them differ by more than chance: pure functions over values in the units of
// sales, paired by index.
//
//  1. Pairs holds actual[i] and forecast[i] and, for the measures that need them,
//     the scales of the series that pair i belongs to and its weight.
//  2. A pair in which either side is NaN is left out and counted.
//  3. What is left is summed once, in the order given and with compensation, so
//     that the same pairs give the same bytes on every platform.
//  4. Every measure comes out of those sums. One that its pairs do not define
//     (there are none, or the divisor is 0) is NaN.
//  5. Intervals are scored by Interval and Pinball (interval.go); DieboldMariano
//     tests the difference of two forecasts' losses, of one series or of many
//     (compare.go), and Holm minds how often it was asked.
//
// Percentages are percent: 4.2 means 4.2 %. An error is forecast minus actual.
package metrics

import "math"

// Scores is every measure of one set of pairs.
type Scores struct {
	N       int // pairs that count
	Missing int // pairs left out because either side is NaN
	Zeros   int // pairs left out of MAPE because the actual is 0
	NoScale int // pairs left out of MASE because their series has no scale
	NoRoot  int // pairs left out of RMSSE because their series has no root scale

	MAE         float64 // mean absolute error
	MSE         float64 // mean squared error
	RMSE        float64 // root of MSE
	R2          float64 // coefficient of determination
	MAPE        float64 // mean absolute percentage error, percent
	SMAPE       float64 // symmetric mean absolute percentage error, percent up to 200
	WAPE        float64 // sum of absolute errors over sum of absolute actuals, percent
	RMSEPercent float64 // RMSE over the size of the mean actual, percent
	MASE        float64 // mean absolute scaled error
	RMSSE       float64 // root mean squared scaled error
	WMAE        float64 // mean absolute error by weight
	Bias        float64 // mean error: above 0 is forecast too high
}

// Pairs are actuals beside forecasts. All that are given are as long as Actual.
type Pairs struct {
	Actual, Forecast []float64
	Scale            []float64 // SeasonalScale of each pair's series; nil: no MASE
	Root             []float64 // SeasonalRoot of each pair's series; nil: no RMSSE
	Weight           []float64 // not negative; nil: all the same
}

// HolidayWeight is what a week with a holiday weighs in WMAE beside a week
// without, in Walmart's competition of 2014.
const HolidayWeight = 5

// Score measures the pairs. forecast is as long as actual; scale is too, and
// holds the SeasonalScale of each pair's series, or is nil where MASE is not
// asked for.
func Score(actual, forecast, scale []float64) Scores {
	return Pairs{Actual: actual, Forecast: forecast, Scale: scale}.Score()
}

// Score measures the pairs.
func (p Pairs) Score() Scores {
	var s Scores
	var t totals
	for i, a := range p.Actual {
		if math.IsNaN(a) || math.IsNaN(p.Forecast[i]) {
			s.Missing++
			continue
		}
		s.N++
		s.Zeros += t.add(a, p.Forecast[i], at(p.Weight, i, 1))
		s.NoScale += t.scaled.addRatio(t.error, at(p.Scale, i, 0), 1)
		s.NoRoot += t.rooted.addRatio(t.error, at(p.Root, i, 0), 2)
	}
	n := float64(s.N)
	mean := t.actuals.total() / n // NaN for no pairs, as all that follows
	s.MAE = t.absolute.total() / n
	s.MSE = t.squared.total() / n
	s.RMSE = math.Sqrt(s.MSE)
	s.R2 = determination(p.Actual, p.Forecast, mean, t.squared.total(), s.N)
	s.MAPE = 100 * t.relative.total() / float64(s.N-s.Zeros)
	s.SMAPE = 200 * t.symmetric.total() / n
	s.WAPE = ratio(100*t.absolute.total(), t.sizes.total())
	s.RMSEPercent = ratio(100*s.RMSE, math.Abs(mean))
	s.MASE = t.scaled.total() / float64(s.N-s.NoScale)
	s.RMSSE = math.Sqrt(t.rooted.total() / float64(s.N-s.NoRoot))
	s.WMAE = ratio(t.weighted.total(), t.weights.total())
	s.Bias = t.errors.total() / n
	return s
}

// totals are the sums that the measures come out of.
type totals struct {
	error                               float64 // of the newest pair
	errors, absolute, squared           sum
	actuals, sizes, relative, symmetric sum
	weighted, weights, scaled, rooted   sum
}

// add takes in one pair; zeros is 1 where its actual is 0.
func (t *totals) add(actual, forecast, weight float64) (zeros int) {
	e := forecast - actual
	t.error = e
	t.errors.add(e)
	t.absolute.add(math.Abs(e))
	t.squared.add(float64(e * e)) // the conversion forbids a fused multiply-add
	t.actuals.add(actual)
	t.sizes.add(math.Abs(actual))
	t.weighted.add(weight * math.Abs(e))
	t.weights.add(weight)
	t.symmetric.add(symmetric(actual, forecast))
	if actual == 0 {
		return 1
	}
	t.relative.add(math.Abs(e / actual))
	return 0
}

// symmetric returns the error's size over the sum of both sizes: 0 where both
// are 0, and its limit of 1 where one is infinite.
func symmetric(actual, forecast float64) float64 {
	switch size := math.Abs(actual) + math.Abs(forecast); {
	case size == 0:
		return 0
	case math.IsInf(size, 0):
		return 1
	default:
		return math.Abs(forecast-actual) / size
	}
}

// at returns v[i], or what stands in for a slice that was not given.
func at(v []float64, i int, without float64) float64 {
	if v == nil {
		return without
	}
	return v[i]
}

// determination returns 1 - residual/total sum of squares. Without spread in
// the actuals it is 1 for no error and 0 otherwise, and under two pairs NaN, as
// scikit-learn's r2_score has it.
func determination(actual, forecast []float64, mean, residual float64, n int) float64 {
	if n < 2 {
		return math.NaN()
	}
	var spread sum
	for i, a := range actual {
		if !math.IsNaN(a) && !math.IsNaN(forecast[i]) {
			d := a - mean
			spread.add(float64(d * d))
		}
	}
	switch total := spread.total(); {
	case total != 0:
		return 1 - residual/total
	case residual == 0:
		return 1
	}
	return 0
}

// ratio returns a/b, NaN where b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// MAE returns the mean absolute error.
func MAE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).MAE }

// MSE returns the mean squared error.
func MSE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).MSE }

// RMSE returns the root of the mean squared error.
func RMSE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).RMSE }

// R2 returns the coefficient of determination, 1 for perfect forecasts and 0
// for those that do no better than the mean of the actuals. Two pairs are the
// least; equal actuals give 1 without an error and 0 with one.
func R2(actual, forecast []float64) float64 { return Score(actual, forecast, nil).R2 }

// MAPE returns the mean absolute percentage error. Zero actuals have none and
// are left out; Scores.Zeros counts them.
func MAPE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).MAPE }

// SMAPE returns the symmetric mean absolute percentage error as the M4 competition
// has it: 200 times the mean of |error| / (|actual| + |forecast|), which is from 0
// to 200. A pair of zeros counts as 0.
func SMAPE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).SMAPE }

// WMAE returns the mean absolute error by weight: HolidayWeight in a week with a
// holiday and 1 in another, in Walmart's competition.
func WMAE(actual, forecast, weight []float64) float64 {
	return Pairs{Actual: actual, Forecast: forecast, Weight: weight}.Score().WMAE
}

// RMSSE returns the root mean squared scaled error of the M5 competition: each
// error over the root scale of its series, as SeasonalRoot gives it. Pairs without
// a positive one are left out.
func RMSSE(actual, forecast, root []float64) float64 {
	return Pairs{Actual: actual, Forecast: forecast, Root: root}.Score().RMSSE
}

// WAPE returns the sum of the absolute errors as a percentage of the sum of the
// absolute actuals, so that every unit of sales weighs the same.
func WAPE(actual, forecast []float64) float64 { return Score(actual, forecast, nil).WAPE }

// RMSEPercent returns the root mean squared error as a percentage of the size
// of mean sales.
func RMSEPercent(actual, forecast []float64) float64 {
	return Score(actual, forecast, nil).RMSEPercent
}

// Bias returns the mean of forecast minus actual.
func Bias(actual, forecast []float64) float64 { return Score(actual, forecast, nil).Bias }

// MASE returns the mean absolute scaled error (Hyndman and Koehler 2006, "Another
// look at measures of forecast accuracy"): each error over the scale of its
// series, as SeasonalScale gives it. Pairs without a positive scale are left
// out.
func MASE(actual, forecast, scale []float64) float64 { return Score(actual, forecast, scale).MASE }

// SeasonalScale returns the mean absolute error of the seasonal naive forecast
// within a training history, oldest first, with season periods in a season, at
// least 1. Pairs with a NaN are left out; a history of no pair has NaN.
func SeasonalScale(history []float64, season int) float64 {
	season = max(season, 1)
	if len(history) <= season {
		return math.NaN()
	}
	return MAE(history[season:], history[:len(history)-season])
}

// Scale returns by what errors of a series are made comparable with those of
// others: SeasonalScale, where the history has none or 0 that of a season of one
// period, else the mean size of its values. It is 0 for zeros alone and NaN for a
// history without a value.
func Scale(history []float64, season int) float64 {
	for _, s := range []int{season, 1} {
		if scale := SeasonalScale(history, s); scale > 0 {
			return scale
		}
	}
	return MAE(history, make([]float64, len(history)))
}

// SeasonalRoot returns the root mean squared error of the seasonal naive forecast
// within a training history; the rest is as in SeasonalScale.
func SeasonalRoot(history []float64, season int) float64 {
	season = max(season, 1)
	if len(history) <= season {
		return math.NaN()
	}
	return RMSE(history[season:], history[:len(history)-season])
}

// Skill returns 1 - metric/reference: the share of the reference's error that
// was saved, negative where the reference is better, NaN where it makes none.
func Skill(metric, reference float64) float64 { return 1 - ratio(metric, reference) }
