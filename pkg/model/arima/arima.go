// Package arima fits autoregressive integrated models, ARIMA(p,d,0) without a
// trend and with d of 0 or 1, by exact maximum likelihood, and forecasts from
// any history of the series without a refit.
//
// The way of a series through it:
//
//  1. Leading missing periods are dropped; missing ones inside stay NaN.
//  2. The differences are a stationary AR(p): partial autocorrelations in
//     (-1, 1), one a lag, stand for its coefficients (stationary.go).
//  3. A Kalman filter gives the log-likelihood of the p coefficients and of
//     sigma2, the variance of the shocks in squared units of the series; it
//     skips missing periods, so that they are integrated out (filter.go).
//  4. BFGS climbs that likelihood from white noise (fit.go). On the sample data
//     every other start that was tried ends at the same maximum.
//  5. The fit keeps parameters, no history. Forecast runs the filter over the
//     history it is given and then on without observations.
//
// The filter is started as statsmodels 0.15 starts SARIMAX without simple
// differencing, so that log-likelihoods and forecasts can be compared with its
// own number by number.
package arima

import (
	"context"
	"fmt"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// maxP bounds the number of coefficients: a year of weeks.
const maxP = 52

// Order is the order of an ARIMA(p,d,0).
type Order struct {
	P int // autoregressive coefficients
	D int // differences, 0 or 1
}

// String writes the order as statsmodels does: (5, 1, 0).
func (o Order) String() string { return fmt.Sprintf("(%d, %d, 0)", o.P, o.D) }

// Validate refuses an order that this package does not fit.
func (o Order) Validate() error {
	if o.P < 0 || o.P > maxP {
		return fault.New(fault.Config, "arima: p is %d, want 0 to %d", o.P, maxP)
	}
	if o.D < 0 || o.D > 1 {
		return fault.New(fault.Config, "arima: d is %d, want 0 or 1", o.D)
	}
	return nil
}

// leastToFit is how many observed periods a fit needs: two a parameter.
func (o Order) leastToFit() int { return 2*(o.P+1) + o.D }

// leastToForecast is how many observed periods a forecast needs: those that
// determine the last p differences.
func (o Order) leastToForecast() int { return max(o.P+o.D, 1) }

// Model is the algorithm; it is a model.Local. It uses neither the season nor
// exogenous columns.
type Model struct {
	Order Order
}

// FitSeries estimates the parameters from s. A series of too few observed
// periods is an error of kind fault.Invalid that says how many are needed.
func (m Model) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	if err := m.Order.Validate(); err != nil {
		return nil, err
	}
	y, err := usable(s.Y, m.Order.leastToFit(), fmt.Sprintf("arima%v is fitted to", m.Order))
	if err != nil {
		return nil, err
	}
	fit := &Fit{order: m.Order, periods: len(y)}
	if constant(y) {
		fit.estimate = estimate{phi: make([]float64, m.Order.P), converged: true}
		return fit, ctx.Err()
	}
	search := newObjective(m.Order, y, spread(y, m.Order.D))
	fit.estimate, err = search.maximise(ctx, make([]float64, m.Order.P+1))
	if err != nil {
		return nil, err
	}
	return fit, nil
}

// usable drops the missing periods before the first observed one, and refuses
// a series with an infinite value or fewer than least observed periods; use
// says in the message what they are needed for.
func usable(y []float64, least int, use string) ([]float64, error) {
	observed, first := 0, len(y)
	for t, v := range y {
		if math.IsInf(v, 0) {
			return nil, fault.New(fault.Invalid, "period %d of %d of the series is infinite", t+1, len(y))
		}
		if math.IsNaN(v) {
			continue
		}
		observed++
		first = min(first, t)
	}
	if observed < least {
		return nil, fault.New(fault.Invalid, "%s at least %d observed periods, the series has %d", use, least, observed).
			WithHint("give more history, a model with fewer lags, or use the naive forecast for this series")
	}
	return y[first:], nil
}

// constant tells whether all observed periods of y are equal; y begins with
// one. Such a series has no likelihood: it grows beyond bounds as sigma2 falls.
func constant(y []float64) bool {
	for _, v := range y {
		if !math.IsNaN(v) && v != y[0] {
			return false
		}
	}
	return true
}

// spread is the mean square of what white noise leaves to explain: y itself,
// or its changes from one observed period to the next. It scales sigma2.
func spread(y []float64, d int) float64 {
	sum, n, last := 0.0, 0, 0.0
	for t, v := range y {
		if math.IsNaN(v) {
			continue
		}
		if d == 0 || t > 0 {
			sum += float64((v - last) * (v - last))
			n++
		}
		if d == 1 {
			last = v
		}
	}
	return sum / float64(n)
}
