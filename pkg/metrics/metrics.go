// Package metrics measures how far forecasts fell from what came: pure functions
// over actual and forecast values in the units of sales, paired by index.
//
//  1. Score takes actual[i], forecast[i] and, for the scaled error, the scale
//     of the series that pair i belongs to.
//  2. A pair in which either side is NaN is left out and counted.
//  3. What is left is summed once, in the order given and with compensation, so
//     that the same pairs give the same bytes on every platform.
//  4. Every measure comes out of those sums. One that its pairs do not define
//     (there are none, or the divisor is 0) is NaN.
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

	MAE         float64 // mean absolute error
	MSE         float64 // mean squared error
	RMSE        float64 // root of MSE
	R2          float64 // coefficient of determination
	MAPE        float64 // mean absolute percentage error, percent
	WAPE        float64 // sum of absolute errors over sum of absolute actuals, percent
	RMSEPercent float64 // RMSE over the size of the mean actual, percent
	MASE        float64 // mean absolute scaled error
	Bias        float64 // mean error: above 0 is forecast too high
}

// Score measures the pairs. forecast is as long as actual; scale is too, and
// holds the SeasonalScale of each pair's series, or is nil where MASE is not
// asked for.
func Score(actual, forecast, scale []float64) Scores {
	var s Scores
	var errs, absolute, squared, actuals, sizes, relative, scaled sum
	for i, a := range actual {
		if math.IsNaN(a) || math.IsNaN(forecast[i]) {
			s.Missing++
			continue
		}
		e := forecast[i] - a
		s.N++
		errs.add(e)
		absolute.add(math.Abs(e))
		squared.add(float64(e * e)) // the conversion forbids a fused multiply-add
		actuals.add(a)
		sizes.add(math.Abs(a))
		if a == 0 {
			s.Zeros++
		} else {
			relative.add(math.Abs(e / a))
		}
		if scale == nil || !(scale[i] > 0) {
			s.NoScale++
		} else {
			scaled.add(math.Abs(e) / scale[i])
		}
	}
	n := float64(s.N)
	mean := actuals.total() / n // NaN for no pairs, as all that follows
	s.MAE = absolute.total() / n
	s.MSE = squared.total() / n
	s.RMSE = math.Sqrt(s.MSE)
	s.R2 = determination(actual, forecast, mean, squared.total(), s.N)
	s.MAPE = 100 * relative.total() / float64(s.N-s.Zeros)
	s.WAPE = ratio(100*absolute.total(), sizes.total())
	s.RMSEPercent = ratio(100*s.RMSE, math.Abs(mean))
	s.MASE = scaled.total() / float64(s.N-s.NoScale)
	s.Bias = errs.total() / n
	return s
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

// Skill returns 1 - metric/reference: the share of the reference's error that
// was saved, negative where the reference is better, NaN where it makes none.
func Skill(metric, reference float64) float64 { return 1 - ratio(metric, reference) }
