package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/auth"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/serve"
)

// newTracking makes `salesctl tracking` and what is below it.
func newTracking(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tracking",
		Short:   "Run and look after the MLflow tracking server",
		GroupID: groupMain,
		Example: `  salesctl tracking serve
  salesctl tracking serve --mlflow-ui-dir auto
  salesctl tracking replay`,
	}
	cmd.AddCommand(newTrackingServe(a), newTrackingReplay(a), newTrackingDoctor(a), newTrackingGC(a),
		newTrackingExport(a), newTrackingImport(a), newTrackingWorkspaces(a))
	return cmd
}

// trackingServe are the flags of `salesctl tracking serve` that are no settings.
type trackingServe struct {
	root, prefix string
}

func newTrackingServe(a *app) *cobra.Command {
	var o trackingServe
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve MLflow's REST API, registry and artifacts from a database",
		Long: `Serve MLflow's REST API, model registry and artifacts from a database of MLflow's
own schema. Stock MLflow clients use it as any tracking server, and MLflow's own
server can open the same database.

It listens on this machine only; any other --host needs --auth. Ctrl-C finishes
the requests in hand and exits 0.`,
		Args: noArgs,
		Example: `  salesctl tracking serve
  salesctl tracking serve --port 0 --backend-store-uri sqlite:///other.db
  salesctl tracking serve --mlflow-ui-dir auto --artifacts-destination s3://bucket/mlflow`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s, a.logger(slog.LevelInfo))
		},
	}
	f := cmd.Flags()
	a.addSettings(f, "host", "tracking.host", "port", "tracking.port", "backend-store-uri", "tracking.uri",
		"artifacts-destination", "tracking.artifacts", "mlflow-ui-dir", "tracking.ui",
		"auth", "tracking.auth", "allowed-hosts", "tracking.allowed_hosts", "enable-workspaces", "tracking.enable_workspaces")
	f.Lookup("enable-workspaces").NoOptDefVal = "true"
	f.StringVar(&o.root, "default-artifact-root", "", "the `URI` below which new experiments get their artifacts; empty means through this server")
	f.StringVar(&o.prefix, "static-prefix", "", "a `PATH` before every other, such as /mlflow")
	return cmd
}

// staticPrefix is a path before every other; it may be empty.
var staticPrefix = regexp.MustCompile(`^(/[0-9A-Za-z][0-9A-Za-z._-]*)*$`)

// run serves until ctx ends.
func (o *trackingServe) run(ctx context.Context, a *app, s *config.Settings, log *slog.Logger) (err error) {
	if !database.IsDSN(s.Tracking.URI) {
		err := fault.New(fault.Config, "%s is no database that can be served", fault.Redact(s.Tracking.URI)).
			WithHint("--backend-store-uri sqlite:///mlflow.db, or mysql://user@host/db")
		return s.Refuse("tracking.uri", err)
	}
	if s.Tracking.Workspace != "" {
		err := fault.New(fault.Config, "a server works in all workspaces, and its requests say in which").WithHint("unset MLFLOW_WORKSPACE, which is for clients")
		return s.Refuse("tracking.workspace", err)
	}
	if !staticPrefix.MatchString(o.prefix) {
		return fault.New(fault.Usage, "--static-prefix %q must begin with a slash, end without one, and hold letters, digits, -, _ and . between slashes", o.prefix).
			WithHint("--static-prefix /mlflow")
	}
	// First of all: a port that is taken must not leave a new database behind.
	l, err := serve.Listen(ctx, serve.ListenOptions{Host: s.Tracking.Host, Port: s.Tracking.Port, Auth: s.Tracking.Auth, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreClosed(l.Close())) }()
	t, err := a.trackingAt(ctx, s, s.Tracking.URI, openOptions{create: true, root: o.root, check: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	h, err := a.trackingHandler(ctx, s, t, t, o.prefix, log)
	if err != nil {
		return err
	}
	guarded, err := a.guard(h, s.Tracking.Auth, s.Tracking.Hosts, o.prefix, log)
	if err != nil {
		return err
	}
	a.note("tracking database %s, artifacts in %s", t.place, s.Tracking.Artifacts)
	a.note("listening on http://%s", l.Addr())
	a.note("next: export MLFLOW_TRACKING_URI=%s%s", clientURL(l.Addr()), o.prefix)
	if err := a.done(serverTable(l.Addr(), t.place)); err != nil {
		return err
	}
	defer a.sweepBeside(ctx, t.root, log)()
	return serve.Serve(ctx, l, guarded, serve.ServeOptions{Logger: log})
}

// trackingHandler answers MLflow's REST API from a database here. runs may show
// more than the database has, such as runs that are still to be written.
func (a *app) trackingHandler(ctx context.Context, s *config.Settings, t *tracking, runs mlflow.Tracking, prefix string, log *slog.Logger) (http.Handler, error) {
	pages, err := a.pages(s)
	if err != nil {
		return nil, err
	}
	sources, err := a.sources()
	if err != nil {
		return nil, err
	}
	var workspaces mlflow.Workspaces
	if s.Tracking.HasWorkspaces() {
		workspaces = t.store
	}
	return server.New(server.Options{
		Sources: sources, Workspaces: workspaces,
		Tracking: runs, Registry: t, Artifacts: t.root,
		Open:         func(uri string) (artifact.Store, error) { return t.files(ctx, uri) },
		StaticPrefix: prefix, UI: pages, Logger: log,
	}), nil
}

// sources is what MLflow's own variable for it allows as the source of a version.
func (a *app) sources() (*regexp.Regexp, error) {
	const name = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"
	text := a.env(name)
	if text == "" {
		return nil, nil
	}
	allowed, err := regexp.Compile(text)
	if err != nil {
		return nil, fault.New(fault.Config, "%s: %w", name, err)
	}
	return allowed, nil
}

// pages finds MLflow's web pages, where the settings want them.
func (a *app) pages(s *config.Settings) (string, error) {
	if s.Tracking.UI == "" {
		return "", nil
	}
	at := s.Tracking.UI
	if at != "auto" {
		at = a.path(at)
	}
	dir, err := server.FindUI(at, a.env)
	if err != nil {
		return "", s.Refuse("tracking.ui", err)
	}
	a.note("web pages from %s", dir)
	return dir, nil
}

// guard puts the keys, the Host check and the audit before a handler.
func (a *app) guard(h http.Handler, how string, hosts []string, prefix string, log *slog.Logger) (http.Handler, error) {
	scope := func(r *http.Request) auth.Scope { return scopeOf(r, prefix) }
	o := auth.Options{Scope: scope, Hosts: hosts, Flag: "--allowed-hosts", Deny: deny}
	if how == serve.AuthKey {
		o.Keys = a.keyring()
		keys, err := o.Keys.List()
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			a.note("there are no keys yet, so nobody is let in; make one: salesctl keys create NAME")
		}
		o.Audit, o.Log = log.With("log", "audit"), log
	}
	return auth.Guard(h, o), nil
}

// scopeOf is what a request to any of our servers needs; "" needs no key. Who asks
// for a server's health, such as a load balancer, has none.
func scopeOf(r *http.Request, prefix string) auth.Scope {
	switch strings.TrimPrefix(r.URL.Path, prefix) {
	case "/healthz", "/health", "/version":
		return ""
	case "/predict_sales", "/forecast_sales", "/monitor_mlflow":
		return auth.API
	}
	return server.Scope(r)
}

// deny answers a request that is not let in, in the words of the API that it
// was for.
func deny(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusUnauthorized
	switch {
	case errors.Is(err, auth.ErrForbidden):
		status = http.StatusForbidden
	case !fault.Is(err, fault.Auth): // the server's own trouble
		status = http.StatusInternalServerError
	}
	if scopeOf(r, "") == auth.API { // no prefix: the API is `serve`'s, which has none
		serve.Deny(w, status, err)
		return
	}
	server.Deny(w, status, err)
}
