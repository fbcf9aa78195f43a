package ets

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
	form      Form
	weights   weights
	start     states  // before the series' first period
	llf       float64 // 0 for a constant series, which has none
	sigma2    float64 // of the errors, or of the relative ones
	observed  int     // fitted periods that were observed
	converged bool
}

// rescale turns a fit to a series divided by scale into one to the series.
func (f *Fit) rescale(scale float64) {
	f.start.level *= scale
	if f.form.Trend == Additive {
		f.start.growth *= scale
	}
	if f.form.Season == Additive {
		for i := range f.start.season {
			f.start.season[i] *= scale
		}
	}
	if f.form.Error == Additive {
		f.sigma2 *= scale * scale
	}
	f.llf -= float64(f.observed) * math.Log(scale)
}

// aicc is Akaike's criterion for short series, +Inf where the series is too short
// for it.
func (f *Fit) aicc() float64 {
	n, k := float64(f.observed), float64(f.form.parameters(len(f.start.season)))
	if n-k-1 <= 0 {
		return math.Inf(1)
	}
	return -2*f.llf + 2*k + 2*k*(k+1)/(n-k-1)
}

// after returns the states behind a history.
func (f *Fit) after(y []float64) states {
	st := states{f.start.level, f.start.growth, slices.Clone(f.start.season)}
	f.form.run(f.weights, &st, y)
	return st
}

// Forecast answers for the h periods after s, whose first period is that of the
// fitted series. It does not use future.
func (f *Fit) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil {
		return model.Path{}, err
	}
	if h <= 0 {
		return model.Path{}, fault.New(fault.Usage, "ets: %d steps asked for, want at least 1", h)
	}
	if _, err := describe(s.Y, 1); err != nil {
		return model.Path{}, err
	}
	st := f.after(s.Y)
	path := model.Path{Mean: make([]float64, h)}
	for i := range path.Mean {
		path.Mean[i] = f.form.step(f.weights, &st, len(s.Y)+i, math.NaN())
		if math.IsNaN(path.Mean[i]) || math.IsInf(path.Mean[i], 0) {
			return model.Path{}, fault.New(fault.Invalid, "ets: the forecast of step %d by %v is beyond all numbers", i+1, f.form).
				WithHint("fit again with the newest periods, or ask for a model without multiplicative parts")
		}
	}
	if !f.converged {
		path.Warnings = []string{fmt.Sprintf("ets: the search for the parameters of %v stopped before it converged", f.form)}
	}
	return path, nil
}

// Form is the chosen member of the family.
func (f *Fit) Form() Form { return f.form }

// Figures are the form, its likelihood and AICc, and the smoothing parameters.
func (f *Fit) Figures() model.Figures {
	metrics := map[string]float64{"alpha": f.weights.alpha, "sigma2": f.sigma2, "log_likelihood": f.llf}
	if aicc := f.aicc(); !math.IsInf(aicc, 1) && f.sigma2 > 0 {
		metrics["aicc"] = aicc
	}
	if f.form.Trend != None {
		metrics["beta"] = f.weights.beta
	}
	if f.form.Season != None {
		metrics["gamma"] = f.weights.gamma
	}
	if f.form.Damped {
		metrics["phi"] = f.weights.phi
	}
	return model.Figures{Params: map[string]string{"form": f.form.String()}, Metrics: metrics}
}
