//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/testdata"
)

// TestEndToEndWithoutItsServer reads and writes the artifacts directly in S3, where
// MLflow's server does not hand them out, and goes on while that server is away:
// what happens meanwhile stands there afterwards, once.
func TestEndToEndWithoutItsServer(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts MLflow's server and trains")
	}
	keys := bucket(t)
	sales, _ := secured(t, "away_sales")
	_, backend := secured(t, "away_mlflow")
	m := startMLflow(t, keys, "--backend-store-uri", backend, "--default-artifact-root", "s3://bucket/direct", "--no-serve-artifacts")
	shop := office{t.TempDir(), append(keys, "SALESCTL_STORE_DSN="+sales, "MLFLOW_TRACKING_URI="+m.uri(), "SALESCTL_TRAIN_FOLDS=1",
		"SALESCTL_TRAIN_RF={n_estimators: 5}", "SALESCTL_TRAIN_GBT={n_estimators: 5}")}
	write(t, shop.dir, "sales.csv", string(testdata.Walmart))
	write(t, shop.dir, "rows.csv", lastWeek())
	shop.run(t, "etl", "sales.csv")
	shop.run(t, "train", "--yes")
	predicted := shop.rows(t, "predict", "rows.csv", "--raw")
	features, _ := shop.run(t, "predict", "rows.csv", "--features", "-o", "csv")
	write(t, shop.dir, "features.csv", features)

	p := start(t, shop.dir, shop.environ, "serve", "--port", "0")
	s := p.address(t)
	var requests []string
	predict := func() {
		t.Helper()
		got := s.post(t, "/predict_sales", readmeRow)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		requests = append(requests, got.header.Get("X-Request-Id"))
	}
	predict()
	eventually(t, "the run does not end", func() bool { return ended(t, m, requests[0]) }) // else it waits on the disk, too

	kill(m.cmd)
	for range 3 {
		predict()
	}
	forecast := s.post(t, "/forecast_sales?store_id=1", "")
	if forecast.status != http.StatusOK {
		t.Fatalf("%d %s", forecast.status, forecast.body)
	}
	requests = append(requests, forecast.header.Get("X-Request-Id"))
	if shop.waiting(t) != 0 {
		t.Error("the answers waited until the server was given up")
	}
	eventually(t, "the runs are not kept on the disk", func() bool { return shop.waiting(t) == 4 })
	other := office{t.TempDir(), shop.environ}.with("SALESCTL_TRAIN_SEED=7")
	trainWithout(t, other, m)

	m.start(t)
	if _, said := other.run(t, "tracking", "replay"); !strings.Contains(said, ": 1 record\nversion 2 of Sales-Forecasting registered") {
		t.Errorf("replay says %s", said)
	}
	if _, said := other.run(t, "tracking", "replay"); !strings.Contains(said, ": 0 records\n") {
		t.Errorf("the second replay says %s", said)
	}
	eventually(t, "serve keeps the folder to itself", func() bool { // it retries by itself, too
		return child(shop.dir, shop.environ, "tracking", "replay").Run() == nil
	})
	predict() // to the disk, as long as serve believes the server away
	eventually(t, "the runs do not appear", func() bool { return shop.waiting(t) == 0 && logged(t, s) == len(requests) })
	p.signal(t, syscall.SIGTERM)
	p.end(t, exitOK)

	var got seen
	python(t, keys, "read.py", question{
		URI: m.uri(), Experiments: []string{trainings, inferences}, Files: []string{"Training Run", "ARIMA_Store_1_Forecast"},
		Models: ourModels(), Features: shop.dir + "/features.csv",
	}, &got)
	t.Run("once", func(t *testing.T) { checkOnce(t, got, requests) })
	t.Run("answers", func(t *testing.T) { checkAnswers(t, got, predicted) })
}

// ended reports whether the run of a request is complete on the server.
func ended(t *testing.T, m *stock, request string) bool {
	t.Helper()
	var found struct{ Runs []mlflow.Run }
	api(m.uri()).rest(t, http.MethodPost, "runs/search",
		`{"experiment_ids":["1","2"],"filter":"attributes.status = 'FINISHED' and tags.request_id = '`+request+`'"}`, &found)
	return len(found.Runs) == 1
}

// logged is how many inference runs a server shows.
func logged(t *testing.T, s api) int {
	t.Helper()
	got := s.post(t, "/monitor_mlflow?experiment_name=Sales%20Forecasting%20Inference", "")
	return strings.Count(got.body, `"run_id"`)
}

// waiting is how many records wait in the directory, as the names of their files
// tell.
func (o office) waiting(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(o.dir, stateFolder, spoolFolder, "*", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		var records int
		if _, err := fmt.Sscanf(name[strings.LastIndex(name, "-")+1:], "%d.jsonl", &records); err != nil {
			t.Fatal(err)
		}
		n += records
	}
	return n
}

// trainWithout trains while the server is away in one of the worst ways: whoever
// stands in its place takes every connection and never says a word.
func trainWithout(t *testing.T, o office, m *stock) {
	t.Helper()
	defer mute(t, m.address)()
	out, said := o.run(t, "train")
	if !strings.Contains(out, "rf_gbt_mean") || o.waiting(t) != 1 {
		t.Errorf("%d records wait, and it tells %s", o.waiting(t), out)
	}
	for _, want := range []string{"warning: " + m.uri() + " cannot be reached", "salesctl tracking replay"} {
		if !strings.Contains(said, want) {
			t.Errorf("train did not say %q: %s", want, said)
		}
	}
}

// mute listens at the address until it is told to stop, and never answers.
func mute(t *testing.T, address string) (stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	})
	return func() {
		l.Close()
		accepting.Wait()
		for _, c := range conns {
			c.Close()
		}
	}
}

// checkOnce looks whether everything that was done stands there once and whole.
func checkOnce(t *testing.T, got seen, requests []string) {
	var logged []string
	for _, r := range got.Runs[inferences] {
		logged = append(logged, r.Tags["request_id"])
		if r.Status != "FINISHED" || !strings.HasPrefix(r.Place, "s3://bucket/direct/") {
			t.Errorf("%+v", r)
		}
	}
	slices.Sort(logged)
	slices.Sort(requests)
	if diff := cmp.Diff(requests, logged); diff != "" {
		t.Errorf("requests and their runs: %s", diff)
	}
	if f := got.the(t, inferences, "ARIMA_Store_1_Forecast"); strings.Count(f.Files["forecast_results.csv"], "\n") != 4 {
		t.Errorf("%+v", f)
	}
	runs := got.named(trainings, "Training Run")
	if len(runs) != 2 {
		t.Fatalf("%d training runs", len(runs))
	}
	for _, r := range runs {
		if r.Status != "FINISHED" || len(r.Models) != 3 || r.Files["predictions/predictions.csv"] == "" || len(r.Metrics) == 0 {
			t.Errorf("%+v", r)
		}
		nested := slices.DeleteFunc(slices.Clone(got.Runs[trainings]), func(c seenRun) bool { return c.Parent != r.ID || c.Status != "FINISHED" })
		if len(nested) != 45 {
			t.Errorf("%d nested runs", len(nested))
		}
	}
	for _, name := range ourModels() {
		if r := got.Registered[name]; !slices.Equal(r.Versions, []int{1, 2}) || r.Aliases["champion"] != "1" || r.Aliases["challenger"] != "2" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
