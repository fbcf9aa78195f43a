package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// change are the flags of commands that take something away.
type change struct{ yes, dryRun bool }

func (c *change) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "say what would be done, and do nothing")
}

// agreed asks, unless told not to; in a dry run it says what would happen.
func (c *change) agreed(a *app, what string) (bool, error) {
	switch {
	case c.dryRun:
		a.note("would %s (--dry-run)", what)
		return false, nil
	case c.yes:
		return true, nil
	}
	return true, a.ask(strings.ToUpper(what[:1]) + what[1:] + "?")
}

func newRunsDelete(a *app) *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use:   "delete RUN...",
		Short: "Delete runs; they can be restored until they are collected",
		Args:  cobra.MinimumNArgs(1),
		Example: `  salesctl runs delete 0123456789abcdef0123456789abcdef
  salesctl runs delete 0123456789abcdef0123456789abcdef --dry-run
  salesctl runs delete 0123456789abcdef0123456789abcdef --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				runs, err := findRuns(ctx, t, args) // all of them, before the first is gone
				if err != nil {
					return err
				}
				if ok, err := c.agreed(a, "delete "+strings.Join(runIDs(runs), ", ")); !ok || err != nil {
					return err
				}
				return eachRun(ctx, a, runs, "deleted", t.DeleteRun)
			})
		},
	}
	c.add(cmd)
	return cmd
}

func newRunsRestore(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore RUN...",
		Short: "Restore deleted runs",
		Args:  cobra.MinimumNArgs(1),
		Example: `  salesctl runs restore 0123456789abcdef0123456789abcdef
  salesctl runs list --deleted
  salesctl runs restore 0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				runs, err := findRuns(ctx, t, args)
				if err != nil {
					return err
				}
				return eachRun(ctx, a, runs, "restored", t.RestoreRun)
			})
		},
	}
}

// eachRun does one thing to every run, and says so.
func eachRun(ctx context.Context, a *app, runs []mlflow.Run, done string, do func(context.Context, string) error) error {
	for _, id := range runIDs(runs) {
		if err := do(ctx, id); err != nil {
			return err
		}
		a.note("%s %s", done, id)
	}
	return nil
}

func runIDs(runs []mlflow.Run) []string {
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.Info.ID
	}
	return ids
}
