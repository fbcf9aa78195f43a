package forest

import (
	"io"

	"github.com/salesctl/salesctl/pkg/model/tree"
)

// xgboost returns the forest as XGBoost's random forests are: one round of all
// the trees.
func (m *Model) xgboost() tree.XGBoost {
	return tree.XGBoost{Base: m.base, Parallel: max(len(m.trees.Trees), 1), Trees: &m.trees}
}

// WriteXGBoost writes the forest as a model of XGBoost, in JSON, for features of
// those names.
func (m *Model) WriteXGBoost(w io.Writer, names []string) error { return m.xgboost().Write(w, names) }

// PredictRow32 returns what XGBoost answers with that model, bit for bit. It is
// the forest's own answer up to the rounding of float32.
func (m *Model) PredictRow32(x []float32) float32 { return m.xgboost().PredictRow(x) }
