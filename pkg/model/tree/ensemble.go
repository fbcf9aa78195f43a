package tree

import (
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Ensemble is trees over the same features. It never changes once grown.
type Ensemble struct {
	Width int // number of features
	Trees []*Tree
}

// blockRows is the number of rows that all trees answer for before the next
// ones are read: their features stay in the processor's cache.
const blockRows = 64

// Each calls add once for every tree and row of X, with the row and the tree's
// answer; the trees of a row come in order. want is the number of rows that the
// caller is prepared for.
func (e *Ensemble) Each(X *model.Frame, want int, add func(row int, value float32)) error {
	if X.Width() != e.Width {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d", e.Width, X.Width()).
			WithHint("give the columns that the model was trained on, in the same order")
	}
	rows := X.Len()
	if rows != want {
		return fault.New(fault.Invalid, "there is room for %d predictions, but there are %d rows", want, rows)
	}
	block := make([]float32, blockRows*e.Width)
	for start := 0; start < rows; start += blockRows {
		end := min(start+blockRows, rows)
		for c, col := range X.Cols {
			for i, v := range col[start:end] {
				block[i*e.Width+c] = v
			}
		}
		for _, t := range e.Trees {
			for i := range end - start {
				add(start+i, t.Predict(block[i*e.Width:(i+1)*e.Width]))
			}
		}
	}
	return nil
}

// Importances returns how much of the gain of all splits each feature brought.
// Without any split all features are worth the same.
func (e *Ensemble) Importances() []float64 {
	return e.shares(func(t *Tree, node int) float32 { return t.Gain[node] })
}

// CoverImportances returns, of the weight of rows that all splits together sent
// on, how much each feature's did: XGBoost's total_cover. Without any split all
// features are worth the same.
func (e *Ensemble) CoverImportances() []float64 {
	return e.shares(func(t *Tree, node int) float32 { return t.Cover[node] })
}

// shares adds up what the splits of each feature are worth.
func (e *Ensemble) shares(of func(t *Tree, node int) float32) []float64 {
	worth := make([]float64, e.Width)
	total := 0.0
	for _, t := range e.Trees {
		for i, f := range t.Feature {
			if f >= 0 {
				v := float64(of(t, i))
				worth[f] += v
				total += v
			}
		}
	}
	for c := range worth {
		if total > 0 {
			worth[c] /= total
		} else {
			worth[c] = 1 / float64(e.Width)
		}
	}
	return worth
}
