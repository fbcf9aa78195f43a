package main

import (
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/sales"
)

// intervalColumns name the ends of intervals.
func intervalColumns(levels []float64) []column {
	var out []column
	for _, l := range levels {
		out = append(out, columns("lo"+formatLevel(l), "hi"+formatLevel(l))...)
	}
	return out
}

// intervalCells are the ends of the intervals of the levels, blank where there are
// none.
func intervalCells(in []sales.Interval, levels []float64) []any {
	var out []any
	for i := range levels {
		if i < len(in) {
			out = append(out, in[i].Lower, in[i].Upper)
		} else {
			out = append(out, nil, nil)
		}
	}
	return out
}

// scoreTable shows the scores of the groups, the skill first and those of the
// intervals last.
func scoreTable(thing string, r evaluate.Result, levels []float64, by []string) table {
	t := table{Thing: thing, Warnings: slices.Clone(r.Warnings)}
	t.Meta.Compared = r.Statement
	t.Columns = columns("model", "key", "horizon", "n", "skill_naive", "skill_seasonal_naive",
		"mae", "mse", "rmse", "rmse_pct", "r2", "mape", "wape", "mase", "bias",
		"smape", "rmsse", "wmae", "holiday")
	for _, l := range levels {
		t.Columns = append(t.Columns, columns("coverage"+formatLevel(l), "width"+formatLevel(l), "pinball"+formatLevel(l))...)
	}
	for i, c := range t.Columns {
		if strings.HasPrefix(c.Name, "skill") || c.Name == "r2" || c.Name == "mase" || c.Name == "rmsse" {
			t.Columns[i].Places = 4
		}
	}
	for _, s := range r.Scores {
		if !slices.Contains(by, string(s.By)) {
			continue
		}
		var key, horizon, holiday any
		switch s.By {
		case evaluate.ByHorizon:
			horizon = s.Horizon
		case evaluate.ByKey:
			key = s.Key.String()
		case evaluate.ByHoliday:
			holiday = s.Holiday
		}
		row := []any{
			s.Model, key, horizon, s.N, s.SkillNaive, s.SkillSeasonalNaive,
			s.MAE, s.MSE, s.RMSE, s.RMSEPercent, s.R2, s.MAPE, s.WAPE, s.MASE, s.Bias,
			s.SMAPE, s.RMSSE, s.WMAE, holiday,
		}
		for _, in := range s.Intervals {
			row = append(row, in.Coverage, in.Width, in.Pinball)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// testTable shows the tests over all series, and those of each where by says so.
func testTable(r evaluate.Result, tests []evaluate.Test, by []string) table {
	t := table{Thing: "backtest-tests", Warnings: slices.Clone(r.Warnings)}
	t.Meta.Compared = r.Statement
	t.Columns = columns("model", "against", "key", "n", "difference", "statistic", "p_value", "p_holm")
	for i := range t.Columns[4:] {
		t.Columns[4+i].Places = 4
	}
	for _, test := range tests {
		group, key := evaluate.ByTotal, any(nil)
		if test.Key != nil {
			group, key = evaluate.ByKey, test.Key.String()
		}
		if slices.Contains(by, string(group)) {
			t.Rows = append(t.Rows, []any{test.Model, test.Against, key, test.N, test.Mean, test.Statistic, test.P, test.Holm})
		}
	}
	return t
}

// brief is the scores over all, with the columns that fit a terminal.
func brief(thing string, r evaluate.Result) table {
	t := table{Thing: thing, Warnings: slices.Clone(r.Warnings)}
	t.Meta.Compared = r.Statement
	t.Columns = []column{{Name: "model"}, {Name: "n"}, {Name: "skill_seasonal_naive", Places: 4}, {Name: "mape"}, {Name: "wape"}, {Name: "rmse"}}
	for _, s := range r.Scores {
		if s.By == evaluate.ByTotal {
			t.Rows = append(t.Rows, []any{s.Model, s.N, s.SkillSeasonalNaive, s.MAPE, s.WAPE, s.RMSE})
		}
	}
	return t
}
