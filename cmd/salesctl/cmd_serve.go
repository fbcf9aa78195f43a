package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/serve"
)

// newServe makes `salesctl serve`.
func newServe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer the HTTP API from the newest pipeline",
		Long: `Answer the HTTP API from the newest pipeline and the database's sales:
  POST /predict_sales    one row in, one number out
  POST /forecast_sales   the periods after the newest actual
  GET  /healthz          whether the process answers
Every number that is served is kept in the database, apart from the sales.

It listens on this machine only. Any other --host is refused without --auth none,
which lets everybody ask who reaches the address. Ctrl-C finishes the requests in
hand and exits 0.`,
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
	a.addSettings(cmd.Flags(), "host", "serve.host", "port", "serve.port", "auth", "serve.auth")
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
	c, err := a.pipelines().champion(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.Warm(); err != nil {
		return err
	}
	h, err := serve.New(serve.Options{
		Model: c, Version: c.version, History: db, Recorder: db, Logger: log, Now: a.now,
	})
	if err != nil {
		return err
	}
	a.note("pipeline %s, trained through %s, data in %s", c.version, c.Info().TrainedThrough, db.Path())
	a.note("listening on http://%s", l.Addr())
	ready(l.Addr())
	return serve.Serve(ctx, l, h, serve.ServeOptions{Logger: log})
}
