package transfer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// From MLflow's own server to ours and from ours to MLflow's; Python loads what
// lies at the new place.
func TestPeer(t *testing.T) {
	venv := peers(t)
	uri := startMLflow(t, venv)
	theirs := reach(t, uri)

	python(t, venv, "make", uri)
	dir, _ := export(t, theirs, transfer.Options{})
	ours := open(t)
	filler{t, ours}.experiment("here before")
	r, err := transfer.Import(t.Context(), dir, ours, transfer.Options{})
	must(t, err)
	if r.New.Runs != 2 || r.New.LoggedModels != 1 || r.New.Versions != 3 || len(r.Warnings) > 0 {
		t.Errorf("made %+v, warned of %q", r.New, r.Warnings)
	}
	names := []string{"stock/größe 📈", "Stock Model", "Copy"}
	equal(t, snapshot(t, ours, names...), snapshot(t, theirs, names...))
	python(t, venv, "check", serve(t, ours))

	from := open(t)
	fill(t, from)
	dir, _ = export(t, from, transfer.Options{})
	names = []string{"sales/Zürich 🛒", "deleted", "Zebra of sales", `A copy 'quoted"`, "without versions", "prompt"}
	for _, made := range []int{4, 0} {
		r, err = transfer.Import(t.Context(), dir, theirs, transfer.Options{})
		must(t, err)
		equal(t, snapshot(t, theirs, names...), snapshot(t, from, names...))
		if r.New.Runs != made {
			t.Errorf("made %d runs, want %d", r.New.Runs, made)
		}
	}
}

// peers is the folder of the venv that PEERS_VENV names.
func peers(t *testing.T) string {
	t.Helper()
	venv := os.Getenv("PEERS_VENV")
	if _, err := os.Stat(filepath.Join(venv, "bin", "mlflow")); venv == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PEERS_VENV names no venv with mlflow==%s", mlflow.Release)
		}
		t.Skipf("PEERS_VENV names no venv with mlflow==%s", mlflow.Release)
	}
	return venv
}

// python runs testdata/peer.py.
func python(t *testing.T, venv, what, uri string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(venv, "bin", "python"), filepath.Join("testdata", "peer.py"), what, uri)
	cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("peer.py %s: %v\n%s", what, err, out)
	}
}

// reach is the place behind a URI.
func reach(t *testing.T, uri string) transfer.Place {
	t.Helper()
	c, err := client.New(client.Options{URI: uri})
	must(t, err)
	t.Cleanup(c.Close)
	return transfer.Place{Tracking: c, Registry: c, Files: func(_ context.Context, uri string) (artifact.Store, error) {
		return c.Artifacts(uri)
	}}
}

// serve puts our server before a place.
func serve(t *testing.T, p transfer.Place) (uri string) {
	t.Helper()
	root, err := p.Files(t.Context(), "mlflow-artifacts:/")
	must(t, err)
	s := httptest.NewServer(server.New(server.Options{
		Tracking: p.Tracking, Registry: p.Registry, Artifacts: root,
		Open: func(uri string) (artifact.Store, error) { return p.Files(context.Background(), uri) },
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// startMLflow runs MLflow's server on a database of its own until the test ends.
func startMLflow(t *testing.T, venv string) (uri string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(venv, "bin", "mlflow"), "server", "--workers", "1", "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", "sqlite:///"+filepath.Join(dir, "mlflow.db"), "--artifacts-destination", filepath.Join(dir, "artifacts"))
	cmd.Env = append(os.Environ(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true", "HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its workers
	cmd.WaitDelay = 20 * time.Second
	must(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	uri = "http://127.0.0.1:" + port
	ctx, enough := context.WithTimeout(t.Context(), 3*time.Minute)
	defer enough()
	for {
		if err := healthy(ctx, uri); err == nil {
			return uri
		}
		select {
		case <-ctx.Done():
			t.Fatal("MLflow's server does not start")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func healthy(ctx context.Context, uri string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(err, errors.New(resp.Status))
	}
	return nil
}
