package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// parameters are what was tried for each model beside plain train's other
// parameters, on the product's rows. Plain train has those of the least WAPE.
// Boosting is not tried with two levels: no more than two features could meet there,
// which is enough for the sample and too little to be a default.
func parameters() []model.Spec {
	type params = map[string]any
	var all []model.Spec
	for _, share := range []float64{0.4, 0.6} {
		for _, leaf := range []int{3, 5, 10, 20} {
			all = append(all, model.Spec{Name: "rf", Params: params{"max_features": share, "min_samples_leaf": leaf}})
		}
	}
	for _, share := range []float64{0.5, 0.8} {
		for _, leaf := range []int{3, 5, 10, 20} {
			all = append(all, model.Spec{Name: "extra_trees", Params: params{"max_features": share, "min_samples_leaf": leaf}})
		}
	}
	for _, depth := range []int{3, 4, 5, 6} {
		for _, weight := range []int{10, 20, 40, 80} {
			all = append(all, model.Spec{Name: "gbt", Params: params{"max_depth": depth, "min_child_weight": weight}})
		}
	}
	return all
}

// compareChoices prints the scores, on folds in time of the rows that are not
// tested, of each basis with the groups of features that go with it under the
// learners' own defaults, of each model under each of its parameters, and of what
// plain training makes.
func compareChoices(ctx context.Context, out io.Writer, p sales.Panel, held rowFilter) error {
	plain, err := plainRecipe()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, "WAPE %, fold by fold from the week above it on, and the means of the folds' scores")
	foldHeader(out, "basis, learners' own parameters", p, held)
	var g ground
	for _, basis := range []features.Basis{features.Raw, features.Level, features.Seasonal} {
		if g, err = newGround(p, held, plain, features.Options{Basis: basis}); err != nil {
			return err
		}
		var own []model.Spec
		for _, s := range plain.Models {
			own = append(own, model.Spec{Name: s.Name, Params: map[string]any{}})
		}
		if err := g.printAll(ctx, out, string(basis)+" ", own); err != nil {
			return err
		}
	}
	foldHeader(out, "parameters, basis "+string(features.Seasonal), p, held)
	for _, s := range parameters() {
		words, err := json.Marshal(s.Params)
		if err != nil {
			return err
		}
		whole := maps.Clone(plain.Spec(s.Name).Params)
		maps.Copy(whole, s.Params)
		f, err := g.forecast(ctx, model.Spec{Name: s.Name, Params: whole})
		if err != nil {
			return err
		}
		g.score(f).print(out, s.Name+" "+string(words))
	}
	foldHeader(out, "as plain training makes them", p, held)
	return g.compareAll(ctx, out, p, plain.Models)
}

// compareAll prints what plain training makes, and what else could answer in the
// place of the mean of forest and boosting, compared with it on the same weeks:
// extremely randomized trees, alone and in the forest's place, and logarithms.
func (g ground) compareAll(ctx context.Context, out io.Writer, p sales.Panel, specs []model.Spec) error {
	all, err := g.forecastAll(ctx, specs)
	if err != nil {
		return err
	}
	for _, name := range ours() {
		g.score(all[name]).print(out, name)
	}
	other, err := newGround(p, g.held, g.recipe, features.Options{Basis: features.Seasonal, Target: features.Log})
	if err != nil {
		return err
	}
	logs, err := other.forecastAll(ctx, specs)
	if err != nil {
		return err
	}
	mean := g.weekly(all[pipeline.Mean])
	_, _ = fmt.Fprintf(out, "\nby how much the WAPE over all rows is above that of %s, with its standard error over the weeks\n", pipeline.Mean)
	for _, o := range []struct {
		label string
		said  forecasts
	}{
		{"extra_trees", all["extra_trees"]},
		{"mean of extra_trees and gbt", all["extra_trees"].and(all["gbt"])},
		{pipeline.Mean + " of logarithms", logs[pipeline.Mean]},
	} {
		more, se := g.weekly(o.said).over(mean)
		_, _ = fmt.Fprintf(out, "%-60s %+10.3f ± %.3f\n", o.label, more, se)
	}
	return nil
}

// printAll prints a line for each regressor and each mean.
func (g ground) printAll(ctx context.Context, out io.Writer, label string, specs []model.Spec) error {
	all, err := g.forecastAll(ctx, specs)
	if err != nil {
		return err
	}
	for _, name := range ours() {
		g.score(all[name]).print(out, label+name)
	}
	return nil
}
