package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

func newTrackingDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the tracking database: its head, missing indexes, sizes",
		Args:  noArgs,
		Example: `  salesctl tracking doctor
  salesctl tracking doctor --json
  SALESCTL_TRACKING_URI=sqlite:///other.db salesctl tracking doctor`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.diagnose(cmd.Context(), s)
		},
	}
}

const emptyHint = "`salesctl train` and `salesctl tracking serve` make the tables"

// diagnose shows what the database holds; anything wrong is an error.
func (a *app) diagnose(ctx context.Context, s *config.Settings) error {
	if err := wantDatabase(s); err != nil {
		return err
	}
	h, err := sqlstore.Diagnose(ctx, s.Tracking.URI, sqlstore.Options{Dir: a.dir, Secret: true})
	if fault.Is(err, fault.NotFound) && fault.HintOf(err) == "" {
		err = fault.New(fault.NotFound, "%w", err).WithHint(emptyHint)
	}
	if err != nil {
		return err
	}
	t := table{Thing: "tables", Columns: columns("table", "rows", "bytes")}
	for _, size := range h.Tables {
		t.Rows = append(t.Rows, []any{size.Name, size.Rows, size.Bytes})
	}
	a.note("%s", h.Path)
	a.note("head %q; MLflow %s, which this program speaks, has %q", h.Head, h.Release, h.Want)
	if err := a.render(t); err != nil {
		return err
	}
	switch {
	case h.Head == "" && len(h.Tables) == 0:
		return fault.New(fault.NotFound, "%s is empty", h.Path).WithHint(emptyHint)
	case h.Refusal != nil:
		return h.Refusal
	case len(h.Missing) > 0:
		return fault.New(fault.Integrity, "missing: %s", strings.Join(h.Missing, ", ")).
			WithHint("restore a backup, or make the missing ones as MLflow %s has them", h.Release)
	}
	if len(h.Workspaces) > 0 {
		a.note("workspaces beside the default one: %s; MLFLOW_ENABLE_WORKSPACES=true opens them", strings.Join(h.Workspaces, ", "))
	}
	a.note("no table and no index is missing")
	return nil
}

// wantDatabase refuses settings whose tracking place is a server.
func wantDatabase(s *config.Settings) error {
	if database.IsDSN(s.Tracking.URI) {
		return nil
	}
	err := fault.New(fault.Config, "%s is no database, and this works on one", fault.Redact(s.Tracking.URI)).
		WithHint("run it where the server's database is, with SALESCTL_TRACKING_URI=sqlite:///mlflow.db or mysql://user@host/db")
	return s.Refuse("tracking.uri", err)
}

func newTrackingReplay(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "replay",
		Short: "Send what waited while the tracking server was away",
		Long: `Send the records that training and serving kept in .salesctl/spool while the
tracking server was away, the oldest first. Run again, or after it was
interrupted, it makes no run twice.`,
		Args: noArgs,
		Example: `  salesctl tracking replay
  MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking replay
  salesctl tracking replay --quiet`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.replayWaiting(cmd.Context(), s)
		},
	}
}

// replayWaiting sends what waits, if anything does, and makes no database for it:
// what waits was meant for a server that is there.
func (a *app) replayWaiting(ctx context.Context, s *config.Settings) error {
	folder := a.path(stateFolder + "/" + spoolFolder)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return a.nothingWaits(ctx, s, folder)
	}
	err := a.withTracking(ctx, s, false, func(t *tracking) error { return a.replay(ctx, t) })
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "%w", err).WithHint("say where to send it: MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking replay")
	}
	return err
}

// nothingWaits says so, where something could: in a place without a tracking
// database the step that makes one is missing.
func (a *app) nothingWaits(ctx context.Context, s *config.Settings, folder string) error {
	if database.IsDSN(s.Tracking.URI) {
		if err := a.withTracking(ctx, s, false, func(*tracking) error { return nil }); err != nil {
			return err
		}
	}
	a.note("nothing waits: there is no %s", folder)
	return a.done(replayTable(spool.Report{}))
}

// gcOptions are the flags of `salesctl tracking gc`.
type gcOptions struct {
	change
	olderThan      string
	keepRegistered bool
}

func newTrackingGC(a *app) *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Delete for good what was deleted, with its files",
		Long: `Delete for good the runs, logged models and experiments that were deleted, with
their rows and files. The names of experiments become free again. In a database
with workspaces it is those of MLFLOW_WORKSPACE. What uploads
of killed programs left two days ago or earlier goes, too.`,
		Args: noArgs,
		Example: `  salesctl tracking gc --older-than 30d --keep-registered --dry-run
  salesctl tracking gc --older-than 30d --keep-registered --yes
  salesctl tracking gc --older-than 12h`,
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
	return a.withTracking(ctx, s, false, func(t *tracking) (err error) {
		defer func() { err = errors.Join(err, o.sweep(ctx, a, t)) }()
		trash, err := t.store.Deleted(ctx, age)
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

// collect removes rows first and files then: files without rows are found by
// nobody, rows without files would be. It returns whose rows are gone.
func (o *gcOptions) collect(ctx context.Context, a *app, t *tracking, trash []sqlstore.Trash) ([]sqlstore.Trash, error) {
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
	a.note("deleted for good: %s", fault.Counted(len(gone), "thing"))
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
	t := table{Thing: "trash", Columns: columns("kind", "id", "name", "deleted", "registered_as", "files")}
	for _, x := range trash {
		var as []string
		for _, v := range x.Versions {
			as = append(as, v.Name+"/"+v.Version)
		}
		t.Rows = append(t.Rows, []any{string(x.Kind), x.ID, x.Name, x.Deleted.UTC().Format(time.RFC3339), strings.Join(as, " "), x.ArtifactURI})
	}
	return t
}
