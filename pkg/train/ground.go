package train

import (
	"context"
	"maps"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/tune"
)

// ground is where parameters are tried: the folds, the oldest first.
type ground struct {
	recipe pipeline.Recipe
	score  func(metrics.Scores) float64
	folds  []fold
}

// fold is what a candidate learns from, and what it is scored on. All candidates
// of all models share the frame of train, which is binned once.
type fold struct {
	learn  features.Table
	train  model.Dataset // the rows of learn
	valid  *model.Frame
	target features.Target
	scale  []float64 // one a row of valid
	actual []float64 // one a row of valid
}

// newGround lays out the folds in time of the panel.
func newGround(p sales.Panel, folds int, of features.Options) (*ground, error) {
	of.Set = features.Row
	encoder, _, err := features.Fit(p, of)
	if err != nil {
		return nil, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return nil, err
	}
	start := first(table).Period
	cuts, err := tune.TimeFolds(p.Frequency.Steps(start, p.Origin())+1, folds, 0)
	if err != nil {
		return nil, err
	}
	g := &ground{}
	for _, cut := range cuts {
		f, err := newFold(p, p.Frequency.Add(start, cut.From), p.Frequency.Add(start, cut.To), of)
		if err != nil {
			return nil, err
		}
		g.folds = append(g.folds, f)
	}
	return g, nil
}

// newFold makes the fold that validates on the periods from from up to but not
// with to. Encoder and bins know nothing from there on: they are the fold's own,
// since quantiles over later weeks would tell of those weeks' sales by the lags.
func newFold(p sales.Panel, from, to sales.Period, of features.Options) (fold, error) {
	past := p.Until(p.Frequency.Add(from, -1))
	encoder, _, err := features.Fit(past, of)
	if err != nil {
		return fold{}, err
	}
	learn, err := encoder.Transform(past)
	if err != nil {
		return fold{}, err
	}
	whole, err := encoder.Transform(p.Until(p.Frequency.Add(to, -1)))
	if err != nil {
		return fold{}, err
	}
	f := validOn(whole, func(at features.Index) bool { return at.Period >= from })
	f.learn, f.train = learn, learn.Dataset()
	return f, nil
}

// validOn copies the rows that the filter picks out of the table, so that every
// candidate is asked for them alone.
func validOn(t features.Table, picks features.Filter) fold {
	var rows []int
	for r, at := range t.Index {
		if picks(at) {
			rows = append(rows, r)
		}
	}
	f := fold{
		valid:  model.NewFrame(t.X.Names, t.X.Kinds, len(rows)),
		target: t.Target,
		scale:  make([]float64, len(rows)), actual: make([]float64, len(rows)),
	}
	x := make([]float32, t.X.Width())
	for i, r := range rows {
		t.X.Row(x, r)
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

// forecast trains the model on the fold and returns what it says of the fold's
// validation, one a row.
func (g *ground) forecast(ctx context.Context, name string, params map[string]any, f fold) ([]float64, error) {
	fitted, err := g.fit(ctx, name, params, f)
	if err != nil {
		return nil, err
	}
	return f.ask(fitted)
}

// fit trains the model on the fold.
func (g *ground) fit(ctx context.Context, name string, params map[string]any, f fold) (model.Regressor, error) {
	learner, err := g.recipe.Learner(name, params)
	if err != nil {
		return nil, err
	}
	return pipeline.Learn(ctx, learner, f.learn, f.train)
}

// ask returns what a model says of the validation, one a row.
func (f fold) ask(fitted model.Regressor) ([]float64, error) {
	forecast := make([]float64, f.valid.Len())
	if err := fitted.Predict(forecast, f.valid); err != nil {
		return nil, err
	}
	for i := range forecast {
		forecast[i] = f.target.Undo(forecast[i], f.scale[i])
	}
	return forecast, nil
}

// try is the score of the parameters on the fold.
func (g *ground) try(ctx context.Context, name string, params map[string]any, f fold) (float64, error) {
	forecast, err := g.forecast(ctx, name, params, f)
	if err != nil {
		return 0, err
	}
	return g.score(metrics.Score(f.actual, forecast, nil)), nil
}

func merged(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, over)
	return out
}
