package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/artifact/artifacttest"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
	"github.com/salesctl/salesctl/pkg/mlflow/mlflowtest"
)

// everything is what is asked of a server with the client between.
func everything(t *testing.T, c *client.Client) {
	t.Run("every route", func(t *testing.T) { everyRoute(t, c) })
	t.Run("contract", func(t *testing.T) { mlflowtest.Run(t, func(*testing.T) mlflowtest.Server { return c }) })
	t.Run("artifacts", func(t *testing.T) {
		var n atomic.Int32
		artifacttest.Run(t, func(t *testing.T) artifact.Store {
			s, err := c.Artifacts(fmt.Sprintf("mlflow-artifacts:/suite/%d", n.Add(1)))
			if err != nil {
				t.Fatal(err)
			}
			return spelled{s}
		})
	})
}

// TestAgainstMLflow asks MLflow's own server, of the venv that PEERS_VENV names.
func TestAgainstMLflow(t *testing.T) {
	everything(t, open(t, startMLflow(t)))
}

func TestWorkspacesAgainstMLflow(t *testing.T) {
	uri := startMLflow(t, "--enable-workspaces")
	mlflowtest.RunWorkspaces(t, func(t *testing.T) mlflowtest.Divided { return open(t, uri) })
}

// spelled writes otherwise what MLflow's server does not take in a name: to #,
// however it is escaped, it answers "Invalid path", and %2F it reads as a slash.
type spelled struct{ artifact.Store }

func (s spelled) to(name string) string {
	return strings.NewReplacer("#", "HASH", "%2F", "SLASH").Replace(name)
}

func (s spelled) Put(ctx context.Context, name string, r io.Reader) error {
	return s.Store.Put(ctx, s.to(name), r)
}

func (s spelled) Get(ctx context.Context, name string) (artifact.File, error) {
	return s.Store.Get(ctx, s.to(name))
}

func (s spelled) List(ctx context.Context, folder string) ([]artifact.Entry, error) {
	entries, err := s.Store.List(ctx, folder)
	for i := range entries {
		entries[i].Path = strings.NewReplacer("HASH", "#", "SLASH", "%2F").Replace(entries[i].Path)
	}
	return entries, err
}

func (s spelled) Delete(ctx context.Context, name string) error {
	return s.Store.Delete(ctx, s.to(name))
}

// startMLflow runs MLflow's server on a database of its own until the test ends.
func startMLflow(t *testing.T, flags ...string) (uri string) {
	t.Helper()
	program := filepath.Join(os.Getenv("PEERS_VENV"), "bin", "mlflow")
	if _, err := os.Stat(program); err != nil || !filepath.IsAbs(program) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PEERS_VENV names no venv with mlflow in it: %v", err)
		}
		t.Skip("PEERS_VENV names no venv with mlflow in it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{"server", "--workers", "1", "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", "sqlite:///" + filepath.Join(dir, "mlflow.db"), "--artifacts-destination", filepath.Join(dir, "artifacts")}, flags...)...)
	cmd.Env = append(os.Environ(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true", "HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its workers
	cmd.WaitDelay = 20 * time.Second
	output, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait(); output.Close() })
	uri = "http://127.0.0.1:" + port
	if err := healthy(t.Context(), uri); err != nil {
		text, _ := os.ReadFile(output.Name())
		t.Fatalf("MLflow's server does not start: %v\n%s", err, text)
	}
	return uri
}

// healthy waits until the server answers.
func healthy(ctx context.Context, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	defer http.DefaultClient.CloseIdleConnections()
	var last error
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri+"/health", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		last = err
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(ctx.Err(), last)
}
