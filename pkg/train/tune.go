package train

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/tune"
)

// tune searches each space and puts the winner's parameters into the recipe.
func (t *training) tune(ctx context.Context) error {
	if len(t.Spaces) == 0 {
		return nil
	}
	score, err := scoreOf(t.Score)
	if err != nil {
		return err
	}
	ground, err := newGround(t.Panel.Until(t.report.Split), t.Folds)
	if err != nil {
		return err
	}
	ground.recipe, ground.score = t.Recipe, score
	ground.recipe.Jobs = 1 // the folds run side by side
	for _, space := range t.Spaces {
		spec := t.Recipe.Spec(space.Model)
		// A cancelled training finishes the candidates in hand, so that the
		// report ranks what was done.
		result, err := tune.Run(context.WithoutCancel(ctx), space.Grid, ground.scorer(spec), tune.Options{
			Folds: t.Folds, Jobs: t.Recipe.Jobs, Stop: ctx.Done(),
			Progress: func(p tune.Progress) { t.progress("tuning "+space.Model, p.Done, p.Total) },
		})
		t.report.Tunings = append(t.report.Tunings, Tuning{Model: space.Model, Result: result})
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", space.Model, err)
		}
		best := result.Best()
		if best == nil {
			return fault.New(fault.Failure, "no parameters of %s have a score", space.Model)
		}
		t.Recipe.Models = withParams(t.Recipe.Models, spec.Name, merged(spec.Params, best.Params))
	}
	return nil
}

// ground is where parameters are tried: the folds, whose trainings pick their
// rows from one frame, binned once for all candidates.
type ground struct {
	recipe pipeline.Recipe
	score  func(metrics.Scores) float64
	folds  []fold
}

// fold is the rows that a candidate learns from, and those that it is scored on.
type fold struct {
	train  model.Dataset
	valid  *model.Frame
	scale  []float64 // one a row of valid
	actual []float64 // one a row of valid
}

// newGround lays out the rows and the folds in time of the panel.
func newGround(p sales.Panel, folds int) (*ground, error) {
	encoder, _, err := features.Fit(p, features.Options{Set: features.Row})
	if err != nil {
		return nil, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return nil, err
	}
	start := p.Frequency.Steps(p.Start(), first(table).Period)
	n := p.Frequency.Steps(p.Start(), p.Origin()) + 1 - start
	cuts, err := tune.TimeFolds(n, folds, 0)
	if err != nil {
		return nil, err
	}
	periods := make([]int, len(table.Index))
	for i, at := range table.Index {
		periods[i] = p.Frequency.Steps(p.Start(), at.Period) - start
	}
	g := &ground{}
	for _, cut := range cuts {
		_, valid := cut.Split(periods)
		f := validOn(table, valid)
		from := p.Frequency.Add(p.Start(), start+cut.From)
		f.train = table.Where(func(at features.Index) bool { return at.Period < from })
		g.folds = append(g.folds, f)
	}
	return g, nil
}

// validOn copies the rows out of the table, so that every candidate is asked for
// them alone.
func validOn(t features.Table, rows []int32) fold {
	f := fold{
		valid: model.NewFrame(t.X.Names, t.X.Kinds, len(rows)),
		scale: make([]float64, len(rows)), actual: make([]float64, len(rows)),
	}
	x := make([]float32, t.X.Width())
	for i, r := range rows {
		t.X.Row(x, int(r))
		f.valid.SetRow(i, x)
		f.scale[i], f.actual[i] = t.Scale[r], t.Actual[r]
	}
	return f
}

// first returns the earliest row that can be learnt from.
func first(t features.Table) features.Index {
	out := t.Index[t.Learn[0]]
	for _, r := range t.Learn {
		if t.Index[r].Period < out.Period {
			out = t.Index[r]
		}
	}
	return out
}

// scorer returns the function that tries parameters of one model.
func (g *ground) scorer(spec model.Spec) tune.ScoreFunc {
	return func(ctx context.Context, params map[string]any, fold int) (float64, error) {
		learner, err := g.recipe.Learner(spec.Name, merged(spec.Params, params))
		if err != nil {
			return 0, err
		}
		f := g.folds[fold]
		fitted, err := learner.Fit(ctx, f.train, model.Dataset{})
		if err != nil {
			return 0, err
		}
		forecast := make([]float64, f.valid.Len())
		if err := fitted.Predict(forecast, f.valid); err != nil {
			return 0, err
		}
		for i := range forecast {
			forecast[i] *= f.scale[i]
		}
		return g.score(metrics.Score(f.actual, forecast, nil)), nil
	}
}

func merged(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, over)
	return out
}

// withParams returns the models with the parameters of one replaced.
func withParams(models []model.Spec, name string, params map[string]any) []model.Spec {
	out := slices.Clone(models)
	for i := range out {
		if out[i].Name == name {
			out[i].Params = params
		}
	}
	return out
}

// Scores lists what tuning can minimise.
func Scores() []string { return []string{"mse", "rmse", "mae", "mape", "wape"} }

func scoreOf(name string) (func(metrics.Scores) float64, error) {
	switch name {
	case "", "mse":
		return func(s metrics.Scores) float64 { return s.MSE }, nil
	case "rmse":
		return func(s metrics.Scores) float64 { return s.RMSE }, nil
	case "mae":
		return func(s metrics.Scores) float64 { return s.MAE }, nil
	case "mape":
		return func(s metrics.Scores) float64 { return s.MAPE }, nil
	case "wape":
		return func(s metrics.Scores) float64 { return s.WAPE }, nil
	}
	return nil, fault.New(fault.Usage, "unknown score %q, want one of %v", name, Scores())
}
