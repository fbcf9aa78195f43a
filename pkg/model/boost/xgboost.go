package boost

import (
	"io"
	"strconv"

	"github.com/salesctl/salesctl/pkg/model/tree"
)

// WriteXGBoost writes the trees as a model of XGBoost, in JSON, for features of
// those names: one tree a round, and the objective that they were boosted for, so
// that XGBoost can boost on.
func (m *Model) WriteXGBoost(w io.Writer, names []string) error {
	return tree.XGBoost{Base: m.base, Parallel: 1, Objective: m.loss.xgboost(), Trees: &m.trees}.Write(w, names)
}

// PredictRow32 returns what XGBoost answers with that model, bit for bit: the
// number of PredictRow, which is a float32 already.
func (m *Model) PredictRow32(x []float32) float32 { return float32(m.PredictRow(x)) }

// xgboost returns XGBoost's JSON of the loss, empty for the squared error. None of
// these objectives transforms its answers, so that base_score stands as it is.
func (l loss) xgboost() string {
	number := func(v float64) string { return strconv.FormatFloat(float64(float32(v)), 'g', -1, 32) }
	switch l.Objective {
	case AbsoluteError:
		return `{"name":"reg:absoluteerror"}`
	case PseudoHuberError:
		return `{"name":"reg:pseudohubererror","pseudo_huber_param":{"huber_slope":"` + number(l.HuberSlope) + `"}}`
	case QuantileError: // one of a list: XGBoost can learn many quantiles at once
		return `{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[` + number(l.QuantileAlpha) + `]"}}`
	}
	return ""
}
