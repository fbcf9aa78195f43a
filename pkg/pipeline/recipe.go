package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/local"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/catalog"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The names under which a pipeline answers, beside those of the catalogue.
const (
	Auto = "auto"        // the choice by horizon
	Mean = "rf_gbt_mean" // the mean of forest and boosting
	// Default is what Auto stands for where no backtest made a choice.
	Default = "arima"
)

// MeanOf lists the regressors of a mean, in the order in which they are added;
// none for any other name.
func MeanOf(name string) []string {
	if name == Mean {
		return []string{"rf", "gbt"}
	}
	return nil
}

// always lists the forecasters that every pipeline has.
func always() []string {
	return []string{Default, "seasonal_naive_growth", "seasonal_naive", "naive"}
}

// Models returns every name that a Recipe and a backtest can ask for.
func Models() []string {
	return slices.Concat(catalog.Learners(), []string{Mean}, catalog.Locals())
}

// Recipe says what a pipeline is made of.
type Recipe struct {
	Models   []model.Spec     // at most one a name; what every pipeline has need not be listed
	Features features.Options // what regressors see and learn, in either set
	Seed     uint64
	Jobs     int // goroutines, 0 for all processors; never changes a result
	// Progress, where it is not nil, is told how many parts of how many Train
	// has trained.
	Progress func(done, total int)
}

// Spec returns the named model's parameters, without any where the recipe does
// not list it.
func (r Recipe) Spec(name string) model.Spec {
	for _, s := range r.Models {
		if s.Name == name {
			return s
		}
	}
	return model.Spec{Name: name}
}

// regressors returns the learners from rows that the recipe lists, in the order
// of the catalogue.
func (r Recipe) regressors() []string {
	return slices.DeleteFunc(catalog.Learners(), func(name string) bool {
		return !slices.ContainsFunc(r.Models, func(s model.Spec) bool { return s.Name == name })
	})
}

// forecasters returns the names of all that the pipeline forecasts by.
func (r Recipe) forecasters() []string {
	names := always()
	for _, s := range r.Models {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	if hasMean(r.regressors()) {
		names = append(names, Mean)
	}
	return names
}

// hasMean reports whether all the parts of the mean are there.
func hasMean(regressors []string) bool {
	return !slices.ContainsFunc(MeanOf(Mean), func(name string) bool { return !slices.Contains(regressors, name) })
}

// Forecasters returns what can be backtested over several steps: each model sees
// keys, the calendar and the past. Names picks among them, in the recipe's order;
// none picks all.
func (r Recipe) Forecasters(names ...string) ([]sales.Candidate, error) {
	return r.candidates(names, features.Ahead)
}

// OneStep returns what can be compared one step ahead, where models that learn
// from rows also see the columns of the period itself. Names picks among them, in
// the recipe's order; none picks all.
func (r Recipe) OneStep(names ...string) ([]sales.Candidate, error) {
	return r.candidates(names, features.Row)
}

// picked returns the forecasters of those names, all for none.
func (r Recipe) picked(names []string) ([]string, error) {
	all := r.forecasters()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fault.New(fault.Usage, "the recipe makes no model %q", name).WithHint("it makes %s", strings.Join(all, ", "))
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return !slices.Contains(names, name) }), nil
}

// candidates builds the named candidates; those that learn from rows share a
// trainer.
func (r Recipe) candidates(names []string, set features.Set) ([]sales.Candidate, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	picked, err := r.picked(names)
	if err != nil {
		return nil, err
	}
	shared, err := r.trainer(set)
	if err != nil {
		return nil, err
	}
	var out []sales.Candidate
	for _, name := range picked {
		switch {
		case slices.Contains(catalog.Locals(), name):
			algorithm, err := catalog.Local(r.Spec(name))
			if err != nil {
				return nil, err
			}
			out = append(out, local.Candidate{Label: name, Algorithm: algorithm, Jobs: r.Jobs})
		default:
			shared.shares++
			out = append(out, treeCandidate{name: name, trainer: shared})
		}
	}
	return out, nil
}

// Learner returns the named learner from rows as the recipe configures it, with
// other parameters in place of its own where they are given.
func (r Recipe) Learner(name string, params map[string]any) (model.Learner, error) {
	spec := r.Spec(name)
	if params != nil {
		spec.Params = params
	}
	return catalog.Learner(spec, catalog.Build{Seed: r.Seed, Jobs: r.Jobs})
}

func (r Recipe) trainer(set features.Set) (*trainer, error) {
	t := &trainer{features: r.Features, names: r.regressors()}
	t.features.Set = set
	for _, name := range t.names {
		learner, err := r.Learner(name, nil)
		if err != nil {
			return nil, err
		}
		t.learners = append(t.learners, learner)
	}
	return t, nil
}

// Check refuses names and parameters that the catalogue does not know.
func (r Recipe) Check() error {
	for i, s := range r.Models {
		if slices.ContainsFunc(r.Models[:i], func(o model.Spec) bool { return o.Name == s.Name }) {
			return fault.New(fault.Usage, "model %s is listed twice", s.Name)
		}
		if slices.Contains(catalog.Locals(), s.Name) {
			if _, err := catalog.Local(s); err != nil {
				return err
			}
			continue
		}
		if _, err := catalog.Learner(s, catalog.Build{}); err != nil {
			return err
		}
	}
	return nil
}

// treeCandidate forecasts by regressors, step by step: each forecast becomes
// history for the next.
type treeCandidate struct {
	name    string
	trainer *trainer
}

// Name returns the name of the regressor, or of their mean.
func (c treeCandidate) Name() string { return c.name }

// Fit trains the regressors, once for all candidates that share them.
func (c treeCandidate) Fit(ctx context.Context, p sales.Panel) (sales.Fitted, error) {
	t, err := c.trainer.fit(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return newTreeFitted(c.name, t, p), nil
}

// treeFitted forecasts by the mean of some regressors. Every step takes the mean
// on, so that the models of a mean do not drift apart.
type treeFitted struct {
	name  string
	use   []int // which of the regressors answer
	trees *trees
	panel sales.Panel
}

func newTreeFitted(name string, t *trees, p sales.Panel) treeFitted {
	f := treeFitted{name: name, trees: t, panel: p}
	for i, n := range t.names {
		if n == name || slices.Contains(MeanOf(name), n) {
			f.use = append(f.use, i)
		}
	}
	return f
}

// Observe takes in new actuals without a refit.
func (f treeFitted) Observe(p sales.Panel) (sales.Fitted, error) {
	f.panel = p
	return f, nil
}

// Forecast answers for the asked series.
func (f treeFitted) Forecast(ctx context.Context, r sales.Request) ([]sales.Forecast, error) {
	parts := make([]float64, len(f.trees.models))
	newest := f.panel.Origin()
	oldest := newest
	for _, s := range f.panel.Series {
		oldest = min(oldest, s.Origin())
	}
	chain := f.trees.encoder.Chain(f.panel, oldest, f.panel.Frequency.Add(newest, r.Steps))
	return f.panel.ForecastEach(r, func(s sales.Series) (sales.Forecast, error) {
		out := sales.Forecast{Key: s.Key, Origin: s.Origin()}
		// A copy: what is forecast becomes history for the next step, and others
		// read the panel.
		past := past{s.Slice(0, s.Actuals()).Extended(r.Steps), chain}
		for h := 1; h <= r.Steps; h++ {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			period := s.Frequency.Add(out.Origin, h)
			if err := f.trees.answer(parts, f.use, past, period, r.Known(s.Key, period)); err != nil {
				return out, err
			}
			mean := f.mean(parts)
			past.Target[past.Index(period)] = mean
			out.Points = append(out.Points, sales.Point{Period: period, Horizon: h, Model: f.name, Mean: mean})
		}
		return out, nil
	})
}

func (f treeFitted) mean(parts []float64) float64 {
	sum := 0.0
	for _, i := range f.use {
		sum += parts[i]
	}
	return sum / float64(len(f.use))
}
