package tree

// Ensemble is trees over the same features. It never changes once grown.
type Ensemble struct {
	Width int // number of features
	Trees []*Tree

	laid *laid
}

// NewEnsemble returns the trees as an ensemble, which can predict; a literal cannot.
func NewEnsemble(width int, trees []*Tree) Ensemble {
	return Ensemble{Width: width, Trees: trees, laid: new(laid)}
}

// First returns the ensemble of the first n trees; all of them where n is more.
func (e *Ensemble) First(n int) Ensemble {
	return NewEnsemble(e.Width, e.Trees[:min(n, len(e.Trees))])
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
