package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

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
	// What there is comes before the verdict: whoever asks for help needs both.
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
	var from string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send what waited while the tracking server was away",
		Long: `Send the records that training and serving kept in .salesctl/spool while the
tracking server was away, the oldest first. Run again, or after it was
interrupted, it makes no run twice.

Records wait for the server or database that they were meant for. Where that has
moved, --from sends what waits for its old place.`,
		Args: noArgs,
		Example: `  salesctl tracking replay
  MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking replay
  MLFLOW_TRACKING_URI=http://new:5000 salesctl tracking replay --from http://old:5000`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.replayWaiting(cmd.Context(), s, from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "send what waits for this tracking place (default that of the settings)")
	return cmd
}

// replayWaiting sends what waits, if anything does, and makes no database for it:
// what waits was meant for a server that is there.
func (a *app) replayWaiting(ctx context.Context, s *config.Settings, from string) error {
	if _, err := os.Stat(a.spoolRoot()); errors.Is(err, fs.ErrNotExist) {
		return a.nothingWaits(ctx, s, a.spoolRoot())
	}
	places, err := spool.Places(a.spoolRoot())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(places, func(p spool.Place) bool { return p.Name == from })
	if from != "" && at < 0 {
		return fault.New(fault.NotFound, "nothing waits for %s", from).WithHint("%s", keptFor(places))
	}
	err = a.withTracking(ctx, s, false, func(t *tracking) error {
		name := cmp.Or(from, t.spool)
		for _, p := range places {
			if p.Name != name {
				a.note("%s kept for %s: `salesctl tracking replay --from '%s'` would send it here",
					fault.Counted(p.Records, "record"), p.Name, p.Name)
			}
		}
		return a.replay(ctx, t, name)
	})
	if fault.Is(err, fault.NotFound) && len(places) > 0 {
		return fault.New(fault.NotFound, "%w", err).WithHint("say where to send it: MLFLOW_TRACKING_URI=%s salesctl tracking replay", places[0].Name)
	}
	return err
}

// keptFor says for what places records wait.
func keptFor(places []spool.Place) string {
	if len(places) == 0 {
		return "nothing waits for any place"
	}
	var names []string
	for _, p := range places {
		names = append(names, p.Name)
	}
	return "records wait for " + strings.Join(names, ", ")
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
