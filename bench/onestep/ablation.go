package main

import (
	"context"
	"io"
	"slices"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// ablate prints what each group of features is worth: the groups that plain
// training uses, without each one of them, and with each one of the others.
func ablate(ctx context.Context, out io.Writer, p sales.Panel, held rowFilter) error {
	c, err := newContest(features.Row, out, p, held)
	if err != nil {
		return err
	}
	c.title()
	chosen := features.DefaultGroups(features.Seasonal)
	base, err := c.try(ctx, chosen)
	if err != nil {
		return err
	}
	c.line(words(chosen), base, base)
	for _, g := range features.Groups() {
		label, groups := "without "+string(g), except(chosen, g)
		if !slices.Contains(chosen, g) {
			label, groups = "with "+string(g), append(slices.Clone(chosen), g)
		}
		s, err := c.try(ctx, groups)
		if err != nil {
			return err
		}
		c.line(label, s, base)
	}
	return nil
}
