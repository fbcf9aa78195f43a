package forest

import (
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Model is a grown forest.
type Model struct {
	base  float64 // to which the trees' mean is added
	trees tree.Ensemble
	oob   *outOfBag // nil if it was not asked for
	// answers are those of all nodes of each tree, for Top; nil of a forest that was
	// read from bytes, which do not hold them.
	answers [][]float32
}

var magic = [4]byte{'S', 'C', 'R', 'F'}

// Predict writes the forest's answer for each row of X to dst.
func (m *Model) Predict(dst []float64, X *model.Frame) error {
	clear(dst)
	err := m.trees.Each(X, len(dst), func(first int, values []float32) {
		for i, v := range values {
			dst[first+i] += float64(v)
		}
	})
	if err != nil {
		return err
	}
	for i, sum := range dst {
		dst[i] = m.mean(sum)
	}
	return nil
}

// PredictRow returns the forest's answer for the features x.
func (m *Model) PredictRow(x []float32) float64 {
	sum := 0.0
	m.trees.EachTree(x, func(value float32) { sum += float64(value) })
	return m.mean(sum)
}

func (m *Model) mean(sum float64) float64 { return m.base + sum/float64(len(m.trees.Trees)) }

// Importances returns how much of the decrease of squared error each feature
// brought, over all trees.
func (m *Model) Importances() []float64 { return m.trees.Importances() }

// First returns the forest of the first n trees, the one that n_estimators = n
// gives, without its out-of-bag score.
func (m *Model) First(n int) model.Regressor {
	out := *m
	out.trees, out.oob = m.trees.First(n), nil
	if m.answers != nil {
		out.answers = m.answers[:len(out.trees.Trees)]
	}
	return &out
}

// Top returns the forest that max_depth = depth, at least 1, gives, without its
// out-of-bag score; nil for a forest that was read from bytes. A limit of the forest's
// own stays.
func (m *Model) Top(depth int) model.Regressor {
	if m.answers == nil {
		return nil
	}
	trees := make([]*tree.Tree, len(m.trees.Trees))
	for i, t := range m.trees.Trees {
		trees[i] = t.Top(depth, m.answers[i])
	}
	return &Model{base: m.base, trees: tree.NewEnsemble(m.trees.Width, trees)}
}

// MarshalBinary returns the forest as data.
func (m *Model) MarshalBinary() ([]byte, error) { return tree.Marshal(magic, m.base, &m.trees), nil }

// Unmarshal reads what MarshalBinary wrote; anything else is a fault of kind
// Integrity.
func Unmarshal(data []byte) (*Model, error) {
	base, trees, err := tree.Unmarshal(magic, data)
	if err != nil {
		return nil, err
	}
	return &Model{base: base, trees: *trees}, nil
}
