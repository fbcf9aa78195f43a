package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// path removes the group whose loss hurts least, until only those that are given
// are left, and returns each set on the way.
func (c contest) path(ctx context.Context) ([]tried, error) {
	now, err := c.try(ctx, groupsOf(c.set))
	if err != nil {
		return nil, err
	}
	path := []tried{now}
	for step := 1; len(now.groups) > len(given()); step++ {
		_, _ = fmt.Fprintf(c.out, "\nstep %d\n", step)
		c.line("all of them", now, now)
		var next tried
		for _, g := range except(now.groups, given()...) {
			without, err := c.try(ctx, except(now.groups, g))
			if err != nil {
				return nil, err
			}
			c.line("without "+string(g), without, now)
			if next.weekly == nil || without.weekly.wape() < next.weekly.wape() {
				next = without
			}
		}
		now = next
		path = append(path, now)
	}
	return path, nil
}

// choose returns the smallest set of a path that loses no more against the best one
// than the standard error of that loss: what is within it did not earn its place.
// (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984,
// section 3.4.3.)
func choose(path []tried) (chosen, best tried) {
	best = slices.MinFunc(path, func(a, b tried) int { return cmp.Compare(a.weekly.wape(), b.weekly.wape()) })
	for _, s := range path { // each is smaller than the one before
		if more, se := s.weekly.over(best.weekly); more <= se {
			chosen = s
		}
	}
	return chosen, best
}

// eliminateGroups prints how the groups of features were chosen, on folds in time
// of the rows that are not tested.
func eliminateGroups(ctx context.Context, out io.Writer, p sales.Panel, held rowFilter) error {
	for _, set := range []features.Set{features.Row, features.Ahead} {
		c, err := newContest(set, out, p, held)
		if err != nil {
			return err
		}
		if err := c.eliminate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c contest) eliminate(ctx context.Context) error {
	c.title()
	_, _ = fmt.Fprintf(c.out, "Always there, being the file's own: %s\n", words(given()))
	path, err := c.path(ctx)
	if err != nil {
		return err
	}
	chosen, best := choose(path)
	_, _ = fmt.Fprintln(c.out, "\nall sets on the way, against the best of them")
	for _, s := range path {
		c.line(words(except(s.groups, given()...)), s, best)
	}
	_, err = fmt.Fprintf(c.out, "\nthe smallest set within one standard error of the best\n%s\n", words(chosen.groups))
	return err
}
