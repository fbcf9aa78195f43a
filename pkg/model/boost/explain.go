package boost

import (
	"iter"
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
)

// CoverImportances returns how much of the weight of rows that all splits sent on
// each feature did, XGBoost's total_cover.
func (m *Model) CoverImportances() []float64 { return m.trees.CoverImportances() }

// Contributions writes what each feature brought, exact TreeSHAP as XGBoost's
// pred_contribs, for each row of X: one number a feature and the bias behind them.
// They sum to the prediction, but for the rounding of its float32 steps.
func (m *Model) Contributions(dst []float64, X *model.Frame) error {
	return m.trees.Contributions(dst, X, m.base, 1)
}

// Stages yields the predictions for the rows of X after each round.
func (m *Model) Stages(X *model.Frame) iter.Seq[[]float64] {
	return func(yield func([]float64) bool) {
		said := slices.Repeat([]float64{m.base}, X.Len())
		for _, t := range m.trees.Trees {
			for r := range said {
				said[r] = float64(float32(said[r]) + t.PredictAt(X.Cols, r))
			}
			if !yield(said) {
				return
			}
		}
	}
}
