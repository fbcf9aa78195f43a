package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// table is the cells that every model answered, fold by fold.
type table struct {
	cells  []cell
	values [][]float64 // [model][cell]
	levels []float64
	bands  [][][]sales.Interval // [model][cell], nil where there are none; empty without levels
}

// result scores the answers.
func (r *runner) result() (Result, error) {
	names := make([]string, len(r.models))
	for m, c := range r.models {
		names[m] = c.Name()
	}
	t, unanswered := r.pair()
	asked := 0
	for _, f := range r.folds {
		asked += len(f.cells)
	}
	out := Result{Models: names, Warnings: slices.Clone(r.warnings)}
	if n := asked - len(t.cells); n > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf(
			"%d of %d rows are not scored, because not every model answered them: %s", n, asked, blame(names, unanswered)))
	}
	if len(t.cells) == 0 {
		return Result{}, fault.New(fault.Invalid, "no row can be scored: %s", cmp.Or(strings.Join(out.Warnings, "; "),
			"no series has an actual after the cutoff")).
			WithHint("use later cutoffs or fewer folds, or load more history")
	}
	if n := t.zeros(); n > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d of %d rows have an actual of 0, which MAPE leaves out", n, len(t.cells)))
	}
	if err := t.intervals(r.levels); err != nil {
		return Result{}, err
	}
	out.Warnings = append(out.Warnings, t.without()...)
	out.Warnings = append(out.Warnings, r.said(names)...)
	out.Statement = Statement{Rows: t.describe(len(names)), Horizon: r.horizon, Information: r.known}
	if !r.observe {
		out.Folds = r.foldsOf(t)
	}
	out.Rows = t.rows(names)
	out.Scores = t.scores(names)
	return out, nil
}

// pair keeps the cells that every model answered, and counts for each model how
// many it did not.
func (r *runner) pair() (t table, unanswered []int) {
	t.values = make([][]float64, len(r.models))
	unanswered = make([]int, len(r.models))
	for i, f := range r.folds {
		for j, c := range f.cells {
			complete := true
			for m := range r.models {
				if math.IsNaN(r.answers[m][i].values[j]) {
					complete = false
					unanswered[m]++
				}
			}
			if !complete {
				continue
			}
			t.cells = append(t.cells, c)
			for m := range r.models {
				t.values[m] = append(t.values[m], r.answers[m][i].values[j])
			}
		}
	}
	return t, unanswered
}

// blame names the models that left cells unanswered.
func blame(names []string, unanswered []int) string {
	var parts []string
	for m, n := range unanswered {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s lacks %d", names[m], n))
		}
	}
	return strings.Join(parts, ", ")
}

// said returns each different warning of each model once, with the series it is
// about.
func (r *runner) said(names []string) []string {
	var out []string
	for m, name := range names {
		var texts []string
		first := map[string]sales.Key{}       // by text: the first series that it is about
		about := map[string]map[string]bool{} // by text: all of them
		for _, a := range r.answers[m] {
			for _, w := range a.warnings {
				if about[w.text] == nil {
					texts = append(texts, w.text)
					about[w.text] = map[string]bool{}
				}
				if w.key == nil {
					continue
				}
				if len(about[w.text]) == 0 {
					first[w.text] = w.key
				}
				about[w.text][w.key.String()] = true
			}
		}
		for _, text := range texts {
			switch n := len(about[text]); n {
			case 0:
				out = append(out, fmt.Sprintf("%s: %s", name, text))
			case 1:
				out = append(out, fmt.Sprintf("%s, %s: %s", name, first[text], text))
			default:
				out = append(out, fmt.Sprintf("%s, %s and %d more series: %s", name, first[text], n-1, text))
			}
		}
	}
	return out
}

// describe says which rows the table has.
func (t table) describe(models int) string {
	var cutoffs, dates []sales.Period
	for _, c := range t.cells {
		cutoffs, dates = append(cutoffs, c.cutoff), append(dates, c.date)
	}
	slices.Sort(cutoffs)
	cutoffs = slices.Compact(cutoffs)
	return fmt.Sprintf("%s, answered by all %d models: %d series, %s, %s to %s; scored %s to %s",
		fault.Counted(len(t.cells), "row"), models, len(t.groups(byKey)),
		fault.Counted(len(cutoffs), "cutoff"), cutoffs[0], cutoffs[len(cutoffs)-1], slices.Min(dates), slices.Max(dates))
}

// zeros counts the cells whose actual is 0.
func (t table) zeros() int {
	n := 0
	for _, c := range t.cells {
		if c.actual == 0 {
			n++
		}
	}
	return n
}

// rows lists what each model forecast.
func (t table) rows(names []string) []Row {
	rows := make([]Row, 0, len(names)*len(t.cells))
	for m, name := range names {
		for i, c := range t.cells {
			row := Row{
				Model: name, Key: c.key, Cutoff: c.cutoff, Date: c.date,
				Horizon: c.horizon, Actual: c.actual, Forecast: t.values[m][i], Scale: c.size, Holiday: c.holiday,
			}
			if len(t.levels) > 0 {
				row.Intervals = t.bands[m][i]
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// The orders that make groups.
func byKey(a, b cell) int     { return a.key.Compare(b.key) }
func byHorizon(a, b cell) int { return cmp.Compare(a.horizon, b.horizon) }
func byHoliday(a, b cell) int { return cmp.Compare(holiday(b), holiday(a)) }
func byNothing(_, _ cell) int { return 0 }

func holiday(c cell) int {
	if c.holiday {
		return 1
	}
	return 0
}

// groups returns the indices of the cells that are equal, group by group in the
// order of compare.
func (t table) groups(compare func(a, b cell) int) [][]int {
	order := make([]int, len(t.cells))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compare(t.cells[i], t.cells[j]) })
	var groups [][]int
	for len(order) > 0 {
		n := 1
		for n < len(order) && compare(t.cells[order[0]], t.cells[order[n]]) == 0 {
			n++
		}
		groups = append(groups, order[:n])
		order = order[n:]
	}
	return groups
}

// scores returns the lines over all rows, by horizon, by key and, where there are
// holidays, by these.
func (t table) scores(names []string) []Score {
	var out []Score
	for _, g := range t.groups(byNothing) {
		out = append(out, t.lines(names, g, Score{By: ByTotal})...)
	}
	for _, g := range t.groups(byHorizon) {
		out = append(out, t.lines(names, g, Score{By: ByHorizon, Horizon: t.cells[g[0]].horizon})...)
	}
	for _, g := range t.groups(byKey) {
		out = append(out, t.lines(names, g, Score{By: ByKey, Key: t.cells[g[0]].key})...)
	}
	if slices.ContainsFunc(t.cells, func(c cell) bool { return c.holiday }) {
		for _, g := range t.groups(byHoliday) {
			out = append(out, t.lines(names, g, Score{By: ByHoliday, Holiday: t.cells[g[0]].holiday})...)
		}
	}
	return out
}

// lines returns a line a model over the cells of the group, with the group's own
// part of a Score.
func (t table) lines(names []string, group []int, of Score) []Score {
	p := metrics.Pairs{}
	for _, i := range group {
		c := t.cells[i]
		p.Actual, p.Scale, p.Root = append(p.Actual, c.actual), append(p.Scale, c.scale), append(p.Root, c.root)
		weight := 1.0
		if c.holiday {
			weight = metrics.HolidayWeight
		}
		p.Weight = append(p.Weight, weight)
	}
	p.Forecast = make([]float64, len(group))
	lines := make([]Score, len(names))
	for m, name := range names {
		for i, c := range group {
			p.Forecast[i] = t.values[m][c]
		}
		lines[m] = of
		lines[m].Model, lines[m].Scores, lines[m].Intervals = name, p.Score(), t.held(m, group)
	}
	naive, seasonal := maeOf(lines, Naive), maeOf(lines, SeasonalNaive)
	for m := range lines {
		lines[m].SkillNaive = metrics.Skill(lines[m].MAE, naive)
		lines[m].SkillSeasonalNaive = metrics.Skill(lines[m].MAE, seasonal)
	}
	return lines
}

// maeOf returns the mean absolute error of the model's line.
func maeOf(lines []Score, model string) float64 {
	i := slices.IndexFunc(lines, func(s Score) bool { return s.Model == model })
	return lines[i].MAE
}

// Choice is the model that answers best at a horizon.
type Choice struct {
	Horizon int
	Model   string
	WAPE    float64 // percent, over all keys
}

// Choices returns the model with the lowest WAPE over all keys for each horizon
// that was scored, in order. Equals go to the one that stands first in Models:
// the naive ones, as they are the simplest, then the candidates as given.
func (r Result) Choices() []Choice {
	var choices []Choice
	best := math.Inf(1)
	for _, s := range r.Scores {
		if s.By != ByHorizon {
			continue
		}
		if n := len(choices); n == 0 || choices[n-1].Horizon != s.Horizon {
			choices = append(choices, Choice{Horizon: s.Horizon, Model: s.Model, WAPE: s.WAPE})
			best = s.MAE
		}
		// On the same rows MAE orders models as WAPE does, and is a number even
		// where every actual is 0.
		if s.MAE < best {
			choices[len(choices)-1] = Choice{Horizon: s.Horizon, Model: s.Model, WAPE: s.WAPE}
			best = s.MAE
		}
	}
	return choices
}

// Best returns the model to answer with at the horizon: the choice there, or at
// the longest scored horizon before it, or at the first of all. It is empty for
// an empty Result.
func (r Result) Best(horizon int) string {
	model := ""
	for _, c := range r.Choices() {
		if model == "" || c.Horizon <= horizon {
			model = c.Model
		}
	}
	return model
}
