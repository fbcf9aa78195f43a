package evaluate

import (
	"fmt"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// IntervalScore is how well the intervals of one level held, over the rows that
// have one.
type IntervalScore struct {
	Level float64 // percent
	metrics.IntervalScores
	Pinball float64 // mean quantile loss of both ends
}

// intervals puts intervals around the forecasts of each model by its own errors
// before: those whose actuals had come by the cutoff. The first cutoffs, which have
// too few for the highest level, get none.
func (t *table) intervals(levels []float64) error {
	if len(levels) == 0 {
		return nil
	}
	t.levels = levels
	t.bands = make([][][]sales.Interval, len(t.values))
	for m := range t.values {
		t.bands[m] = make([][]sales.Interval, len(t.cells))
		for from, to := 0, 0; from < len(t.cells); from = to {
			for to = from; to < len(t.cells) && t.cells[to].cutoff == t.cells[from].cutoff; to++ {
			}
			if err := t.around(m, from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// around does so for one model and the cells from..to, which share a cutoff.
func (t *table) around(m, from, to int) error {
	var residuals []conformal.Residual
	for i, c := range t.cells[:from] {
		if c.date <= t.cells[from].cutoff && c.size > 0 {
			residuals = append(residuals, conformal.Residual{Horizon: c.horizon, Error: c.actual - t.values[m][i], Scale: c.size})
		}
	}
	highest := 0.0
	for _, l := range t.levels {
		highest = max(highest, l)
	}
	if len(residuals) < conformal.Least(highest, false) {
		return nil
	}
	table, err := conformal.Calibrate(residuals, conformal.Options{Levels: t.levels})
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		for _, level := range t.levels {
			lower, upper, _ := table.Interval(t.cells[i].horizon, level, t.values[m][i], t.cells[i].size)
			t.bands[m][i] = append(t.bands[m][i], sales.Interval{Level: level, Lower: lower, Upper: upper})
		}
	}
	return nil
}

// held scores the intervals of a model over the cells of a group.
func (t *table) held(m int, group []int) []IntervalScore {
	var out []IntervalScore
	for l, level := range t.levels {
		var actual, lower, upper []float64
		for _, c := range group {
			if in := t.bands[m][c]; in != nil {
				actual, lower, upper = append(actual, t.cells[c].actual), append(lower, in[l].Lower), append(upper, in[l].Upper)
			}
		}
		miss := (100 - level) / 200
		out = append(out, IntervalScore{
			Level: level, IntervalScores: metrics.Interval(actual, lower, upper),
			Pinball: (metrics.Pinball(actual, lower, miss) + metrics.Pinball(actual, upper, 1-miss)) / 2,
		})
	}
	return out
}

// without says how many rows have no intervals though they were asked for.
func (t *table) without() []string {
	n := 0
	for i := range t.cells {
		if len(t.levels) > 0 && t.bands[0][i] == nil {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d rows have no intervals: at their cutoffs too few earlier errors were known; more folds give them",
		n, len(t.cells))}
}
