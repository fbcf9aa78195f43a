package boost

import (
	"io"

	"github.com/salesctl/salesctl/pkg/model/tree"
)

// WriteXGBoost writes the trees as a model of XGBoost, in JSON, for features of
// those names: one tree a round.
func (m *Model) WriteXGBoost(w io.Writer, names []string) error {
	return tree.XGBoost{Base: m.base, Parallel: 1, Trees: &m.trees}.Write(w, names)
}

// PredictRow32 returns what XGBoost answers with that model, bit for bit: the
// number of PredictRow, which is a float32 already.
func (m *Model) PredictRow32(x []float32) float32 { return float32(m.PredictRow(x)) }
