package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/serve"
)

// newServe makes `salesctl serve`.
func newServe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer the HTTP API from the champion",
		Long: `Answer the HTTP API from the champion and the database's sales:
  POST /predict_sales    one row in, one number out
  POST /forecast_sales   the periods after the newest actual
  POST /monitor_mlflow   the runs of an experiment
  GET  /healthz          whether the process answers
  /api/2.0/mlflow/...    the embedded MLflow tracking server, unless --tracking-uri names another
Every number that is served is kept in the database, apart from the sales.

It listens on this machine only. Any other --host is refused without --auth:
key lets in who brings a key (salesctl keys create), none everybody who reaches
the address. Ctrl-C finishes the requests in hand and exits 0.`,
		GroupID: groupMain,
		Args:    noArgs,
		Example: `  salesctl serve
  salesctl serve --port 0
  salesctl serve --host 0.0.0.0 --port 8080 --auth none`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), s, a.logger(slog.LevelInfo), func(net.Addr) {})
		},
	}
	a.addSettings(cmd.Flags(), "host", "serve.host", "port", "serve.port", "auth", "serve.auth", "allowed-hosts", "serve.allowed_hosts",
		"tracking-uri", "tracking.uri", "mlflow-ui-dir", "tracking.ui")
	return cmd
}

// serve answers until ctx ends. The port is taken first, so that a busy one
// fails before any work; ready is told the address when everything is loaded.
func (a *app) serve(ctx context.Context, s *config.Settings, log *slog.Logger, ready func(net.Addr)) error {
	l, err := serve.Listen(ctx, serve.ListenOptions{Host: s.Serve.Host, Port: s.Serve.Port, Auth: s.Serve.Auth, Logger: log})
	if err != nil {
		return misplaced(s, err)
	}
	if err := a.answer(ctx, s, l, log, ready); err != nil {
		return errors.Join(err, ignoreClosed(l.Close()))
	}
	return nil
}

// misplaced tells where an address that is refused was set, if not by a flag.
func misplaced(s *config.Settings, err error) error {
	if origin := s.Origin("serve.host").Layer; fault.Is(err, fault.Usage) && origin != config.FromFlag {
		return s.Refuse("serve.host", err)
	}
	return err
}

// ignoreClosed drops the error of closing what is closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// answer loads what is served and serves it on l.
func (a *app) answer(ctx context.Context, s *config.Settings, l net.Listener, log *slog.Logger, ready func(net.Addr)) (err error) {
	if err := a.bootstrap(ctx, s, true); err != nil {
		return err
	}
	db, err := a.openStore(ctx, s, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Panel(ctx); err != nil { // without sales no start; and the first request finds them read
		return err
	}
	t, err := a.openTracking(ctx, s, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	c, err := t.champion(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.Warm(); err != nil {
		return err
	}
	runs, err := a.logInferences(t, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drain(ctx, runs)) }() // before the database is closed
	o := serve.Options{
		Model: c, Version: c.version, ModelURI: "models:/" + promote.Pipeline + "/" + c.version,
		History: db, Recorder: db, Log: runs, Runs: t, Logger: log, Now: a.now,
	}
	if t.store != nil {
		o.ChooseRunID, o.Pages = true, s.Tracking.UI != ""
		if o.Tracking, err = a.trackingHandler(ctx, s, t, pendingRuns{t, runs}, "", log); err != nil {
			return err
		}
	}
	h, err := serve.New(o)
	if err != nil {
		return err
	}
	guarded, err := a.guard(h, s.Serve.Auth, s.Serve.Hosts, "", log)
	if err != nil {
		return err
	}
	a.note("version %s of %s, trained through %s, data in %s", c.version, promote.Pipeline, c.Info().TrainedThrough, db.Path())
	a.note("logging to %s", t.place)
	a.note("listening on http://%s", l.Addr())
	if err := a.done(serverTable(l.Addr(), t.place)); err != nil {
		return err
	}
	ready(l.Addr())
	return serve.Serve(ctx, l, guarded, serve.ServeOptions{Settle: h.Settle, Logger: log})
}

// serverTable tells programs where a server listens, which with --port 0 they
// cannot know. It is the one document of a server, written when it is ready.
func serverTable(at net.Addr, tracking string) table {
	return table{Thing: "server", Columns: columns("url", "tracking"), Rows: [][]any{{clientURL(at), tracking}}}
}

// logInferences logs what is served in the background; what the tracking place
// does not take waits on the disk.
func (a *app) logInferences(t *tracking, log *slog.Logger) (*spool.Logger, error) {
	disk, err := a.openSpool(t.spool)
	if err != nil {
		return nil, err
	}
	return spool.NewLogger(t.destination(), disk, spool.LoggerOptions{Logger: log}), nil
}

// patience bounds how long the runs that are still to be logged are waited for at
// the end; the rest goes to the disk.
const patience = 5 * time.Second

func drain(ctx context.Context, runs *spool.Logger) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return runs.Close(ctx)
}

// pendingRuns is a tracking place that knows the runs which are still to be
// written, so that the id of an answer finds its run at once.
type pendingRuns struct {
	*tracking
	runs *spool.Logger
}

// GetRun looks at the runs that wait, too.
func (p pendingRuns) GetRun(ctx context.Context, id string) (mlflow.Run, error) {
	// Queue first: a run leaves it after it stands in the database.
	if run, ok := p.runs.Pending(id); ok && cmp.Or(mlflow.WorkspaceOf(ctx), p.workspace) == p.workspace {
		return run, nil
	}
	return p.tracking.GetRun(ctx, id)
}
