package train

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/plot"
)

// shownFeatures is how many features a picture of importances lists.
const shownFeatures = 20

// PredictedActual draws what a model forecast over what came.
func PredictedActual(rows []evaluate.Row, model string) (*plot.Figure, error) {
	actual, forecast, err := scored(rows, model)
	if err != nil {
		return nil, err
	}
	return plot.Scatter(model+": predicted against actual", "actual", "predicted", plot.Line{Name: model, X: actual, Y: forecast})
}

// residualBins is how many bars a picture of residuals has.
const residualBins = 24

// Residuals draws how often a model was wrong by how much: forecast minus actual.
func Residuals(rows []evaluate.Row, model string) (*plot.Figure, error) {
	actual, forecast, err := scored(rows, model)
	if err != nil {
		return nil, err
	}
	for i := range forecast {
		forecast[i] -= actual[i]
	}
	return plot.Histogram(model+": residuals", "predicted minus actual", forecast, residualBins)
}

// scored returns the rows that a model answered.
func scored(rows []evaluate.Row, model string) (actual, forecast []float64, err error) {
	for _, r := range rows {
		if r.Model == model && !math.IsNaN(r.Forecast-r.Actual) {
			actual, forecast = append(actual, r.Actual), append(forecast, r.Forecast)
		}
	}
	if len(actual) == 0 {
		return nil, nil, fault.New(fault.NotFound, "there is no scored row of %s to draw", model)
	}
	return actual, forecast, nil
}

// Importances draws what the features are worth to a model, the largest first. of
// picks the measure, by is its name.
func Importances(w pipeline.Worth, by string, of func(pipeline.FeatureWorth) float64) (*plot.Figure, error) {
	features := slices.Clone(w.Features)
	slices.SortStableFunc(features, func(a, b pipeline.FeatureWorth) int { return cmp.Compare(of(b), of(a)) })
	var bars []plot.Bar
	for _, f := range features[:min(len(features), shownFeatures)] {
		bars = append(bars, plot.Bar{Name: f.Feature, Value: of(f)})
	}
	return plot.Bars(w.Model+": what the features are worth", by, bars)
}

// Learning draws how a model's error falls from tree to tree.
func Learning(c pipeline.LearningCurve) (*plot.Figure, error) {
	trees := make([]float64, len(c.Train))
	for i := range trees {
		trees[i] = float64(i + 1)
	}
	return plot.Curves(c.Model+": learning curve", "trees", "RMSE",
		plot.Line{Name: "training", X: trees, Y: c.Train}, plot.Line{Name: "validation", X: trees, Y: c.Valid})
}

// figures adds the pictures of a finished training to its record, as PNG and SVG.
func (t *training) figures(ctx context.Context, r *record.Record) error {
	p, err := pipeline.Open(bytes.NewReader(t.report.File), int64(len(t.report.File)))
	if err != nil || len(p.Info().Regressors) == 0 {
		return err
	}
	answering := p.Info().Regressors[0]
	if slices.ContainsFunc(t.report.OneStep.Rows, func(r evaluate.Row) bool { return r.Model == pipeline.Mean }) {
		answering = pipeline.Mean
	}
	a := album{record: r}
	a.add(prefix(answering)+"_predicted_vs_actual", func() (*plot.Figure, error) { return PredictedActual(t.report.OneStep.Rows, answering) })
	a.add(prefix(answering)+"_residuals", func() (*plot.Figure, error) { return Residuals(t.report.OneStep.Rows, answering) })
	worths, err := p.Importances()
	if err != nil {
		return err
	}
	for _, w := range worths {
		if math.IsNaN(w.Features[0].Gain) {
			continue
		}
		a.add(prefix(w.Model)+"_importance", func() (*plot.Figure, error) {
			return Importances(w, "share of the gain", func(f pipeline.FeatureWorth) float64 { return f.Gain })
		})
	}
	curves, err := t.Recipe.LearningCurves(ctx, t.Panel, t.Panel.Frequency.Add(t.report.Split, 1))
	if err != nil {
		return err
	}
	for _, c := range curves {
		a.add(prefix(c.Model)+"_learning_curve", func() (*plot.Figure, error) { return Learning(c) })
	}
	return a.err
}

// album collects pictures until the first error.
type album struct {
	record *record.Record
	err    error
}

func (a *album) add(name string, draw func() (*plot.Figure, error)) {
	if a.err != nil {
		return
	}
	figure, err := draw()
	if err != nil {
		a.err = err
		return
	}
	for _, format := range []plot.Format{plot.PNG, plot.SVG} {
		var b bytes.Buffer
		if a.err = figure.Write(&b, format, plot.Options{}); a.err != nil {
			return
		}
		a.record.Files = append(a.record.Files, record.File{Path: "plots/" + name + "." + string(format), Data: b.Bytes()})
	}
}
