package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/plot"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/train"
)

// plotOptions are the flags that all pictures have.
type plotOptions struct {
	model string
	out   string
	by    string
}

// picture is a figure and the numbers that it was drawn from.
type picture struct {
	figure  *plot.Figure
	numbers table
}

// newPlot makes `salesctl plot` and what is below it.
func newPlot(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plot",
		Short:   "Draw sales, forecasts and what the models do: terminal, PNG or SVG",
		GroupID: groupLook,
		Example: `  salesctl plot forecast --store 1
  salesctl plot series --store 1,2 --out series.svg
  salesctl plot importance --model gbt --out importance.png`,
	}
	cmd.AddCommand(newPlotSeries(a), newPlotForecast(a), newPlotPredicted(a), newPlotResiduals(a), newPlotImportance(a), newPlotLearning(a))
	return cmd
}

// pictureCommand is what the commands below plot have in common: draw makes the
// picture, which goes to the terminal, to --out or, as its numbers, to -o.
func (o *plotOptions) pictureCommand(a *app, cmd *cobra.Command, draw func(context.Context, *config.Settings) (picture, error)) *cobra.Command {
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := a.drawable(o.out); err != nil {
			return err
		}
		s, err := a.settings(cmd)
		if err != nil {
			return err
		}
		p, err := draw(cmd.Context(), s)
		if err != nil {
			return err
		}
		if o.out != "" {
			if err := a.draw(cmd.Context(), o.out, p.figure); err != nil {
				return err
			}
		}
		switch {
		case a.forPrograms():
			return a.render(p.numbers)
		case o.out == "":
			return p.figure.Write(a.stdout, plot.Text, plot.Options{Color: a.color(a.stdout)})
		}
		return nil
	}
	cmd.Flags().StringVar(&o.out, "out", "", "draw it into `FILE` (.png, .svg or .txt) instead of the terminal")
	return cmd
}

func newPlotPredicted(a *app) *cobra.Command {
	o := plotOptions{model: pipeline.Mean}
	return o.scoredCommand(a, &cobra.Command{
		Use:   "predicted",
		Short: "Draw what was predicted against what came",
		Example: `  salesctl plot predicted
  salesctl plot predicted --model gbt --out predicted.svg
  salesctl plot predicted --json`,
	}, train.PredictedActual)
}

func newPlotResiduals(a *app) *cobra.Command {
	o := plotOptions{model: pipeline.Mean}
	return o.scoredCommand(a, &cobra.Command{
		Use:   "residuals",
		Short: "Draw how often the predictions were wrong by how much",
		Example: `  salesctl plot residuals
  salesctl plot residuals --model arima --out residuals.png
  salesctl plot residuals --json`,
	}, train.Residuals)
}

// scoredCommand draws the rows of the last fifth, one period ahead, as train scores
// them: the models have not seen them.
func (o *plotOptions) scoredCommand(a *app, cmd *cobra.Command, figure func([]evaluate.Row, string) (*plot.Figure, error)) *cobra.Command {
	cmd.Long = cmd.Short + `: the model is trained on the first four fifths of the
data and predicts the last one, a period at a time, as ` + "`salesctl train`" + ` scores it.`
	o.pictureCommand(a, cmd, func(ctx context.Context, s *config.Settings) (picture, error) {
		r, err := a.withModel(s, o.model)
		if err != nil {
			return picture{}, err
		}
		data, err := a.panel(ctx, s)
		if err != nil {
			return picture{}, err
		}
		result, err := train.OneStep(ctx, data, r, o.model)
		if err != nil {
			return picture{}, err
		}
		f, err := figure(result.Rows, o.model)
		return picture{f, scoredTable(result, o.model)}, err
	})
	cmd.Flags().StringVar(&o.model, "model", o.model, "the `MODEL` that predicts")
	return cmd
}

// withModel is the settings' recipe with the model in it, whether train makes it
// or not.
func (a *app) withModel(s *config.Settings, name string) (pipeline.Recipe, error) {
	if err := knownModel(name); err != nil {
		return pipeline.Recipe{}, err
	}
	if !slices.Contains(s.Train.Models, name) && !slices.Equal(s.Train.Models, []string{allModels}) {
		s.Train.Models = append(slices.Clone(s.Train.Models), name)
	}
	return recipe(s)
}

// scoredTable shows a line a row of the model, which others were scored beside.
func scoredTable(r evaluate.Result, model string) table {
	t := table{Thing: "plot-rows", Columns: columns("model", "key", "date", "actual", "predicted", "residual"), Warnings: r.Warnings}
	for _, row := range r.Rows {
		if row.Model == model {
			t.Rows = append(t.Rows, []any{row.Model, row.Key.String(), row.Date, row.Actual, row.Forecast, row.Forecast - row.Actual})
		}
	}
	return t
}

// measures are how importance is measured, by name: the axis, and the number.
func measures() map[string]struct {
	axis string
	of   func(pipeline.FeatureWorth) float64
} {
	return map[string]struct {
		axis string
		of   func(pipeline.FeatureWorth) float64
	}{
		"gain":        {"share of the gain", func(f pipeline.FeatureWorth) float64 { return f.Gain }},
		"cover":       {"share of the cover", func(f pipeline.FeatureWorth) float64 { return f.Cover }},
		"permutation": {"rise of the mean absolute error", func(f pipeline.FeatureWorth) float64 { return f.Permutation.Mean }},
	}
}

func newPlotImportance(a *app) *cobra.Command {
	var o plotOptions
	cmd := o.pictureCommand(a, &cobra.Command{
		Use:   "importance",
		Short: "Draw what the features are worth to the champion's regressors",
		Long: `Draw what the features are worth to a regressor of the champion, by one of three
measures: gain, their share of what all splits brought; cover, their share of the
weight of rows that splits sent on; permutation, by how much the mean absolute
error rises when the feature's values are shuffled among the newest rows, from
which the model may have learnt.`,
		Example: `  salesctl plot importance
  salesctl plot importance --model gbt --by permutation
  salesctl plot importance --out importance.png --json`,
	}, func(ctx context.Context, s *config.Settings) (picture, error) { return o.importance(ctx, a, s) })
	cmd.Flags().StringVar(&o.model, "model", "", "the regressor, `MODEL`; without it the champion's first")
	cmd.Flags().StringVar(&o.by, "by", "gain", "the measure: `gain|cover|permutation`")
	return cmd
}

// importance draws the champion's.
func (o *plotOptions) importance(ctx context.Context, a *app, s *config.Settings) (picture, error) {
	measure, ok := measures()[o.by]
	if !ok {
		return picture{}, fault.New(fault.Usage, "--by is %q", o.by).WithHint("give gain, cover or permutation")
	}
	if o.model != "" {
		if err := knownModel(o.model); err != nil {
			return picture{}, err
		}
	}
	data, err := a.panel(ctx, s)
	if err != nil {
		return picture{}, err
	}
	c, err := a.champion(ctx, s)
	if err != nil {
		return picture{}, err
	}
	var worths []pipeline.Worth
	if o.by == "permutation" {
		worths, err = c.Permutations(ctx, data, s.Train.Jobs)
	} else {
		worths, err = c.Importances()
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return picture{}, err
	}
	w, err := o.pick(worths)
	if err != nil {
		return picture{}, err
	}
	if slices.ContainsFunc(w.Features, func(f pipeline.FeatureWorth) bool { return math.IsNaN(measure.of(f)) }) {
		return picture{}, fault.New(fault.Usage, "%s does not tell the %s of its features", w.Model, o.by).
			WithHint("--by permutation measures any model")
	}
	f, err := train.Importances(w, measure.axis, measure.of)
	t := table{Thing: "importance", Meta: newMeta(c, data), Columns: []column{{Name: "model"}, {Name: "feature"}, {Name: o.by, Places: 6}}}
	for _, feature := range w.Features {
		t.Rows = append(t.Rows, []any{w.Model, feature.Feature, measure.of(feature)})
	}
	return picture{f, t}, err
}

// pick returns the asked regressor's.
func (o *plotOptions) pick(worths []pipeline.Worth) (pipeline.Worth, error) {
	var names []string
	for _, w := range worths {
		if o.model == "" || w.Model == o.model {
			return w, nil
		}
		names = append(names, w.Model)
	}
	return pipeline.Worth{}, fault.New(fault.NotFound, "the champion has no regressor %s", o.model).WithHint("it has: %s", strings.Join(names, ", "))
}

func newPlotLearning(a *app) *cobra.Command {
	o := plotOptions{model: "gbt"}
	cmd := o.pictureCommand(a, &cobra.Command{
		Use:   "learning",
		Short: "Draw how a model's error falls from tree to tree",
		Long: `Draw the learning curve of a model that grows tree by tree: its root mean squared
error after each tree, on the first four fifths of the data, which it learns from,
and on the last fifth, which it does not.`,
		Example: `  salesctl plot learning
  salesctl plot learning --model rf --out learning.png
  salesctl plot learning --json`,
	}, func(ctx context.Context, s *config.Settings) (picture, error) { return o.learning(ctx, a, s) })
	cmd.Flags().StringVar(&o.model, "model", o.model, "the `MODEL` to follow")
	return cmd
}

func (o *plotOptions) learning(ctx context.Context, a *app, s *config.Settings) (picture, error) {
	r, err := a.withModel(s, o.model)
	if err != nil {
		return picture{}, err
	}
	data, err := a.panel(ctx, s)
	if err != nil {
		return picture{}, err
	}
	curve, err := learningCurve(ctx, r, data, o.model)
	if err != nil {
		return picture{}, err
	}
	f, err := train.Learning(curve)
	t := table{Thing: "learning", Columns: columns("model", "trees", "train_rmse", "valid_rmse")}
	for i := range curve.Train {
		t.Rows = append(t.Rows, []any{curve.Model, i + 1, curve.Train[i], curve.Valid[i]})
	}
	return picture{f, t}, err
}

// learningCurve trains that model alone.
func learningCurve(ctx context.Context, r pipeline.Recipe, data sales.Panel, name string) (pipeline.LearningCurve, error) {
	from, err := train.Tested(data)
	if err != nil {
		return pipeline.LearningCurve{}, err
	}
	curves, err := r.LearningCurves(ctx, data.Actuals(), from, name)
	if err != nil {
		return pipeline.LearningCurve{}, err
	}
	if len(curves) == 0 {
		return pipeline.LearningCurve{}, fault.New(fault.Usage, "%s does not grow tree by tree", name).
			WithHint("these do: rf, extra_trees, gbt")
	}
	return curves[0], nil
}
