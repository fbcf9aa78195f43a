package arima

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Fit is what FitSeries returns: a model.LocalFit that holds parameters only.
type Fit struct {
	estimate
	order   Order
	periods int // from the first observed one on, missing ones among them
}

// Forecast answers for the h periods after s. It runs the filter over s, so
// that periods which came after the fit count without a refit. It does not use
// future.
func (f *Fit) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil {
		return model.Path{}, err
	}
	if h <= 0 {
		return model.Path{}, fault.New(fault.Usage, "arima: %d steps asked for, want at least 1", h)
	}
	y, err := usable(s.Y, f.order.leastToForecast(), fmt.Sprintf("arima%v forecasts from", f.order))
	if err != nil {
		return model.Path{}, err
	}
	if f.sigma2 == 0 {
		return f.repeatLast(h, y), nil
	}
	k := newFilter(f.order)
	k.start(f.phi, f.sigma2)
	for _, obs := range y {
		k.step(obs)
	}
	path := model.Path{Mean: make([]float64, h), Warnings: f.warnings()}
	for i := range path.Mean {
		path.Mean[i] = k.mean()
		k.advance()
	}
	return path, nil
}

// repeatLast forecasts from a fit to a constant series.
func (f *Fit) repeatLast(h int, y []float64) model.Path {
	last := 0.0
	for _, v := range y {
		if !math.IsNaN(v) {
			last = v
		}
	}
	return model.Path{
		Mean:     slices.Repeat([]float64{last}, h),
		Warnings: []string{"the fitted series is constant: its last value is repeated"},
	}
}

func (f *Fit) warnings() []string {
	if f.converged {
		return nil
	}
	return []string{fmt.Sprintf("arima%v: the search for the parameters stopped before it converged", f.order)}
}

// Param is one estimated number, under statsmodels' name for it.
type Param struct {
	Name  string // ar.L1, ar.L2, ..., sigma2
	Value float64
}

// Summary is what a fit found out. For a constant series, which has no
// likelihood, sigma2 and the three figures that follow are 0.
type Summary struct {
	Order         Order
	Params        []Param
	LogLikelihood float64 // without the first d periods
	AIC           float64
	BIC           float64
	Periods       int // fitted, missing ones among them
	Converged     bool
	Iterations    int
}

// Summary returns the fit's statistics as statsmodels reports them: sigma2
// counts as a parameter, and BIC's number of observations is that of the
// periods, missing ones included, less d.
func (f *Fit) Summary() Summary {
	s := Summary{
		Order: f.order, LogLikelihood: f.llf, Periods: f.periods,
		Converged: f.converged, Iterations: f.iterations,
	}
	for i, c := range f.phi {
		s.Params = append(s.Params, Param{Name: fmt.Sprintf("ar.L%d", i+1), Value: c})
	}
	s.Params = append(s.Params, Param{Name: "sigma2", Value: f.sigma2})
	if f.sigma2 > 0 {
		k := float64(len(s.Params))
		s.AIC = 2*k - 2*f.llf
		s.BIC = k*math.Log(float64(f.periods-f.order.D)) - 2*f.llf
	}
	return s
}

// Figures are the summary's order, information criteria and likelihood, and the
// estimated numbers.
func (f *Fit) Figures() model.Figures {
	s := f.Summary()
	out := model.Figures{
		Params:  map[string]string{"order": s.Order.String()},
		Metrics: map[string]float64{"aic": s.AIC, "bic": s.BIC, "log_likelihood": s.LogLikelihood},
	}
	for _, p := range s.Params {
		out.Metrics[p.Name] = p.Value
	}
	return out
}
