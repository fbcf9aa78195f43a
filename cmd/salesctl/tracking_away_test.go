//go:build unix

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/serve"
)

// hold keeps the write lock of the directory's tracking database until release.
func hold(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := database.Open(t.Context(), "sqlite:///mlflow.db", database.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	held, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = db.InTx(ctx, func(*sql.Tx) error {
			close(held)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-held
	release = func() {
		cancel()
		<-ended
		_ = db.Close()
	}
	t.Cleanup(release)
	return release
}

// spooled lists the files of the records that wait in the directory.
func spooled(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, stateFolder, spoolFolder, "*", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// What is served while its experiment is deleted waits, and is written once the
// experiment is back.
func TestDeletedExperiment(t *testing.T) {
	dir := trainedDir(t)
	s, stop := background(t, dir, nil, "serve", "--port", "0")
	s.predict(t, readmeRow)
	eventually(t, "the run is not written", func() bool { return len(s.inferences(t)) == 1 })
	var e struct{ Experiment mlflow.Experiment }
	s.rest(t, http.MethodGet, "experiments/get-by-name?experiment_name="+url.QueryEscape(serve.InferenceExperiment), "", &e)
	change := fmt.Sprintf(`{"experiment_id":%q}`, e.Experiment.ID)
	s.rest(t, http.MethodPost, "experiments/delete", change, &struct{}{})
	if got := s.inferences(t); len(got) != 0 {
		t.Errorf("runs of a deleted experiment are shown: %v", got)
	}
	s.predict(t, readmeRow)
	eventually(t, "the run does not wait", func() bool { return len(spooled(t, dir)) == 1 })
	s.rest(t, http.MethodPost, "experiments/restore", change, &struct{}{})
	stop()
	for range 2 { // the second finds nothing to do
		mustRun(t, dir, "tracking", "replay")
	}
	if left := spooled(t, dir); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	again, _ := background(t, dir, nil, "serve", "--port", "0")
	if got := again.inferences(t); len(got) != 2 {
		t.Errorf("%d runs", len(got))
	}
}

// C28: nobody waits for a tracking server that went away; what was served is on
// the disk, and is sent once.
func TestServeWithoutItsTrackingServer(t *testing.T) {
	t.Parallel() // it waits until the server is given up
	there, here := trainedDir(t), t.TempDir()
	if err := os.Rename(filepath.Join(there, "sales.db"), filepath.Join(here, "sales.db")); err != nil {
		t.Fatal(err)
	}
	tracking, away := background(t, there, nil, "tracking", "serve", "--port", "0")
	s, stop := background(t, here, []string{"MLFLOW_TRACKING_URI=" + string(tracking)}, "serve", "--port", "0")
	first := s.post(t, "/predict_sales", readmeRow)
	if id := first.header.Get("X-MLflow-Run-Id"); first.status != http.StatusOK || id != "" {
		t.Errorf("%d, and an id that only the server can give: %q", first.status, id)
	}
	eventually(t, "the run is not written", func() bool { return len(s.inferences(t)) == 1 })
	if got := s.ask(t, http.MethodGet, "/api/2.0/mlflow/experiments/search", ""); got.status != http.StatusNotFound || got.body != `{"detail":"Not Found"}` {
		t.Errorf("a tracking server is mounted beside the one that is used: %d %s", got.status, got.body)
	}
	away()
	second := s.post(t, "/predict_sales", readmeRow)
	third := s.post(t, "/forecast_sales?store_id=1", "")
	if second.status != http.StatusOK || second.body != first.body || third.status != http.StatusOK || len(spooled(t, here)) != 0 {
		t.Errorf("%v, %v; or it waited until the server was given up", second, third)
	}
	if got := s.post(t, "/monitor_mlflow?experiment_name=x", ""); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, string(tracking)) {
		t.Errorf("monitor without the server: %d %s", got.status, got.body)
	}
	eventually(t, "nothing waits on the disk", func() bool { return len(spooled(t, here)) > 0 })
	stop()
	at, err := url.Parse(string(tracking))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := background(t, there, nil, "tracking", "serve", "--port", at.Port()) // what waits is for this address
	for _, want := range []string{": 2 records\n", ": 0 records\n"} {
		a := &app{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), now: time.Now, dir: here, environ: []string{"MLFLOW_TRACKING_URI=" + string(again)}}
		if code := run(t.Context(), a, commands(), []string{"tracking", "replay"}); code != exitOK || !strings.Contains(fmt.Sprint(a.stderr), want) {
			t.Errorf("replay: exit code %d: %s, want %q", code, a.stderr, want)
		}
	}
	var found struct{ Runs []mlflow.Run }
	again.rest(t, http.MethodPost, "runs/search", `{"experiment_ids":["2"]}`, &found)
	var ids []string
	for _, r := range found.Runs {
		ids = append(ids, r.Data.Tag("request_id"))
	}
	want := []string{first.header.Get("X-Request-Id"), second.header.Get("X-Request-Id"), third.header.Get("X-Request-Id")}
	if slices.Sort(ids); !slices.Equal(ids, slices.Sorted(slices.Values(want))) {
		t.Errorf("runs of the requests %v, want %v", ids, want)
	}
	var files struct{ Files []struct{ Path string } }
	for _, r := range found.Runs {
		if r.Info.Name == "ARIMA_Store_1_Forecast" {
			again.rest(t, http.MethodGet, "artifacts/list?run_id="+r.Info.ID, "", &files)
		}
	}
	if len(files.Files) != 1 {
		t.Errorf("the forecast's file did not arrive: %v", files)
	}
}

// The end of the process waits for the runs that are queued, in the database or,
// where that is not to be had, on the disk.
func TestServeDrainsRuns(t *testing.T) {
	for name, locked := range map[string]bool{"free": false, "locked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a locked database is waited for
			dir := trainedDir(t)
			p := start(t, dir, nil, "serve", "--port", "0")
			s := p.address(t)
			release := func() {}
			if locked {
				release = hold(t, dir)
			}
			const asked = 20
			for range asked {
				s.predict(t, readmeRow)
			}
			p.signal(t, syscall.SIGTERM)
			p.end(t, exitOK)
			if waits := len(spooled(t, dir)) > 0; waits != locked {
				t.Errorf("on the disk: %v, and the database was locked: %v", waits, locked)
			}
			release()
			mustRun(t, dir, "tracking", "replay")
			again, _ := background(t, dir, nil, "serve", "--port", "0")
			if n := len(again.inferences(t)); n != asked {
				t.Errorf("%d runs of %d answers", n, asked)
			}
		})
	}
}
