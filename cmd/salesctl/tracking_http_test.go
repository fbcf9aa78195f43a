//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/serve"
)

// background runs a command that serves until stop, which returns what it said.
func background(t *testing.T, dir string, environ []string, args ...string) (s api, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stderr := &announcement{address: make(chan string, 1)}
	ended := make(chan struct{})
	code := exitOK
	go func() {
		defer close(ended)
		a := &app{stdout: new(bytes.Buffer), stderr: stderr, now: time.Now, dir: dir, environ: environ}
		code = run(ctx, a, commands(), args)
	}()
	stop = func() string {
		cancel()
		<-ended
		return stderr.String()
	}
	t.Cleanup(func() {
		if said := stop(); code != exitOK {
			t.Errorf("salesctl %s: exit code %d: %s", args[0], code, said)
		}
	})
	select {
	case address := <-stderr.address:
		return api(address), stop
	case <-ended:
		t.Fatalf("salesctl %s ended: %s", args[0], stderr.String())
		return "", stop
	}
}

// ask sends a request with headers, a name and a value each.
func (s api) ask(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, string(s)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, text.String()}
}

// rest reads an answer of MLflow's REST API, which must be a 200.
func (s api) rest(t *testing.T, method, path, body string, out any) {
	t.Helper()
	got := s.ask(t, method, "/api/2.0/mlflow/"+path, body)
	if err := json.Unmarshal([]byte(got.body), out); err != nil || got.status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
}

// run reads a run by its id.
func (s api) run(t *testing.T, id string) mlflow.Run {
	t.Helper()
	var got struct{ Run mlflow.Run }
	s.rest(t, http.MethodGet, "runs/get?run_id="+id, "", &got)
	return got.Run
}

// inferences are the logged runs of what was served, the newest first, as
// POST /monitor_mlflow shows them.
func (s api) inferences(t *testing.T) []monitoredRun {
	t.Helper()
	return s.monitor(t, serve.InferenceExperiment)
}

// monitoredRun is a run as POST /monitor_mlflow shows it.
type monitoredRun struct {
	RunID   string              `json:"run_id"`
	Params  map[string]string   `json:"params"`
	Metrics map[string]*float64 `json:"metrics"`
}

func (s api) monitor(t *testing.T, experiment string) (runs []monitoredRun) {
	t.Helper()
	got := s.post(t, "/monitor_mlflow?experiment_name="+url.QueryEscape(experiment), "")
	if strings.Contains(got.body, "Experiment not found") {
		return nil
	}
	if err := json.Unmarshal([]byte(got.body), &runs); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return runs
}

// params and metrics are those of a run by name.
func params(r mlflow.Run) map[string]string {
	out := map[string]string{}
	for _, p := range r.Data.Params {
		out[p.Key] = p.Value
	}
	return out
}

func metrics(r mlflow.Run) map[string]float64 {
	out := map[string]float64{}
	for _, m := range r.Data.Metrics {
		out[m.Key] = float64(m.Value)
	}
	return out
}

// plain is a number with all its digits and no exponent.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// openTrackingDB opens the directory's tracking database for a look inside.
func openTrackingDB(t *testing.T, dir string) *sqlstore.Store {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), "sqlite:///mlflow.db", sqlstore.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// C25: a prediction becomes a run, which is found by the id in the answer at once.
func TestPredictionRun(t *testing.T) {
	s := serving(t, trainedDir(t))
	got := s.ask(t, http.MethodPost, "/predict_sales", readmeRow, "X-Request-Id", "the-request")
	id := got.header.Get("X-MLflow-Run-Id")
	if got.status != http.StatusOK || len(id) != 32 || got.header.Get("X-Request-Id") != "the-request" {
		t.Fatalf("%d %v", got.status, got.header)
	}
	var answered struct{ Prediction float64 }
	if err := json.Unmarshal([]byte(got.body), &answered); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, id)
	if r.Info.Name != "Inference Logs" || r.Info.Status != mlflow.Finished || r.Data.Tag("request_id") != "the-request" || r.Data.Tag("model_version") != "1" {
		t.Errorf("%+v", r)
	}
	want := map[string]string{"store": "1", "date": "03-11-2012", "holiday_flag": "0", "temperature": "75.5", "fuel_price": "3.45", "cpi": "238.2", "unemployment": "5.8"}
	if diff := cmp.Diff(want, params(r)); diff != "" {
		t.Error(diff)
	}
	m := metrics(r)
	if len(m) != 3 || math.Abs(m["ensemble_prediction"]-answered.Prediction) > 0.005 ||
		math.Abs((m["xgboost_prediction"]+m["random_forest_prediction"])/2-m["ensemble_prediction"]) > 1e-6*m["ensemble_prediction"] {
		t.Errorf("%v for %v", m, answered)
	}
	eventually(t, "the run is not written", func() bool { return len(s.inferences(t)) == 1 })
	logged := s.inferences(t)[0]
	if diff := cmp.Diff(want, logged.Params); diff != "" || logged.RunID != id || *logged.Metrics["ensemble_prediction"] != m["ensemble_prediction"] {
		t.Errorf("%+v: %s", logged, diff)
	}
	var e struct{ Experiment mlflow.Experiment }
	s.rest(t, http.MethodGet, "experiments/get-by-name?experiment_name="+url.QueryEscape(serve.InferenceExperiment), "", &e)
	if after := s.run(t, id); after.Info.ExperimentID != e.Experiment.ID {
		t.Errorf("the run is in experiment %s, not %s", after.Info.ExperimentID, e.Experiment.ID)
	}
	if own := s.post(t, "/predict_sales", readmeRow); s.run(t, own.header.Get("X-MLflow-Run-Id")).Data.Tag("request_id") != own.header.Get("X-Request-Id") {
		t.Error("the request's own id is not the run's tag")
	}
	if bad := s.post(t, "/predict_sales", "{}"); bad.header.Get("X-MLflow-Run-Id") != "" {
		t.Errorf("a refused request has a run: %v", bad.header)
	}
}

// An answer does not wait for a tracking database that somebody else writes to,
// and its run is shown as it will be written.
func TestQueuedRun(t *testing.T) {
	dir := trainedDir(t)
	s := serving(t, dir)
	s.predict(t, readmeRow)
	eventually(t, "the first run is not written", func() bool { return len(s.inferences(t)) == 1 })
	release := hold(t, dir)
	got := s.post(t, "/predict_sales", readmeRow)
	id := got.header.Get("X-MLflow-Run-Id")
	queued := s.run(t, id)
	if n := len(s.inferences(t)); n != 1 {
		t.Fatalf("%d runs are written, so nothing is queued", n)
	}
	release()
	eventually(t, "the queued run is not written", func() bool { return len(s.inferences(t)) == 2 })
	written := s.run(t, id)
	if queued.Info.Name != written.Info.Name || queued.Info.ExperimentID != written.Info.ExperimentID || queued.Info.Status != written.Info.Status ||
		queued.Info.StartTime != written.Info.StartTime || !cmp.Equal(params(queued), params(written)) || !cmp.Equal(metrics(queued), metrics(written)) {
		t.Errorf("queued it was %+v, written it is %+v", queued, written)
	}
	for _, tag := range queued.Data.Tags {
		if written.Data.Tag(tag.Key) != tag.Value {
			t.Errorf("tag %s was %q, is %q", tag.Key, tag.Value, written.Data.Tag(tag.Key))
		}
	}
}

// C26: a forecast becomes a run with its weeks as metrics and as a file.
func TestForecastRun(t *testing.T) {
	s := serving(t, trainedDir(t))
	weeks := s.post(t, "/forecast_sales?store_id=1&steps=2", "")
	id := weeks.header.Get("X-MLflow-Run-Id")
	// While it waits, the run has no place for files; it leaves the queue when all is written.
	eventually(t, "the run is not written", func() bool { return s.run(t, id).Info.ArtifactURI != "" })
	r := s.run(t, id)
	if r.Info.Name != "ARIMA_Store_1_Forecast" || r.Data.Tag("request_id") != weeks.header.Get("X-Request-Id") {
		t.Errorf("%+v", r.Info)
	}
	if diff := cmp.Diff(map[string]string{"store_id": "1", "forecast_steps": "2", "model_path": "models:/Sales-Forecasting/1"}, params(r)); diff != "" {
		t.Error(diff)
	}
	m := metrics(r)
	if len(m) != 2 || math.Abs(m["forecast_day_1_sales"]/1565441.04-1) > 0.001 || math.Abs(m["forecast_day_2_sales"]/1524020.55-1) > 0.001 {
		t.Errorf("metrics %v", m)
	}
	var files struct{ Files []struct{ Path string } }
	s.rest(t, http.MethodGet, "artifacts/list?run_id="+id, "", &files)
	if len(files.Files) != 1 || files.Files[0].Path != "forecast_results.csv" {
		t.Errorf("files %v", files)
	}
	want := fmt.Sprintf("Date,Sales\n2012-11-02,%s\n2012-11-09,%s\n", plain(m["forecast_day_1_sales"]), plain(m["forecast_day_2_sales"]))
	place := strings.TrimPrefix(r.Info.ArtifactURI, "mlflow-artifacts:/")
	for _, path := range []string{
		"/api/2.0/mlflow-artifacts/artifacts/" + place + "/forecast_results.csv",
		"/get-artifact?path=forecast_results.csv&run_uuid=" + id,
	} {
		if got := s.ask(t, http.MethodGet, path, ""); got.status != http.StatusOK || got.body != want {
			t.Errorf("%s: %d %q, want %q", path, got.status, got.body, want)
		}
	}
	auto := s.post(t, "/forecast_sales?store_id=2&model=auto", "")
	if name := s.run(t, auto.header.Get("X-MLflow-Run-Id")).Info.Name; name != "AUTO_Store_2_Forecast" {
		t.Errorf("the chosen forecaster's run is %q", name)
	}
}

// C24: the newest 1,000 runs of an experiment, whatever its name; NaN is null.
func TestMonitor(t *testing.T) {
	dir := trainedDir(t)
	db := openTrackingDB(t, dir)
	id, err := db.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "many 🛒/runs"})
	if err != nil {
		t.Fatal(err)
	}
	var runs []mlflow.Run
	for i := range 1003 {
		end := int64(2000 + i)
		runs = append(runs, mlflow.Run{
			Info: mlflow.RunInfo{ID: fmt.Sprintf("%032x", i), ExperimentID: id, Status: mlflow.Finished, StartTime: 1000 + int64(i*7919%1003), EndTime: &end},
			Data: mlflow.RunData{Metrics: []mlflow.Metric{{Key: "loss", Value: mlflow.Number(math.NaN()), Timestamp: end}, {Key: "whole", Value: 3, Timestamp: end}}},
		})
	}
	if err := db.WriteRuns(t.Context(), runs); err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir)
	got := s.monitor(t, "many 🛒/runs")
	slices.SortFunc(runs, func(a, b mlflow.Run) int { return int(b.Info.StartTime - a.Info.StartTime) })
	if len(got) != 1000 {
		t.Fatalf("%d runs", len(got))
	}
	for i, r := range got {
		if r.RunID != runs[i].Info.ID {
			t.Fatalf("run %d is %s, want %s", i, r.RunID, runs[i].Info.ID)
		}
	}
	if loss, ok := got[0].Metrics["loss"]; !ok || loss != nil || *got[0].Metrics["whole"] != 3 || len(got[0].Params) != 0 {
		t.Errorf("%+v", got[0])
	}
	for query, want := range map[string]string{
		"experiment_name=Nothing": `{"error":"Experiment not found."}`,
		"experiment_name=":        `{"error":"Experiment not found."}`,
		"":                        refusal("missing", `["query","experiment_name"]`, "null", "Field required"),
	} {
		if got := s.post(t, "/monitor_mlflow?"+query, ""); !cmp.Equal(decoded(t, got.body), decoded(t, want)) {
			t.Errorf("%s: %d %s, want %s", query, got.status, got.body, want)
		}
	}
	if got := s.ask(t, http.MethodGet, "/monitor_mlflow?experiment_name=x", ""); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != http.MethodPost {
		t.Errorf("GET: %d %v", got.status, got.header)
	}
}
