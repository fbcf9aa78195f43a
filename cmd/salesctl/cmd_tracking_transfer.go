package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// addChoice adds the flags that choose what is transferred.
func addChoice(f *pflag.FlagSet, o *transfer.Options) {
	f.StringArrayVar(&o.Experiments, "experiment", nil, "only the experiment of that `NAME`; may be given again")
	f.StringArrayVar(&o.Models, "model", nil, "only the registered model of that `NAME`; may be given again")
}

func newTrackingExport(a *app) *cobra.Command {
	var o transfer.Options
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write experiments, runs, models and their files to a folder",
		Long: `Write experiments, runs, logged models and registered models, with all their
files, to a new folder, from the tracking server or database of the settings.
` + "`salesctl tracking import`" + ` reads it, into any other.

Traces are left out, and so are logged models that were deleted.`,
		Args: takes(1, 1),
		Example: `  salesctl tracking export backup
  salesctl tracking export walmart --experiment "Sales Forecasting Experiment"
  MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking export /mnt/mlflow`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				var r transfer.Report
				err := a.telling(&o, func() (err error) {
					r, err = transfer.ExportDir(ctx, t.destination(), a.path(args[0]), o)
					return err
				})
				if err != nil {
					return err
				}
				return a.render(transferTable(r))
			})
		},
	}
	addChoice(cmd.Flags(), &o)
	return cmd
}

// importOptions are the flags of `salesctl tracking import`.
type importOptions struct {
	change
	transfer.Options
}

func newTrackingImport(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Read what was exported into this tracking server or database",
		Long: `Read what ` + "`salesctl tracking export`" + ` wrote into the tracking server or database of the
settings. Every file is checked before anything is written.

Runs and models get new ids, and a tag that names the old one. Experiments of
one name become one, versions are appended, and aliases are set where they are
free. Run again, or after it was interrupted, it makes nothing twice.`,
		Args: takes(1, 1),
		Example: `  salesctl tracking import backup --dry-run
  salesctl tracking import backup --yes
  MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking import backup --overwrite-aliases`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s, a.path(args[0]))
		},
	}
	o.add(cmd)
	addChoice(cmd.Flags(), &o.Options)
	cmd.Flags().BoolVar(&o.OverwriteAliases, "overwrite-aliases", false, "move aliases that point at something else already, too")
	return cmd
}

// run checks the export and imports it.
func (o *importOptions) run(ctx context.Context, a *app, s *config.Settings, dir string) error {
	var e *transfer.Exported
	err := a.telling(&o.Options, func() (err error) {
		e, err = transfer.Open(ctx, artifact.NewLocal(dir), o.Options)
		return err
	})
	if err != nil {
		return err
	}
	c := e.Counts()
	what := fmt.Sprintf("import %s, which holds %s, %s, %s and %s, into %s", dir, fault.Counted(c.Experiments, "experiment"),
		fault.Counted(c.Runs, "run"), fault.Counted(c.LoggedModels, "logged model"), fault.Counted(c.Versions, "version"), fault.Redact(s.Tracking.URI))
	ok, err := o.agreed(a, what)
	if err != nil {
		return err
	}
	if !ok {
		return a.done(transferTable(transfer.Report{Counts: c})) // what would come; nothing of it is new yet
	}
	return a.withTracking(ctx, s, true, func(t *tracking) error {
		var r transfer.Report
		err := a.telling(&o.Options, func() (err error) {
			r, err = e.Import(ctx, t.destination(), o.Options)
			return err
		})
		if err != nil {
			return err
		}
		return a.render(transferTable(r))
	})
}

// telling does a part of a transfer and tells people how far it has come.
func (a *app) telling(o *transfer.Options, part func() error) error {
	steps := &steps{app: a}
	defer steps.close()
	o.Progress = func(p transfer.Progress) { steps.set(p.Step, p.Done, p.Total) }
	return part()
}

// transferTable shows a line a kind of thing.
func transferTable(r transfer.Report) table {
	t := table{Thing: "transfer", Columns: columns("what", "total", "new"), Warnings: r.Warnings}
	t.Rows = append(t.Rows, [][]any{
		{"experiments", r.Experiments, r.New.Experiments},
		{"runs", r.Runs, r.New.Runs},
		{"logged models", r.LoggedModels, r.New.LoggedModels},
		{"registered models", r.Registered, r.New.Registered},
		{"versions", r.Versions, r.New.Versions},
		{"artifacts", r.Artifacts, r.New.Artifacts},
	}...)
	return t
}
