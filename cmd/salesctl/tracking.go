package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/artifact/s3"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/promote"
)

// proxied is the scheme of artifacts that a tracking server hands out itself.
const proxied = "mlflow-artifacts"

// How often, and at first how soon, a call to an MLflow server is repeated: for
// some three seconds in all.
const (
	retries = 3
	backoff = 200 * time.Millisecond
)

// tracking is where runs and models are logged: a database here, or a server.
type tracking struct {
	mlflow.Tracking
	mlflow.Registry
	place string          // for messages
	spool string          // the name under which records wait for it
	store *sqlstore.Store // nil: a server
	root  artifact.Store  // what mlflow-artifacts:/ means in a database here
	far   *client.Client  // nil: a database here
	s3    s3.Options
	dir   string // where relative places of artifacts begin

	workspace string // of contexts without one; "" in a database without workspaces

	opening sync.Mutex
	buckets map[string]artifact.Store // by name
}

// openTracking opens where the settings say that runs and models are logged. A
// database here that does not exist is made with create, else a fault.NotFound.
func (a *app) openTracking(ctx context.Context, s *config.Settings, create bool) (*tracking, error) {
	t, err := a.trackingAt(ctx, s, s.Tracking.URI, openOptions{create: create})
	if fault.Is(err, fault.Config) {
		return nil, s.Refuse("tracking.uri", err)
	}
	return t, err
}

// openOptions say how a database here is opened.
type openOptions struct {
	create bool   // where there is none
	root   string // the URI below which new experiments get their place; "" is through the server
	check  bool   // refuse a place of artifacts that cannot be used
}

// trackingAt opens the tracking place of a URI.
func (a *app) trackingAt(ctx context.Context, s *config.Settings, uri string, o openOptions) (*tracking, error) {
	t := &tracking{s3: s3Options(s), dir: a.dir}
	if !database.IsDSN(uri) {
		c, err := client.New(client.Options{
			URI: uri, Username: s.Tracking.Username, Password: s.Tracking.Password, Token: s.Tracking.Token,
			CA: a.env("MLFLOW_TRACKING_SERVER_CERT_PATH"), Insecure: a.env("MLFLOW_TRACKING_INSECURE_TLS") == "true",
			Logger: a.logger(slog.LevelWarn), Workspace: s.Tracking.Workspace,
			Retries: retries, Backoff: backoff, // what cannot be sent soon waits on the disk
		})
		if err != nil {
			return nil, err
		}
		t.Tracking, t.Registry, t.far, t.place = c, c, c, uri
		t.spool = spoolName(t.place, s.Tracking.Workspace)
		return t, nil
	}
	var err error
	if t.root, err = a.artifacts(ctx, s); err != nil {
		return nil, err
	}
	if o.check { // first: a server that cannot start makes no database
		if err := usable(ctx, s, t.root); err != nil {
			return nil, err
		}
	}
	store, err := sqlstore.Open(ctx, uri, sqlstore.Options{
		Dir: a.dir, Create: o.create, Secret: true, ArtifactRoot: o.root, Now: a.now,
		Workspaces: s.Tracking.HasWorkspaces(), Workspace: s.Tracking.Workspace,
	})
	if fault.Is(err, fault.NotFound) && fault.HintOf(err) == "" {
		return nil, fault.New(fault.NotFound, "nothing was trained here: %w", err).WithHint("run `salesctl train`")
	}
	if err != nil {
		return nil, err
	}
	t.Tracking, t.Registry, t.store, t.place = store, store, store, store.Path()
	if s.Tracking.HasWorkspaces() {
		t.workspace = cmp.Or(s.Tracking.Workspace, mlflow.DefaultWorkspace)
	}
	t.spool = spoolName(t.place, s.Tracking.Workspace)
	return t, nil
}

// withTracking opens the tracking place for f.
func (a *app) withTracking(ctx context.Context, s *config.Settings, create bool, f func(*tracking) error) error {
	t, err := a.openTracking(ctx, s, create)
	if err != nil {
		return err
	}
	return errors.Join(f(t), t.Close())
}

// artifacts opens the place of the files of runs and models.
func (a *app) artifacts(ctx context.Context, s *config.Settings) (artifact.Store, error) {
	place := s.Tracking.Artifacts
	if strings.HasPrefix(place, "s3://") {
		return s3.Open(ctx, place, s3Options(s))
	}
	if strings.HasPrefix(place, "file:") {
		p, err := filePath(place)
		if err != nil {
			return nil, s.Refuse("tracking.artifacts", err)
		}
		return artifact.NewLocal(a.path(p)), nil
	}
	if scheme, _, ok := strings.Cut(place, "://"); ok {
		err := fault.New(fault.Config, "there is no artifact store for %s://", scheme).WithHint("name a folder or s3://bucket/path")
		return nil, s.Refuse("tracking.artifacts", err)
	}
	return artifact.NewLocal(a.path(place)), nil
}

// filePath is the path that a file: URI means; file:files, which is no absolute one,
// stands in databases of MLflow's.
func filePath(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", fault.New(fault.Config, "artifact place %s: %w", uri, err)
	}
	if p := cmp.Or(u.Path, u.Opaque); p != "" && (u.Host == "" || u.Host == "localhost" || u.Host == ".") {
		return p, nil
	}
	return "", fault.New(fault.Config, "artifact place %s is none on this machine", uri).WithHint("write file:///absolute/path")
}

func s3Options(s *config.Settings) s3.Options {
	o := s3.Options{Endpoint: s.S3.Endpoint, Region: s.S3.Region, SSE: s.S3.Encryption, KMSKeyID: s.S3.KMSKey}
	switch s.S3.PathStyle {
	case "true":
		o.Style = s3.Path
	case "false":
		o.Style = s3.Virtual
	}
	return o
}

// Close closes the database, or the connections to a server.
func (t *tracking) Close() error {
	if t.store != nil {
		return t.store.Close()
	}
	t.far.Close()
	return nil
}

// reachable bounds the wait for a server that takes connections and says nothing.
const reachable = 3 * time.Second

// reach asks for the pipeline's registered model, to see whether the server is
// there and lets us in: fault.Unavailable, fault.Auth; fault.NotFound is a server
// without that model.
func (t *tracking) reach(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	_, err := t.GetRegisteredModel(limited, promote.Pipeline)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fault.New(fault.Unavailable, "%s does not answer within %s", t.place, reachable)
	}
	return err
}

// files opens the place that an artifact URI names.
func (t *tracking) files(ctx context.Context, uri string) (artifact.Store, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case scheme == proxied && t.far != nil:
		return t.far.Artifacts(uri)
	case scheme == proxied:
		return artifact.Sub(t.root, t.scoped(ctx, strings.Trim(rest, "/"))), nil
	case scheme == "s3":
		return t.bucket(ctx, uri)
	case scheme == "file":
		p, err := filePath(uri)
		if err != nil {
			return nil, err
		}
		return t.folder(p), nil
	case !ok || len(scheme) == 1: // a path, on Windows with a drive
		return t.folder(uri), nil
	}
	return nil, fault.New(fault.Config, "the artifacts of %s lie at %s: there is no way to %s", t.place, uri, scheme).
		WithHint("artifact places are served by the tracking server, in a folder, or in S3")
}

// scoped is where a path of mlflow-artifacts:/ lies in a database here. What moved
// to another workspace left its files in the folder of its old one.
func (t *tracking) scoped(ctx context.Context, path string) string {
	if t.workspace == "" {
		return path
	}
	if own, err := mlflow.ScopedPath(cmp.Or(mlflow.WorkspaceOf(ctx), t.workspace), path); err == nil {
		return own
	}
	return path
}

// folder opens a folder of this machine.
func (t *tracking) folder(p string) artifact.Store {
	if p = filepath.FromSlash(p); !filepath.IsAbs(p) {
		p = filepath.Join(t.dir, p)
	}
	return artifact.NewLocal(p)
}

// bucket opens a place in S3. The store of a bucket, with its credentials and
// connections, is made once.
func (t *tracking) bucket(ctx context.Context, uri string) (artifact.Store, error) {
	name, folder, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.buckets[name] == nil {
		s, err := s3.Open(ctx, "s3://"+name, t.s3)
		if err != nil {
			return nil, err
		}
		if t.buckets == nil {
			t.buckets = map[string]artifact.Store{}
		}
		t.buckets[name] = s
	}
	return artifact.Sub(t.buckets[name], strings.Trim(folder, "/")), nil
}

// destination is where records go.
func (t *tracking) destination() record.Destination {
	return record.Destination{
		Tracking: t.Tracking, Registry: t.Registry, Files: t.files,
		Registered: func(ctx context.Context, versions []record.Version) error {
			_, err := t.introduce(ctx, versions)
			return err
		},
	}
}
