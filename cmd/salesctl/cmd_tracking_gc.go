package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// gcOptions are the flags of `salesctl tracking gc`.
type gcOptions struct {
	change
	olderThan      string
	keepRegistered bool
	allWorkspaces  bool
}

func newTrackingGC(a *app) *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Delete for good what was deleted, with its files",
		Long: `Delete for good the runs, logged models and experiments that were deleted, with
their rows and files. The names of experiments become free again. In a database
with workspaces it is those of MLFLOW_WORKSPACE, or of all of them. What uploads
of killed programs left two days ago or earlier goes, too.`,
		Args: noArgs,
		Example: `  salesctl tracking gc --older-than 30d --keep-registered --dry-run
  salesctl tracking gc --older-than 30d --keep-registered --yes
  salesctl tracking gc --older-than 12h --all-workspaces`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&o.olderThan, "older-than", "30d", "what was deleted at least so `LONG` ago, such as 30d or 12h")
	cmd.Flags().BoolVar(&o.keepRegistered, "keep-registered", false, "keep what a registered version needs")
	cmd.Flags().BoolVar(&o.allWorkspaces, "all-workspaces", false, "in every workspace, whichever the settings name")
	return cmd
}

// parseAge reads a duration, in days, too.
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fault.New(fault.Usage, "--older-than %q is no length of time", text).WithHint("such as 30d, 12h or 0d")
	}
	return d, nil
}

func (o *gcOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	age, err := parseAge(o.olderThan)
	if err != nil {
		return err
	}
	if err := wantDatabase(s); err != nil {
		return err
	}
	if o.allWorkspaces { // as in MLflow's gc: whoever asks for all of them knows that there are some
		s.Tracking.Workspaces, s.Tracking.Workspace = "true", ""
	}
	return a.withTracking(ctx, s, false, func(t *tracking) (err error) {
		defer func() { err = errors.Join(err, o.sweep(ctx, a, t)) }()
		trash, err := o.deleted(ctx, t, age)
		if err != nil {
			return err
		}
		all := len(trash)
		trash = o.chosen(trash)
		if kept := all - len(trash); kept > 0 {
			a.note("%s kept: registered versions need it", fault.Counted(kept, "deleted thing"))
		}
		if len(trash) == 0 {
			a.note("there is nothing to collect")
			return a.done(trashTable(nil))
		}
		if !a.forPrograms() { // people see what they are asked about
			if err := a.render(trashTable(trash)); err != nil {
				return err
			}
		}
		ok, err := o.agreed(a, "delete for good "+fault.Counted(len(trash), "thing"))
		if err != nil {
			return err
		}
		if !ok {
			return a.done(trashTable(trash))
		}
		gone, err := o.collect(ctx, a, t, trash)
		return errors.Join(a.done(trashTable(gone)), err)
	})
}

// deleted lists the trash, workspace by workspace.
func (o *gcOptions) deleted(ctx context.Context, t *tracking, age time.Duration) ([]sqlstore.Trash, error) {
	if !o.allWorkspaces {
		return t.store.Deleted(ctx, age)
	}
	workspaces, err := t.store.ListWorkspaces(ctx)
	if err != nil {
		return nil, err
	}
	var trash []sqlstore.Trash
	for _, w := range workspaces {
		some, err := t.store.Deleted(mlflow.WithWorkspace(ctx, w.Name), age)
		if err != nil {
			return nil, fmt.Errorf("workspace %s: %w", w.Name, err)
		}
		trash = append(trash, some...)
	}
	return trash, nil
}

// sweep removes uploads that were begun and never ended. They belong to nobody, so
// that nobody is asked.
func (o *gcOptions) sweep(ctx context.Context, a *app, t *tracking) error {
	if o.dryRun {
		return nil
	}
	n, err := a.sweep(ctx, t.root)
	if n > 0 {
		a.note("%s that nobody ended removed", fault.Counted(n, "upload"))
	}
	return err
}

// chosen leaves out what registered versions need, where they are to be kept.
func (o *gcOptions) chosen(trash []sqlstore.Trash) []sqlstore.Trash {
	var out []sqlstore.Trash
	for _, x := range trash {
		if !o.keepRegistered || len(x.Versions) == 0 {
			out = append(out, x)
		}
	}
	return out
}

// collect removes the trash of one workspace after the other, also where that of
// another cannot be removed. It returns whose rows are gone.
func (o *gcOptions) collect(ctx context.Context, a *app, t *tracking, trash []sqlstore.Trash) (gone []sqlstore.Trash, err error) {
	for len(trash) > 0 {
		workspace := trash[0].Workspace
		n := slices.IndexFunc(trash, func(x sqlstore.Trash) bool { return x.Workspace != workspace })
		if n < 0 {
			n = len(trash)
		}
		some, failed := o.collectIn(mlflow.WithWorkspace(ctx, workspace), t, trash[:n])
		gone, trash, err = append(gone, some...), trash[n:], errors.Join(err, failed)
	}
	a.note("deleted for good: %s", fault.Counted(len(gone), "thing"))
	return gone, err
}

// collectIn removes rows first and files then: files without rows are found by
// nobody, rows without files would be. Files that stay keep no others.
func (o *gcOptions) collectIn(ctx context.Context, t *tracking, trash []sqlstore.Trash) ([]sqlstore.Trash, error) {
	gone, err := t.store.Purge(ctx, trash, o.keepRegistered)
	if err != nil {
		return nil, err
	}
	var left error
	for _, x := range gone {
		if x.ArtifactURI == "" {
			continue
		}
		if err := t.remove(ctx, x.ArtifactURI); err != nil {
			left = errors.Join(left, fmt.Errorf("the files of %s %s at %s stay: %w", x.Kind, x.ID, x.ArtifactURI, err))
		}
	}
	return gone, left
}

// remove deletes all files at a URI.
func (t *tracking) remove(ctx context.Context, uri string) error {
	files, err := t.files(ctx, uri)
	if err != nil {
		return err
	}
	var paths []string
	if err := artifact.Walk(ctx, files, "", func(e artifact.Entry) error { paths = append(paths, e.Path); return nil }); err != nil {
		return err
	}
	for _, p := range paths {
		if err := files.Delete(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// trashTable shows a line a thing.
func trashTable(trash []sqlstore.Trash) table {
	t := table{Thing: "trash", Columns: columns("kind", "id", "name", "deleted", "registered_as", "files", "workspace")}
	for _, x := range trash {
		var as []string
		for _, v := range x.Versions {
			as = append(as, v.Name+"/"+v.Version)
		}
		t.Rows = append(t.Rows, []any{string(x.Kind), x.ID, x.Name, x.Deleted.UTC().Format(time.RFC3339), strings.Join(as, " "), x.ArtifactURI, x.Workspace})
	}
	return t
}
