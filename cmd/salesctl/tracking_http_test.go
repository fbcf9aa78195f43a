//go:build unix

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/database"
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
	names, err := filepath.Glob(filepath.Join(dir, stateFolder, spoolFolder, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return names
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
	eventually(t, "the run is not written", func() bool { return len(s.inferences(t)) == 1 })
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
	want := fmt.Sprintf("Date,Sales\n2012-11-02,%v\n2012-11-09,%v\n", m["forecast_day_1_sales"], m["forecast_day_2_sales"])
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
	again, _ := background(t, there, nil, "tracking", "serve", "--port", "0")
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

// The tracking server stands beside the API, and neither answers for the other.
func TestMountedTracking(t *testing.T) {
	s := serving(t, trainedDir(t))
	for _, c := range []struct {
		path   string
		status int
		want   string // is in the body
	}{
		{"/health", 200, "OK"},
		{"/version", 200, "3."},
		{"/healthz", 200, `{"status":"ok"}`},
		{"/api/2.0/mlflow/experiments/get?experiment_id=1", 200, `"Sales Forecasting Experiment"`},
		{"/ajax-api/2.0/mlflow/experiments/get?experiment_id=1", 200, `"Sales Forecasting Experiment"`},
		{"/api/2.0/mlflow/registered-models/alias?name=Sales-Forecasting&alias=champion", 200, `"version":"1"`},
		{"/api/2.0/mlflow/runs/get?run_id=0123456789abcdef0123456789abcdef", 404, `"RESOURCE_DOES_NOT_EXIST"`},
		{"/api/2.0/mlflow/nowhere", 404, `"ENDPOINT_NOT_FOUND"`},
		{"/", 404, `{"detail":"Not Found"}`},
		{"/nowhere", 404, `{"detail":"Not Found"}`},
		{"/apis", 404, `{"detail":"Not Found"}`},
		{"/health/", 404, `{"detail":"Not Found"}`},
	} {
		got := s.ask(t, http.MethodGet, c.path, "")
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", c.path, got.status, got.body)
		}
	}
	for _, path := range []string{"/predict_sales", "/api/2.0/mlflow/experiments/search"} {
		got := s.ask(t, http.MethodPost, path, readmeRow, "Host", "evil.example")
		if got.status != http.StatusForbidden || !strings.Contains(got.body, "--allowed-hosts evil.example") {
			t.Errorf("%s under a foreign name: %d %s", path, got.status, got.body)
		}
	}
	named, _ := background(t, trainedDir(t), nil, "serve", "--port", "0", "--allowed-hosts", "shop.example")
	if got := named.ask(t, http.MethodPost, "/predict_sales", readmeRow, "Host", "shop.example"); got.status != http.StatusOK {
		t.Errorf("under its name: %d %s", got.status, got.body)
	}
}

// newKey makes a key of the scopes.
func newKey(t *testing.T, dir, scopes string) (id, secret string) {
	t.Helper()
	var made struct{ Data []struct{ ID, Key string } }
	if err := json.Unmarshal([]byte(mustRun(t, dir, "keys", "create", "somebody", "--scope", scopes, "--json")), &made); err != nil {
		t.Fatal(err)
	}
	return made.Data[0].ID, made.Data[0].Key
}

// With --auth key nobody gets in without one, and none beyond its scope; the
// refusal is of the API that was asked, and names the way out.
func TestKeysAtTheDoor(t *testing.T) {
	dir := trainedDir(t)
	_, shop := newKey(t, dir, "api")
	reading, read := newKey(t, dir, "tracking:read")
	_, write := newKey(t, dir, "tracking:write")
	const look, log = "/api/2.0/mlflow/experiments/get?experiment_id=1", "/api/2.0/mlflow/experiments/create"
	all, _ := background(t, dir, nil, "serve", "--port", "0", "--auth", "key")
	alone, _ := background(t, dir, nil, "tracking", "serve", "--port", "0", "--auth", "key")
	for name, s := range map[string]api{"serve": all, "tracking serve": alone} {
		for _, c := range []struct {
			method, path, body, key string
			status                  int
			want                    string
		}{
			{"GET", look, "", "", 401, `{"error_code":"UNAUTHENTICATED","message":"this server asks for a key: send it as`},
			{"GET", look, "", "salesctl_wrong", 401, "the key is unknown or was revoked"},
			{"GET", look, "", shop, 403, "this needs tracking:read"},
			{"GET", look, "", read, 200, "Sales Forecasting Experiment"},
			{"GET", look, "", write, 200, "Sales Forecasting Experiment"},
			{"POST", log, `{"name":"x of ` + name + `"}`, read, 403, "salesctl keys create NAME --scope tracking:write"},
			{"POST", log, `{"name":"x of ` + name + `"}`, write, 200, "experiment_id"},
			{"GET", "/health", "", "", 200, "OK"},
		} {
			s.knock(t, name, c.method, c.path, c.body, c.key, c.status, c.want)
		}
	}
	all.knock(t, "serve", "GET", "/healthz", "", "", 200, "ok")
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, "", 401, `{"detail":"this server asks for a key: send it as`)
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, write, 403, `"detail":"the key`)
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, shop, 200, `"prediction"`)
	all.knock(t, "serve", "POST", "/monitor_mlflow?experiment_name=x", "", shop, 200, "Experiment not found.")
	mustRun(t, dir, "keys", "revoke", reading, "--yes")
	all.knock(t, "serve, after it was revoked", "GET", look, "", read, 401, "the key is unknown or was revoked")
	alone.knock(t, "tracking serve, after it was revoked", "GET", look, "", read, 401, "the key is unknown or was revoked")
}

// knock sends a key in both ways in which clients do.
func (s api) knock(t *testing.T, name, method, path, body, key string, status int, want string) {
	t.Helper()
	basic := &http.Request{Header: http.Header{}}
	basic.SetBasicAuth("anybody", key)
	ways := map[string]string{"bearer": "Bearer " + key, "basic": basic.Header.Get("Authorization")}
	if key == "" {
		ways = map[string]string{"no key": ""}
	}
	if method == http.MethodPost && strings.HasSuffix(path, "/create") && status == http.StatusOK {
		delete(ways, "basic") // it can be made once
	}
	for way, value := range ways {
		got := s.ask(t, method, path, body, "Authorization", value)
		if got.status != status || !strings.Contains(got.body, want) {
			t.Errorf("%s: %s %s by %s: %d %s, want %d %s", name, method, path, way, got.status, got.body, status, want)
		}
		if asked := got.header.Get("WWW-Authenticate") != ""; asked != (status == http.StatusUnauthorized) {
			t.Errorf("%s: %s by %s: WWW-Authenticate %v", name, path, way, got.header)
		}
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
