package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Explanation tells what made a prediction: a mean answer, and what each feature
// brought. They sum to the prediction.
type Explanation struct {
	Key        sales.Key
	Period     sales.Period
	Model      string
	Mean       float64 // what the model answers where nothing is known of the row, in the target's unit
	Features   []Contribution
	Prediction float64
}

// Contribution is what one feature brought.
type Contribution struct {
	Feature string
	Value   float64 // of the row; NaN is missing
	Worth   float64 // in the target's unit
}

// Explain tells what made the answers of a regressor, or of the mean, for rows: its
// exact Shapley values (tree.Explainer) times the row's scale. The scale itself, by
// which the model's answer becomes a number in the target's unit, is no feature: it
// is part of all of them. Of the history it reads what Predict reads.
func (p *Pipeline) Explain(ctx context.Context, history sales.Panel, rows []sales.Row, name string) ([]Explanation, error) {
	if !slices.Contains(p.info.Regressors, name) && (!slices.Contains(Means(), name) || !hasMean(p.info.Regressors, name)) {
		return nil, p.unexplained(name)
	}
	in, err := p.Inputs(ctx, history, rows)
	if err != nil {
		return nil, err
	}
	t, err := p.rows()
	if err != nil {
		return nil, err
	}
	out := make([]Explanation, len(rows))
	for i, row := range rows {
		out[i] = Explanation{Key: row.Key, Period: row.Period, Model: name, Features: make([]Contribution, len(in.Features))}
		for c, feature := range t.encoder.Names() {
			out[i].Features[c] = Contribution{Feature: feature, Value: float64(in.X[i][c])}
		}
	}
	use := newTreeFitted(name, t, sales.Panel{}).use
	for _, m := range use {
		if err := t.contribute(out, m, in, 1/float64(len(use))); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unexplained is the error for a model that has no features, or that the pipeline
// lacks.
func (p *Pipeline) unexplained(name string) error {
	if _, ok := p.forecasters[name]; ok {
		return fault.New(fault.Usage, "%s learns from one series: it has no features to explain", name).
			WithHint("these have: %v", p.info.Regressors)
	}
	return p.lacks(name)
}

// contribute adds a share of what a regressor makes of the rows.
func (t *trees) contribute(out []Explanation, m int, in Inputs, share float64) error {
	contributor, ok := t.models[m].(model.Contributor)
	if !ok {
		return fault.New(fault.Usage, "%s cannot tell what its features bring", t.names[m])
	}
	x := model.NewFrame(t.encoder.Names(), t.encoder.Kinds(), len(in.X))
	for i, row := range in.X {
		x.SetRow(i, row)
	}
	width := x.Width() + 1
	worth := make([]float64, width*len(in.X))
	if err := contributor.Contributions(worth, x); err != nil {
		return fmt.Errorf("explain %s: %w", t.names[m], err)
	}
	for i := range out {
		of, e, factor := worth[i*width:(i+1)*width], &out[i], share*in.Scale[i]
		for c := range e.Features {
			e.Features[c].Worth += of[c] * factor
			e.Prediction += of[c] * factor
		}
		e.Mean += of[width-1] * factor
		e.Prediction += of[width-1] * factor
	}
	return nil
}
