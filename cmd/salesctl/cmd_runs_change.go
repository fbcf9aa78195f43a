package main

import (
	"context"
	"fmt"
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

// agreed asks, unless told not to; in a dry run it says what would happen. Whoever
// calls it has looked already whether that is there: a dry run fails as the run would.
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
		Args:  takes(1, anyNumber),
		Example: `  salesctl runs delete 0123456789abcdef0123456789abcdef
  salesctl runs delete 0123456789abcdef0123456789abcdef --dry-run
  salesctl runs delete 0123456789abcdef0123456789abcdef --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				runs, err := findRuns(ctx, t, args) // all of them, before the first is gone
				if err != nil {
					return err
				}
				ok, err := c.agreed(a, "delete "+described(runs))
				if err != nil {
					return err
				}
				if ok {
					if err := eachRun(ctx, a, runs, "deleted", t.DeleteRun); err != nil {
						return err
					}
				}
				return a.done(changedRuns("deleted", runs, ok))
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
		Args:  takes(1, anyNumber),
		Example: `  salesctl runs restore 0123456789abcdef0123456789abcdef
  salesctl runs list --deleted
  salesctl runs restore 0123456789abcdef0123456789abcdef fedcba9876543210fedcba9876543210`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				runs, err := findRuns(ctx, t, args)
				if err != nil {
					return err
				}
				if err := eachRun(ctx, a, runs, "restored", t.RestoreRun); err != nil {
					return err
				}
				return a.done(changedRuns("restored", runs, true))
			})
		},
	}
}

// eachRun does one thing to every run, and says so.
func eachRun(ctx context.Context, a *app, runs []mlflow.Run, done string, do func(context.Context, string) error) error {
	for _, r := range runs {
		if err := do(ctx, r.Info.ID); err != nil {
			return err
		}
		a.note("%s %s", done, r.Info.ID)
	}
	return nil
}

// described names runs for a question: whoever said latest should see which.
func described(runs []mlflow.Run) string {
	var texts []string
	for _, r := range runs {
		texts = append(texts, fmt.Sprintf("%s (%s, started %v)", r.Info.ID, visible(r.Info.Name), moment(r.Info.StartTime)))
	}
	return strings.Join(texts, ", ")
}

// changedRuns shows a line a run; the column that is named by the change says
// whether it was made, which a dry run does not.
func changedRuns(change string, runs []mlflow.Run, made bool) table {
	t := table{Thing: change + "-runs", Columns: columns("run", "name", change)}
	for _, r := range runs {
		t.Rows = append(t.Rows, []any{r.Info.ID, r.Info.Name, made})
	}
	return t
}
