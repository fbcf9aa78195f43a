package metrics

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Loss is what one forecast costs.
type Loss func(actual, forecast float64) float64

// AbsoluteLoss is the size of the error.
func AbsoluteLoss(actual, forecast float64) float64 { return math.Abs(forecast - actual) }

// SquaredLoss is the square of the error.
func SquaredLoss(actual, forecast float64) float64 {
	return (forecast - actual) * (forecast - actual)
}

// RelativeLoss is the size of the error over that of the actual.
func RelativeLoss(actual, forecast float64) float64 { return math.Abs((forecast - actual) / actual) }

// Differences returns the loss of a minus that of b, period by period: below 0
// where a was better.
func Differences(actual, a, b []float64, loss Loss) []float64 {
	d := make([]float64, len(actual))
	for i, y := range actual {
		d[i] = loss(y, a[i]) - loss(y, b[i])
	}
	return d
}

// Comparison is the outcome of a Diebold-Mariano test.
type Comparison struct {
	N         int     // differences
	Lags      int     // autocovariances that the variance counts
	Mean      float64 // mean difference: below 0 the first forecast is better
	Statistic float64 // adjusted; its sign is that of Mean
	P         float64 // two-sided, of no difference
}

// DieboldMariano tests whether the mean of d, the differences of two forecasts'
// losses in the order of time, is 0 (Diebold and Mariano 1995), with the
// adjustment for small samples and the t distribution of n-1 degrees of freedom of
// Harvey, Leybourne and Newbold (1997). The variance is Newey and West's (1987)
// with Bartlett's weights, which is never negative.
//
// horizon is how many periods ahead the forecasts are, at least 1. lags below 0
// stand for the greater of horizon-1 and the cube root of n rounded up, which is
// statsmodels' default.
//
// Equal losses throughout have the statistic 0 and P 1. Fewer than two differences,
// no more than the horizon, or one that is no finite number, have NaN for both.
func DieboldMariano(d []float64, horizon, lags int) Comparison {
	n := len(d)
	horizon = max(horizon, 1)
	if lags < 0 {
		lags = max(horizon-1, int(math.Ceil(math.Cbrt(float64(n))-1e-9)))
	}
	c := Comparison{N: n, Lags: lags, Statistic: math.NaN(), P: math.NaN()}
	c.Mean = mean(d)
	if n < 2 || n <= horizon || math.IsNaN(c.Mean-c.Mean) {
		return c
	}
	deviations := make([]float64, n)
	for i, v := range d {
		deviations[i] = v - c.Mean
	}
	variance := covariance(deviations, 0)
	for l := 1; l <= min(lags, n-1); l++ {
		variance += 2 * (1 - float64(l)/float64(lags+1)) * covariance(deviations, l)
	}
	if c.Mean == 0 {
		c.Statistic, c.P = 0, 1
		return c
	}
	t, h := float64(n), float64(horizon)
	adjustment := math.Sqrt((t + 1 - 2*h + h*(h-1)/t) / t)
	c.Statistic = adjustment * c.Mean / math.Sqrt(max(variance, 0)/t)
	c.P = 2 * distuv.StudentsT{Sigma: 1, Nu: t - 1}.CDF(-math.Abs(c.Statistic))
	return c
}

// mean returns the compensated mean.
func mean(v []float64) float64 {
	var s sum
	for _, x := range v {
		s.add(x)
	}
	return s.total() / float64(len(v))
}

// covariance returns the autocovariance of deviations from their mean.
func covariance(deviations []float64, lag int) float64 {
	var s sum
	for i := lag; i < len(deviations); i++ {
		s.add(float64(deviations[i] * deviations[i-lag]))
	}
	return s.total() / float64(len(deviations))
}

// Pooled turns the differences of many series, as long as each other and with NaN
// where one has none, into one row for DieboldMariano: their mean in each period.
// Series that err together so count as what they are, one piece of evidence
// (Akgun, Pirotte, Urga and Yang 2024, "Equal predictive ability tests based on
// panel data with applications to OECD and IMF forecasts"). Periods that no series
// has are left out. Series of different size want a loss that is relative.
func Pooled(series [][]float64) []float64 {
	var pooled []float64
	for t := 0; len(series) > 0 && t < len(series[0]); t++ {
		var s sum
		n := 0
		for _, d := range series {
			if !math.IsNaN(d[t]) {
				s.add(d[t])
				n++
			}
		}
		if n > 0 {
			pooled = append(pooled, s.total()/float64(n))
		}
	}
	return pooled
}

// Holm returns the p-values of a family of tests, each raised so that comparing
// all of them with alpha errs with probability alpha at most (Holm 1979). A NaN is
// no test: it stays and does not count.
func Holm(p []float64) []float64 {
	adjusted := slices.Clone(p)
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, float64(len(order)-rank)*p[i]))
		adjusted[i] = least
	}
	return adjusted
}
