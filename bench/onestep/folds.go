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

// choice is one way to make the models.
type choice struct {
	basis      features.Basis
	parameters string // in words
	recipe     pipeline.Recipe
}

// choices lists the bases under the learners' own defaults, and the basis of the
// product also under plain train's parameters.
func choices() ([]choice, error) {
	plain, err := plainRecipe()
	if err != nil {
		return nil, err
	}
	bare := pipeline.Recipe{Models: []model.Spec{{Name: "rf"}, {Name: "gbt"}}, Seed: plain.Seed, Jobs: plain.Jobs}
	return []choice{
		{features.Raw, "learners' own", bare},
		{features.Level, "learners' own", bare},
		{features.Seasonal, "learners' own", bare},
		{features.Seasonal, "plain train's", plain},
	}, nil
}

// fold is what to learn from, and what to predict.
type fold struct {
	from        sales.Period // the first predicted week
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
			train: func(k sales.Key, w sales.Period) bool { return w < from && !held(k, w) },
			test:  func(k sales.Key, w sales.Period) bool { return w >= from && w < to && !held(k, w) },
		})
	}
	return folds
}

// compareFolds prints the scores of each choice, fold by fold.
func compareFolds(ctx context.Context, out io.Writer, p sales.Panel, held rowFilter) error {
	all, err := choices()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%-9s %-14s %-11s %5s  %7s %8s  %7s %8s  %7s %7s %8s\n", "", "", "", "",
		"rf", "", "gbt", "", pipeline.Mean, "", "")
	_, _ = fmt.Fprintf(out, "%-9s %-14s %-11s %5s  %7s %8s  %7s %8s  %7s %7s %8s\n", "basis", "parameters", "from", "rows",
		"WAPE %", "RMSE $", "WAPE %", "RMSE $", "MAPE %", "WAPE %", "RMSE $")
	for _, c := range all {
		var sum foldScores
		folds := cut(p, held)
		for _, f := range folds {
			s, err := c.score(ctx, p, f)
			if err != nil {
				return err
			}
			s.print(out, c, f.from.String())
			sum.add(s, 1/float64(len(folds)))
		}
		sum.print(out, c, "mean")
	}
	return nil
}

// foldScores are the scores of both models and of their mean.
type foldScores struct{ rf, gbt, mean metrics.Scores }

// add adds a share of the scores.
func (s *foldScores) add(o foldScores, share float64) {
	for _, pair := range [][2]*metrics.Scores{{&s.rf, &o.rf}, {&s.gbt, &o.gbt}, {&s.mean, &o.mean}} {
		to, from := pair[0], pair[1]
		to.N += from.N
		to.MAPE += from.MAPE * share
		to.WAPE += from.WAPE * share
		to.RMSE += from.RMSE * share
	}
}

func (s foldScores) print(out io.Writer, c choice, from string) {
	_, _ = fmt.Fprintf(out, "%-9s %-14s %-11s %5d  %7.3f %8.0f  %7.3f %8.0f  %7.3f %7.3f %8.0f\n", c.basis, c.parameters, from, s.mean.N,
		s.rf.WAPE, s.rf.RMSE, s.gbt.WAPE, s.gbt.RMSE, s.mean.MAPE, s.mean.WAPE, s.mean.RMSE)
}

// score trains both models on a fold and scores them.
func (c choice) score(ctx context.Context, p sales.Panel, f fold) (foldScores, error) {
	at := func(rows rowFilter) features.Filter {
		return func(i features.Index) bool { return rows(p.Series[i.Series].Key, i.Period) }
	}
	encoder, _, err := features.Fit(p, features.Options{Basis: c.basis, Rows: at(f.train)})
	if err != nil {
		return foldScores{}, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return foldScores{}, err
	}
	var forecasts [][]float64
	for _, name := range pipeline.MeanOf(pipeline.Mean) {
		forecast, err := c.predict(ctx, name, table, at(f.train), at(f.test))
		if err != nil {
			return foldScores{}, err
		}
		forecasts = append(forecasts, forecast)
	}
	actual := actuals(p, f.test)
	return foldScores{
		rf:   metrics.Score(actual, forecasts[0], nil),
		gbt:  metrics.Score(actual, forecasts[1], nil),
		mean: metrics.Score(actual, mean(forecasts[0], forecasts[1]), nil),
	}, nil
}

// predict trains one model and returns its predictions of the test rows in
// dollars, by key and then period.
func (c choice) predict(ctx context.Context, name string, t features.Table, train, test features.Filter) ([]float64, error) {
	learner, err := c.recipe.Learner(name, nil)
	if err != nil {
		return nil, err
	}
	fitted, err := learner.Fit(ctx, t.Where(train), model.Dataset{})
	if err != nil {
		return nil, err
	}
	said := make([]float64, t.X.Len())
	if err := fitted.Predict(said, t.X); err != nil {
		return nil, err
	}
	var dollars []float64
	for r, at := range t.Index {
		if test(at) {
			dollars = append(dollars, said[r]*t.Scale[r])
		}
	}
	return dollars, nil
}
