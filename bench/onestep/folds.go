package main

import (
	"context"
	"fmt"
	"io"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// fold is what to learn from, and what to predict.
type fold struct {
	from        sales.Period // the first predicted week
	weeks       int
	train, test rowFilter
}

// cut makes folds of the rows that are not held out: ten or eleven weeks each,
// after all the weeks before them.
func cut(p sales.Panel, held rowFilter) []fold {
	weeks := []int{72, 82, 92, 103, 114}
	var folds []fold
	for f := range len(weeks) - 1 {
		from, to := p.Frequency.Add(p.Start(), weeks[f]), p.Frequency.Add(p.Start(), weeks[f+1])
		folds = append(folds, fold{
			from:  from,
			weeks: weeks[f+1] - weeks[f],
			train: func(k sales.Key, w sales.Period) bool { return w < from && !held(k, w) },
			test:  func(k sales.Key, w sales.Period) bool { return w >= from && w < to && !held(k, w) },
		})
	}
	return folds
}

// ground is the folds of a panel with the rows that one set of options makes.
type ground struct {
	recipe pipeline.Recipe
	held   rowFilter
	folds  []table
}

// table is the rows of one fold.
type table struct {
	features.Table
	train, test features.Filter
	actual      []float64 // of the test rows, in dollars
}

// newGround makes the rows of every fold. Each encoder sees its fold's training
// rows alone.
func newGround(p sales.Panel, held rowFilter, r pipeline.Recipe, o features.Options) (ground, error) {
	g := ground{recipe: r, held: held}
	for _, f := range cut(p, held) {
		at := func(rows rowFilter) features.Filter {
			return func(i features.Index) bool { return rows(p.Series[i.Series].Key, i.Period) }
		}
		t := table{train: at(f.train), test: at(f.test), actual: actuals(p, f.test)}
		o.Rows = t.train
		encoder, _, err := features.Fit(p, o)
		if err != nil {
			return g, err
		}
		if t.Table, err = encoder.Transform(p); err != nil {
			return g, err
		}
		g.folds = append(g.folds, t)
	}
	return g, nil
}

// forecasts are a model's predictions in dollars, one slice a fold, by key and
// then period.
type forecasts [][]float64

// and returns the mean of two models.
func (f forecasts) and(o forecasts) forecasts {
	var out forecasts
	for i := range f {
		out = append(out, meanOf(f[i], o[i]))
	}
	return out
}

// forecast trains one model on each fold.
func (g ground) forecast(ctx context.Context, s model.Spec) (forecasts, error) {
	learner, err := g.recipe.Learner(s.Name, s.Params)
	if err != nil {
		return nil, err
	}
	var out forecasts
	for _, t := range g.folds {
		fitted, err := learner.Fit(ctx, t.Where(t.train), model.Dataset{})
		if err != nil {
			return nil, err
		}
		said := make([]float64, t.X.Len())
		if err := fitted.Predict(said, t.X); err != nil {
			return nil, err
		}
		var dollars []float64
		for r, at := range t.Index {
			if t.test(at) {
				dollars = append(dollars, t.Target.Undo(said[r], t.Scale[r]))
			}
		}
		out = append(out, dollars)
	}
	return out, nil
}

// forecastAll trains the regressors and adds the mean of forest and boosting.
func (g ground) forecastAll(ctx context.Context, specs []model.Spec) (map[string]forecasts, error) {
	out := map[string]forecasts{}
	for _, s := range specs {
		f, err := g.forecast(ctx, s)
		if err != nil {
			return nil, err
		}
		out[s.Name] = f
	}
	parts := pipeline.MeanOf(pipeline.Mean)
	out[pipeline.Mean] = out[parts[0]].and(out[parts[1]])
	return out, nil
}

// foldScores are a model's scores, fold by fold and their mean.
type foldScores struct {
	folds []metrics.Scores
	mean  metrics.Scores // MAPE, WAPE and RMSE only
}

// score compares a model's predictions with what came.
func (g ground) score(f forecasts) foldScores {
	var s foldScores
	share := 1 / float64(len(g.folds))
	for i, t := range g.folds {
		fold := metrics.Score(t.actual, f[i], nil)
		s.folds = append(s.folds, fold)
		s.mean.MAPE += fold.MAPE * share
		s.mean.WAPE += fold.WAPE * share
		s.mean.RMSE += fold.RMSE * share
	}
	return s
}

// foldHeader prints the folds' first weeks above their scores.
func foldHeader(out io.Writer, title string, p sales.Panel, held rowFilter) {
	_, _ = fmt.Fprintf(out, "\n%-60s", title)
	for _, f := range cut(p, held) {
		_, _ = fmt.Fprintf(out, " %10s", f.from)
	}
	_, _ = fmt.Fprintf(out, " %8s %8s %8s\n", "MAPE %", "WAPE %", "RMSE $")
}

// print prints a line of them.
func (s foldScores) print(out io.Writer, label string) {
	_, _ = fmt.Fprintf(out, "%-60s", label)
	for _, fold := range s.folds {
		_, _ = fmt.Fprintf(out, " %10.3f", fold.WAPE)
	}
	_, _ = fmt.Fprintf(out, " %8.3f %8.3f %8.0f\n", s.mean.MAPE, s.mean.WAPE, s.mean.RMSE)
}
