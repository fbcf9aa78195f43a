// Package local makes a sales.Candidate of an algorithm that learns from one
// series: one fit a key, each from the series' own targets up to its newest
// actual, and forecasts from whatever history comes later.
//
// A series that the algorithm cannot learn, because it is too short or came
// after the training, is answered by its last value, and a warning says so: one
// new store must not keep a chain from its forecasts.
package local

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/naive"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Spare is the name of what answers where the algorithm cannot.
const Spare = "naive"

// Candidate trains one model a series.
type Candidate struct {
	Label     string // its name
	Algorithm model.Local
	Jobs      int // goroutines, 0 for all processors; never changes a result
}

// Name returns the label.
func (c Candidate) Name() string { return c.Label }

// Fit learns each series by itself; what it returns is a Fitted.
func (c Candidate) Fit(ctx context.Context, p sales.Panel) (sales.Fitted, error) {
	sold := p.Actuals().Series // the others are newcomers on the day they sell
	fits := make([]Fit, len(sold))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers(c.Jobs))
	for i, s := range sold {
		group.Go(func() error {
			fit, err := c.Algorithm.FitSeries(ctx, history(s))
			fits[i] = Fit{Key: s.Key, Model: c.Label, LocalFit: fit}
			if fault.Is(err, fault.Invalid) {
				fits[i], err = spare(ctx, s, err.Error())
			}
			if err != nil {
				return fmt.Errorf("fit %s to %s: %w", c.Label, p.Describe(s.Key), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return Fitted{Label: c.Label, Fits: fits, panel: p}, nil
}

func workers(jobs int) int {
	if jobs > 0 {
		return jobs
	}
	return runtime.GOMAXPROCS(0)
}

// history is what an algorithm sees of a series: up to the newest actual.
func history(s sales.Series) model.Series {
	return model.Series{Y: s.Target[:s.Actuals()], Season: s.Frequency.Season()}
}

// spare fits what answers where the algorithm cannot; why says for what reason.
func spare(ctx context.Context, s sales.Series, why string) (Fit, error) {
	fit, err := naive.Last{}.FitSeries(ctx, history(s))
	return Fit{Key: s.Key, Model: Spare, Warning: Spare + " answers: " + why, LocalFit: fit}, err
}

// Fit is the parameters for one series.
type Fit struct {
	Key     sales.Key
	Model   string // the algorithm that answers
	Warning string // why it is not the asked one
	model.LocalFit
}

// Fitted forecasts each series by its own parameters.
type Fitted struct {
	Label string
	Fits  []Fit // in the order of the keys
	panel sales.Panel
}

// Observe takes in new actuals without a refit.
func (f Fitted) Observe(p sales.Panel) (sales.Fitted, error) {
	f.panel = p
	return f, nil
}

// Forecast answers for the asked series.
func (f Fitted) Forecast(ctx context.Context, r sales.Request) ([]sales.Forecast, error) {
	return f.panel.ForecastEach(r, func(s sales.Series) (sales.Forecast, error) {
		fit, err := f.of(ctx, s)
		if err != nil {
			return sales.Forecast{}, err
		}
		path, err := fit.Forecast(ctx, r.Steps, history(s), nil)
		if err != nil {
			return sales.Forecast{}, fmt.Errorf("forecast %s by %s: %w", f.panel.Describe(s.Key), f.Label, err)
		}
		out := sales.Forecast{Key: s.Key, Origin: s.Origin(), Warnings: path.Warnings}
		if fit.Warning != "" {
			out.Warnings = append([]string{fit.Warning}, out.Warnings...)
		}
		for i, mean := range path.Mean {
			out.Points = append(out.Points, sales.Point{
				Period: s.Frequency.Add(out.Origin, i+1), Horizon: i + 1, Model: fit.Model, Mean: mean,
			})
		}
		return out, nil
	})
}

// of returns the fit of a series.
func (f Fitted) of(ctx context.Context, s sales.Series) (Fit, error) {
	i, ok := slices.BinarySearchFunc(f.Fits, s.Key, func(fit Fit, k sales.Key) int { return fit.Key.Compare(k) })
	if ok {
		return f.Fits[i], nil
	}
	return spare(ctx, s, "its sales came after the training, run `salesctl train`")
}
