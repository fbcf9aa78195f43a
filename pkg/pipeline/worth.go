package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/permute"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Worth tells what the features are worth to a regressor of the row predictor.
type Worth struct {
	Model    string
	Features []FeatureWorth // in the order of the model's columns
}

// FeatureWorth is what one feature is worth, by three measures.
type FeatureWorth struct {
	Feature     string
	Gain        float64       // share of what all splits brought; NaN where the model does not tell
	Cover       float64       // share of the weight of rows that splits sent on; NaN where the model does not tell
	Permutation permute.Worth // by how much the mean absolute error rises when it is shuffled, in the target's unit; of Permutations alone
}

// Importances tells what the features are worth to each regressor by its own
// account: gain and cover.
func (p *Pipeline) Importances() ([]Worth, error) {
	if len(p.info.Regressors) == 0 {
		return nil, p.lacks(Mean)
	}
	t, err := p.rows()
	if err != nil {
		return nil, err
	}
	var out []Worth
	for i := range t.names {
		out = append(out, t.worth(i))
	}
	return out, nil
}

// permutationRows is how many of the newest rows a permutation looks at, at most:
// it predicts them five times a feature.
const permutationRows = 2000

// Permutations tells, beyond Importances, what shuffling does to the newest rows of
// the history. The models may have learnt from them: features that were only
// learnt by heart seem worth more there than they are.
func (p *Pipeline) Permutations(ctx context.Context, history sales.Panel, jobs int) ([]Worth, error) {
	if err := p.fits(history); err != nil {
		return nil, err
	}
	out, err := p.Importances()
	if err != nil {
		return nil, err
	}
	t, err := p.rows()
	if err != nil {
		return nil, err
	}
	table, err := t.encoder.Transform(history)
	if err != nil {
		return nil, err
	}
	newest := newestRows(table, permutationRows)
	for i, name := range t.names {
		m, ok := t.models[i].(model.Regressor)
		if !ok {
			return nil, fault.New(fault.Usage, "%s cannot answer for many rows", name)
		}
		permuted, err := permute.Importances(ctx, m, newest.X, meanAbsolute(newest), permute.Options{Seed: 1, Jobs: jobs})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for c, w := range permuted {
			out[i].Features[c].Permutation = w
		}
	}
	return out, nil
}

// newestRows picks the rows of the newest periods that can be learnt from, whole
// periods of up to n rows, at least one.
func newestRows(t features.Table, n int) features.Table {
	periods := make([]sales.Period, len(t.Learn)) // one a row, the newest first
	for i, r := range t.Learn {
		periods[i] = t.Index[r].Period
	}
	slices.SortFunc(periods, func(a, b sales.Period) int { return cmp.Compare(b, a) })
	first := periods[0]
	for i := 1; i < len(periods) && i <= n; i++ {
		if periods[i] != periods[i-1] { // all rows of the period before are in
			first = periods[i-1]
		}
	}
	if len(periods) <= n {
		first = periods[len(periods)-1]
	}
	return pick(t, t.Where(func(at features.Index) bool { return at.Period >= first }).Rows)
}

// pick copies rows of a table, with what their errors are measured by.
func pick(t features.Table, rows []int32) features.Table {
	out := features.Table{X: model.NewFrame(t.X.Names, t.X.Kinds, len(rows)), Target: t.Target}
	for c, col := range t.X.Cols {
		for i, r := range rows {
			out.X.Cols[c][i] = col[r]
		}
	}
	for _, r := range rows {
		out.Actual, out.Scale = append(out.Actual, t.Actual[r]), append(out.Scale, t.Scale[r])
	}
	return out
}

// worth asks a regressor for its own account.
func (t *trees) worth(i int) Worth {
	unknown := slices.Repeat([]float64{math.NaN()}, t.encoder.Width())
	gain, cover := unknown, unknown
	if by, ok := t.models[i].(model.Importancer); ok {
		gain = by.Importances()
	}
	if by, ok := t.models[i].(model.CoverImportancer); ok {
		cover = by.CoverImportances()
	}
	out := Worth{Model: t.names[i]}
	for c, name := range t.encoder.Names() {
		out.Features = append(out.Features, FeatureWorth{Feature: name, Gain: gain[c], Cover: cover[c]})
	}
	return out
}

// meanAbsolute is the mean absolute error of the rows, in the target's unit.
func meanAbsolute(rows features.Table) func([]float64) float64 {
	return func(said []float64) float64 {
		sum := 0.0
		for r, v := range said {
			sum += math.Abs(rows.Target.Undo(v, rows.Scale[r]) - rows.Actual[r])
		}
		return sum / float64(max(len(said), 1))
	}
}
