package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// TestStockClient goes with MLflow's own client through everything that a tracking
// server does, at MLflow's server and at ours, and compares every answer.
//
// Then the servers change places twice: each opens the database and the files that
// the other wrote, must know all of it to the letter, and writes on.
func TestStockClient(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	bin := peers(t)
	t.Run("sqlite", func(t *testing.T) { inTurn(t, bin, [2]backend{onSQLite(t), onSQLite(t)}) })
	t.Run("mysql", func(t *testing.T) { inTurn(t, bin, [2]backend{onMySQL(t, "theirs"), onMySQL(t, "ours")}) })
}

// backend is where a server keeps what it is told.
type backend struct{ dsn, pythonDSN, files string }

func onSQLite(t *testing.T) backend {
	dir := t.TempDir()
	dsn := "sqlite:///" + filepath.Join(dir, "mlflow.db")
	return backend{dsn, dsn, filepath.Join(dir, "artifacts")}
}

func onMySQL(t *testing.T, name string) backend {
	dsn := databasetest.Start(t).DSN("conformance_" + name)
	return backend{dsn, strings.Replace(dsn, "mysql:", "mysql+pymysql:", 1), t.TempDir()}
}

// inTurn starts with MLflow's server at the first place and ours at the second.
func inTurn(t *testing.T, bin string, places [2]backend) {
	start := [2]starter{startMLflow, startOurs}
	var known [2][]string // what the last server of each place knew
	for _, turn := range []string{"first", "second", "third"} {
		t.Run(turn, func(t *testing.T) {
			var uris [2]string
			for i := range places {
				uris[i] = start[i](t, bin, places[i])
			}
			if turn == "first" {
				flow(t, bin, uris)
			}
			for i, lines := range both(t, bin, uris, "turn.py", turn) {
				middle := slices.Index(lines, "")
				if turn != "first" {
					compare(t, known[i], lines[:middle])
				}
				known[i] = lines[middle+1:]
			}
		})
		start[0], start[1] = start[1], start[0]
	}
}

// flow compares what the client saw at MLflow's server and at ours.
func flow(t *testing.T, bin string, uris [2]string) {
	t.Helper()
	lines := both(t, bin, uris, "flow.py")
	for _, line := range lines[0] {
		if strings.Contains(line, `"aborts":`) {
			t.Errorf("the flow itself is wrong, at MLflow's server: %.500s", line)
		}
	}
	if len(lines[0]) < 500 {
		t.Errorf("the flow has only %d steps", len(lines[0]))
	}
	compare(t, lines[0], lines[1])
}

// compare finds the lines that differ.
func compare(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		if want[i] == got[i] {
			continue
		}
		var w, g any
		if err := errors.Join(json.Unmarshal([]byte(want[i]), &w), json.Unmarshal([]byte(got[i]), &g)); err != nil {
			t.Fatal(err)
		}
		t.Errorf("line %d, %.200s\nwant - got +\n%s", i+1, want[i], cmp.Diff(w, g))
	}
}

// both runs a script of testdata/conformance at two servers at once, and returns
// the lines that it wrote.
func both(t *testing.T, bin string, uris [2]string, script string, arguments ...string) (lines [2][]string) {
	t.Helper()
	var wait sync.WaitGroup
	var failed [2]error
	for i, uri := range uris {
		wait.Go(func() {
			out, err := runPython(t.Context(), t.TempDir(), bin, append([]string{script, uri}, arguments...)...)
			if err != nil {
				failed[i] = fmt.Errorf("%s at %s: %w", script, uri, err)
			}
			lines[i] = strings.Split(strings.TrimSpace(string(out)), "\n")
		})
	}
	wait.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	return lines
}

// runPython runs a script of testdata/conformance at home in a folder.
func runPython(ctx context.Context, home, bin string, arguments ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "python"), arguments...)
	cmd.Dir = filepath.Join("testdata", "conformance")
	cmd.Env = peerEnv(home)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return out, err
}

// peerEnv is this process's environment without what would lead MLflow elsewhere.
func peerEnv(home string) []string {
	env := []string{"HOME=" + home, "MPLCONFIGDIR=" + home, "PYTHONDONTWRITEBYTECODE=1",
		"MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MLFLOW_") && !strings.HasPrefix(v, "HOME=") {
			env = append(env, v)
		}
	}
	return env
}

// peers returns the folder of the programs of the venv that PEERS_VENV names.
func peers(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(os.Getenv("PEERS_VENV"), "bin")
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "python"), "-c",
		"import matplotlib, pandas, PIL, sklearn, xgboost; from mlflow.version import VERSION; print(VERSION)").Output()
	if err == nil && filepath.IsAbs(bin) && strings.TrimSpace(string(out)) == mlflow.Release {
		return bin
	}
	missing := fmt.Sprintf("PEERS_VENV names no venv with mlflow==%s, matplotlib, scikit-learn and xgboost: %v", mlflow.Release, err)
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// starter starts a server over a database and a folder, until the test ends.
type starter func(t *testing.T, bin string, p backend) (uri string)

func startOurs(t *testing.T, _ string, p backend) string {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), p.dsn, sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(New(Options{Tracking: s, Registry: s, Artifacts: artifact.NewLocal(p.files)}))
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

func startMLflow(t *testing.T, bin string, p backend) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "mlflow"), "server", "--workers", "1", "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", p.pythonDSN, "--artifacts-destination", p.files)
	cmd.Env = append(peerEnv(t.TempDir()), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its workers
	cmd.WaitDelay = 20 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { cancel(); _ = cmd.Wait() }) // Wait tells of our own interrupt
	t.Cleanup(stop)
	uri := "http://127.0.0.1:" + port
	if err := healthy(t.Context(), uri); err != nil {
		stop()
		t.Fatalf("MLflow's server does not start: %v\n%s", err, log.Bytes())
	}
	return uri
}

// healthy waits until the server answers.
func healthy(ctx context.Context, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	defer http.DefaultClient.CloseIdleConnections()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri+"/health", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
