package boost

import (
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Model is boosted trees.
type Model struct {
	base  float64 // a float32, to which the trees' answers are added
	trees tree.Ensemble
}

var magic = [4]byte{'S', 'C', 'G', 'B'}

// Predict writes the answer for each row of X to dst.
func (m *Model) Predict(dst []float64, X *model.Frame) error {
	for i := range dst {
		dst[i] = m.base
	}
	return m.trees.Each(X, len(dst), func(row int, value float32) {
		dst[row] = float64(float32(dst[row]) + value)
	})
}

// PredictRow returns the answer for the features x.
func (m *Model) PredictRow(x []float32) float64 {
	sum := float32(m.base)
	for _, t := range m.trees.Trees {
		sum += t.Predict(x)
	}
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
	out.trees.Trees = m.trees.Trees[:min(n, len(m.trees.Trees))]
	return &out
}

// MarshalBinary returns the trees as data.
func (m *Model) MarshalBinary() ([]byte, error) { return tree.Marshal(magic, m.base, &m.trees), nil }

// Unmarshal reads what MarshalBinary wrote; anything else is a fault of kind
// Integrity.
func Unmarshal(data []byte) (*Model, error) {
	base, trees, err := tree.Unmarshal(magic, data)
	if err != nil {
		return nil, err
	}
	return &Model{base, *trees}, nil
}
