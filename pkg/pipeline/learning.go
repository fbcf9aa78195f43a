package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// LearningCurve is how a regressor's error falls from tree to tree: root mean
// squared errors in the target's unit, after 1, 2, 3, ... trees.
type LearningCurve struct {
	Model        string
	Train, Valid []float64
}

// LearningCurves trains the recipe's regressors on the periods before from and
// follows their errors there and on the periods from from on, one step ahead. Names
// picks among them, none picks all; those that do not grow tree by tree are left
// out.
func (r Recipe) LearningCurves(ctx context.Context, p sales.Panel, from sales.Period, names ...string) ([]LearningCurve, error) {
	before := func(at features.Index) bool { return at.Period < from }
	after := func(at features.Index) bool { return at.Period >= from }
	of := r.Features
	of.Set, of.Rows = features.Row, before
	encoder, _, err := features.Fit(p, of)
	if err != nil {
		return nil, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return nil, err
	}
	var out []LearningCurve
	for _, name := range r.regressors() {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		learner, err := r.Learner(name, nil)
		if err != nil {
			return nil, err
		}
		fitted, err := Learn(ctx, learner, table, table.Where(before))
		if err != nil {
			return nil, fmt.Errorf("fit %s: %w", name, err)
		}
		if m, ok := fitted.(model.Stager); ok {
			train, valid := pick(table, table.Where(before).Rows), pick(table, table.Where(after).Rows)
			out = append(out, LearningCurve{Model: name, Train: staged(m, train), Valid: staged(m, valid)})
		}
	}
	return out, nil
}

// staged returns the error after each tree.
func staged(m model.Stager, rows features.Table) []float64 {
	var out []float64
	for said := range m.Stages(rows.X) {
		sum := 0.0
		for r, v := range said {
			miss := rows.Target.Undo(v, rows.Scale[r]) - rows.Actual[r]
			sum += miss * miss
		}
		out = append(out, math.Sqrt(sum/float64(max(len(said), 1))))
	}
	return out
}
