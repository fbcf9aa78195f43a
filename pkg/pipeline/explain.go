package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
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
// exact Shapley values (tree.Explainer) times the row's scale, or parts of the answer
// in their proportion where its logarithm was learnt. The scale itself, by which the
// model's answer becomes a number in the target's unit, is no feature: it is part of
// all of them. Of the history it reads what Predict reads.
func (p *Pipeline) Explain(ctx context.Context, history sales.Panel, rows []sales.Row, name string) ([]Explanation, error) {
	if !slices.Contains(p.info.Regressors, name) && (name != Mean || !hasMean(p.info.Regressors)) {
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
		return fault.New(fault.Usage, "%s cannot tell what its features bring to a row", t.names[m]).
			WithHint("over many rows: `salesctl plot importance --model %s --by permutation`", t.names[m])
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
		e := &out[i]
		mean, factor := inUnit(t.encoder.Target(), worth[i*width:(i+1)*width], in.Scale[i])
		for c := range e.Features {
			brought := share * factor * worth[i*width+c]
			e.Features[c].Worth += brought
			e.Prediction += brought
		}
		e.Mean += share * mean
		e.Prediction += share * mean
	}
	return nil
}

// inUnit returns, in the target's unit, what a model answers where nothing is known
// of the row, of, of which it is the last number, and what the others are to be
// multiplied by to bring the rest. Of logarithms, whose sum is a product, each brings
// its part of the difference: the logarithmic mean is the factor that leaves nothing
// over (B. W. Ang, The LMDI approach to decomposition analysis, Energy Policy 33, 2005).
func inUnit(target features.Target, of []float64, scale float64) (mean, factor float64) {
	base, log := of[len(of)-1], 0.0
	for _, v := range of[:len(of)-1] {
		log += v
	}
	mean = target.Undo(base, scale)
	switch {
	case target != features.Log:
		return mean, scale
	case log == 0: // what the other case comes near to
		return mean, mean
	}
	return mean, (target.Undo(base+log, scale) - mean) / log
}
