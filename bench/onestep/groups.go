package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// seeds is with how many seeds a set of groups is tried, so that the models' own
// chance counts for less.
const seeds = 3

// given lists the groups that hold what the user's file says. They are not up for
// removal: what they are worth is a matter of the data, and who maps a price wants
// it looked at.
func given() []features.Group {
	return []features.Group{features.Identity, features.Holidays, features.Columns}
}

// groupsOf lists the groups of which the set makes features.
func groupsOf(set features.Set) []features.Group {
	if set == features.Ahead {
		return except(features.Groups(), features.Changes, features.Together)
	}
	return features.Groups()
}

// except returns the groups that are not among some.
func except(groups []features.Group, some ...features.Group) []features.Group {
	return slices.DeleteFunc(slices.Clone(groups), func(g features.Group) bool { return slices.Contains(some, g) })
}

// weekly are parts of a WAPE in percent, one a week: they sum to it.
type weekly []float64

// wape sums the parts.
func (w weekly) wape() float64 {
	sum := 0.0
	for _, part := range w {
		sum += part
	}
	return sum
}

// over tells by how much the WAPE is above another on the same weeks, and the
// standard error of that. Errors of one week go together in all stores, so that it
// is the weeks that are taken as independent, and not the rows.
func (w weekly) over(o weekly) (more, se float64) {
	more = w.wape() - o.wape()
	n, squares := float64(len(w)), 0.0
	for i := range w {
		d := w[i] - o[i] - more/n
		squares += d * d
	}
	return more, math.Sqrt(n * squares / (n - 1))
}

// weekly splits the WAPE over the rows of all folds by week.
func (g ground) weekly(f forecasts) weekly {
	total, missed := 0.0, map[sales.Period]float64{}
	for i, t := range g.folds {
		r := 0
		for _, at := range t.Index {
			if t.test(at) {
				missed[at.Period] += math.Abs(f[i][r] - t.actual[r])
				total += t.actual[r]
				r++
			}
		}
	}
	var out weekly
	for _, week := range sorted(missed) {
		out = append(out, 100*missed[week]/total)
	}
	return out
}

// sorted lists the keys of a map in their order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// contest is where the groups of one set of features are tried.
type contest struct {
	set    features.Set
	panel  sales.Panel
	held   rowFilter
	recipe pipeline.Recipe
	out    io.Writer
}

// newContest is one by plain training's models.
func newContest(set features.Set, out io.Writer, p sales.Panel, held rowFilter) (contest, error) {
	plain, err := plainRecipe()
	plain.Models = slices.DeleteFunc(plain.Models, func(s model.Spec) bool {
		return !slices.Contains(pipeline.MeanOf(pipeline.Mean), s.Name)
	})
	return contest{set: set, panel: p, held: held, recipe: plain, out: out}, err
}

// tried is some groups of features and what the mean of forest and boosting makes of
// them: the WAPE by week, and the means of the folds' MAPE and RMSE.
type tried struct {
	groups []features.Group
	weekly weekly
	mape   float64
	rmse   float64
}

// try scores a set of groups.
func (c contest) try(ctx context.Context, groups []features.Group) (tried, error) {
	s := tried{groups: groups}
	for seed := range uint64(seeds) {
		r := c.recipe
		r.Seed += seed
		r.Features = features.Options{Basis: features.Seasonal, Groups: groups}
		g, err := newGround(c.panel, c.held, r, r.Features)
		if err != nil {
			return s, err
		}
		forecast := g.oneStep
		if c.set == features.Ahead {
			forecast = g.ahead
		}
		said, err := forecast(ctx, c.panel)
		if err != nil {
			return s, err
		}
		by := g.weekly(said)
		if s.weekly == nil {
			s.weekly = make(weekly, len(by))
		}
		for i, part := range by {
			s.weekly[i] += part / seeds
		}
		mean := g.score(said).mean
		s.mape += mean.MAPE / seeds
		s.rmse += mean.RMSE / seeds
	}
	return s, nil
}

// oneStep forecasts each week of the folds from what was sold before it and its own
// columns, by the mean of forest and boosting.
func (g ground) oneStep(ctx context.Context, _ sales.Panel) (forecasts, error) {
	all, err := g.forecastAll(ctx, g.recipe.Models)
	return all[pipeline.Mean], err
}

// ahead forecasts each fold as a whole from the weeks before it, by that mean.
func (g ground) ahead(ctx context.Context, p sales.Panel) (forecasts, error) {
	candidates, err := g.recipe.Forecasters(pipeline.Mean)
	if err != nil {
		return nil, err
	}
	var out forecasts
	for i, f := range cut(p, g.held) {
		fitted, err := candidates[0].Fit(ctx, p.Until(p.Frequency.Add(f.from, -1)))
		if err != nil {
			return nil, err
		}
		all, err := fitted.Forecast(ctx, sales.Request{Steps: f.weeks})
		if err != nil {
			return nil, err
		}
		var dollars []float64
		for _, s := range all {
			for _, point := range s.Points {
				dollars = append(dollars, point.Mean)
			}
		}
		if len(dollars) != len(g.folds[i].actual) {
			return nil, fmt.Errorf("fold from %s has %d rows, %d are forecast", f.from, len(g.folds[i].actual), len(dollars))
		}
		out = append(out, dollars)
	}
	return out, nil
}

// words joins the names of groups.
func words(groups []features.Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, string(g))
	}
	return strings.Join(names, " ")
}

// title says what the lines are.
func (c contest) title() {
	how := "a week ahead with the week's own columns"
	if c.set == features.Ahead {
		how = "ten or eleven weeks ahead without any columns"
	}
	_, _ = fmt.Fprintf(c.out, "The %s set, %s: %s on four folds in time of the rows\n", c.set, how, pipeline.Mean)
	_, _ = fmt.Fprintf(c.out, "that are not tested, means of %d seeds. MAPE and RMSE are the means of the folds', WAPE is over all their\n", seeds)
	_, _ = fmt.Fprintln(c.out, "rows; behind it stands by how much it is above that of what it is compared with, and the standard error")
	_, _ = fmt.Fprintln(c.out, "of that over the weeks.")
	_, _ = fmt.Fprintf(c.out, "\n%-76s %8s %8s %18s %8s\n", "groups of features", "MAPE %", "WAPE %", "", "RMSE $")
}

// line prints the scores of a set beside those of another one.
func (c contest) line(label string, s, than tried) {
	more, se := s.weekly.over(than.weekly)
	_, _ = fmt.Fprintf(c.out, "%-76s %8.3f %8.3f %+10.3f ± %.3f %8.0f\n", label, s.mape, s.weekly.wape(), more, se, s.rmse)
}
