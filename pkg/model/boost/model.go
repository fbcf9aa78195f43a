package boost

import (
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Model is boosted trees.
type Model struct {
	base  float64 // a float32, to which the trees' answers are added
	loss  loss
	trees tree.Ensemble
}

// Predict writes the answer for each row of X to dst.
func (m *Model) Predict(dst []float64, X *model.Frame) error {
	for i := range dst {
		dst[i] = m.base
	}
	return m.trees.Each(X, len(dst), func(first int, values []float32) {
		for i, v := range values {
			dst[first+i] = float64(float32(dst[first+i]) + v)
		}
	})
}

// PredictRow returns the answer for the features x.
func (m *Model) PredictRow(x []float32) float64 {
	sum := float32(m.base)
	m.trees.EachTree(x, func(value float32) { sum += value })
	return float64(sum)
}

// Importances returns how much of the gain of all splits each feature brought,
// XGBoost's total_gain.
func (m *Model) Importances() []float64 { return m.trees.Importances() }

// Rounds returns the number of trees, fewer than n_estimators after an early
// stop.
func (m *Model) Rounds() int { return len(m.trees.Trees) }

// First returns the model after the first n rounds: the one that n_estimators = n
// gives, for a fit that did not look at a valid set.
func (m *Model) First(n int) model.Regressor {
	out := *m
	out.trees = m.trees.First(n)
	return &out
}
