package forest

import (
	"iter"

	"github.com/salesctl/salesctl/pkg/model"
)

// CoverImportances returns how much of the weight of rows that all splits sent on
// each feature did.
func (m *Model) CoverImportances() []float64 { return m.trees.CoverImportances() }

// Contributions writes what each feature brought, exact TreeSHAP, for each row of
// X: one number a feature and the mean answer behind them. They sum to the
// prediction.
func (m *Model) Contributions(dst []float64, X *model.Frame) error {
	return m.trees.Contributions(dst, X, m.base, 1/float64(len(m.trees.Trees)))
}

// Stages yields the predictions for the rows of X of the first tree, the first two,
// and so on.
func (m *Model) Stages(X *model.Frame) iter.Seq[[]float64] {
	return func(yield func([]float64) bool) {
		sums, said := make([]float64, X.Len()), make([]float64, X.Len())
		for i, t := range m.trees.Trees {
			for r := range sums {
				sums[r] += float64(t.PredictAt(X.Cols, r))
				said[r] = m.base + sums[r]/float64(i+1)
			}
			if !yield(said) {
				return
			}
		}
	}
}
