package serve

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/sales"
)

// partsModel is a fakeModel that tells what its regressors say.
type partsModel struct {
	*fakeModel
	parts []sales.Part
}

func (m partsModel) Predict(ctx context.Context, history sales.Panel, rows []sales.Row) ([]sales.Prediction, error) {
	out, err := m.fakeModel.Predict(ctx, history, rows)
	for i := range out {
		out[i].Parts = m.parts
	}
	return out, err
}

// fakeLog keeps what is logged.
type fakeLog struct {
	mu      sync.Mutex
	records []record.Record
}

func (l *fakeLog) Log(r record.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

// fakeRuns has one experiment, and remembers what it was asked.
type fakeRuns struct {
	runs  []mlflow.Run
	err   error
	asked mlflow.RunQuery
}

func (r *fakeRuns) GetExperimentByName(_ context.Context, name string) (mlflow.Experiment, error) {
	if name != "known" {
		return mlflow.Experiment{}, mlflow.Errorf(mlflow.ResourceDoesNotExist, "there is no %s", name)
	}
	return mlflow.Experiment{ID: "7", Name: name}, r.err
}

func (r *fakeRuns) SearchRuns(_ context.Context, q mlflow.RunQuery) (mlflow.Page[mlflow.Run], error) {
	r.asked = q
	return mlflow.Page[mlflow.Run]{Items: r.runs}, r.err
}

// inferring serves with the options on top of what every test has.
func inferring(t *testing.T, o Options) func(method, url, body string) reply {
	t.Helper()
	store := &fakeStore{panel: samplePanel()}
	o.Model = partsModel{newModel(), []sales.Part{{Model: "rf", Value: 20.5}, {Model: "gbt", Value: 10.25}, {Model: "other", Value: 1}}}
	o.Version, o.ModelURI, o.History, o.Recorder = "7", "models:/Sales-Forecasting/7", store, store
	o.Now, o.NewID = func() time.Time { return testTime }, func() string { return "made-here" }
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{Server: httptest.NewServer(h)}
	t.Cleanup(a.Close)
	return func(method, url, body string) reply {
		t.Helper()
		return a.do(t, method, url, body)
	}
}

const inferredRow = `{"Store":1,"Date":"3-11-2012","Holiday_Flag":1,"Temperature":75.50,"Fuel_Price":"3.45","CPI":2.382e2,"Unemployment":-0.0}`

// tags of every run of a served answer.
func servedTags() []mlflow.Tag {
	return []mlflow.Tag{
		{Key: "mlflow.user", Value: "salesctl"}, {Key: "mlflow.source.name", Value: "salesctl serve"}, {Key: "mlflow.source.type", Value: "LOCAL"},
		{Key: "request_id", Value: "made-here"}, {Key: "model_version", Value: "7"},
	}
}

func TestPredictionRecord(t *testing.T) {
	log := &fakeLog{}
	got := inferring(t, Options{Log: log})(http.MethodPost, "/predict_sales", inferredRow)
	if got.status != http.StatusOK || len(log.records) != 1 {
		t.Fatalf("%+v, %d records", got, len(log.records))
	}
	r := log.records[0]
	at := testTime.UnixMilli()
	day := float64(sales.Date(2012, 11, 9)) // the end of the week
	want := record.Record{
		ID: r.ID, Experiment: "Sales Forecasting Inference", Name: "Inference Logs", User: "salesctl",
		Status: mlflow.Finished, Start: at, End: at,
		Params: []mlflow.Param{
			{Key: "store", Value: "1"}, {Key: "date", Value: "3-11-2012"}, {Key: "holiday_flag", Value: "1"}, {Key: "temperature", Value: "75.5"},
			{Key: "fuel_price", Value: "3.45"}, {Key: "cpi", Value: "238.2"}, {Key: "unemployment", Value: "-0"},
		},
		Metrics: []mlflow.Metric{
			{Key: "random_forest_prediction", Value: 20.5, Timestamp: at}, {Key: "xgboost_prediction", Value: 10.25, Timestamp: at},
			{Key: "ensemble_prediction", Value: mlflow.Number(day + 0.755 + 0.0004), Timestamp: at},
		},
		Tags: servedTags(),
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if _, ok := got.header["X-Mlflow-Run-Id"]; ok {
		t.Errorf("an id that only the tracking server can give: %v", got.header)
	}
}

func TestForecastRecord(t *testing.T) {
	log := &fakeLog{}
	ask := inferring(t, Options{Log: log, ChooseRunID: true})
	got := ask(http.MethodPost, "/forecast_sales?store_id=45&steps=2", "")
	if got.status != http.StatusOK || len(log.records) != 1 {
		t.Fatalf("%+v, %d records", got, len(log.records))
	}
	r := log.records[0]
	at := testTime.UnixMilli()
	want := record.Record{
		ID: r.ID, RunID: got.header.Get("X-MLflow-Run-Id"), Experiment: "Sales Forecasting Inference", Name: "ARIMA_Store_45_Forecast", User: "salesctl",
		Status: mlflow.Finished, Start: at, End: at,
		Params: []mlflow.Param{{Key: "store_id", Value: "45"}, {Key: "forecast_steps", Value: "2"}, {Key: "model_path", Value: "models:/Sales-Forecasting/7"}},
		Metrics: []mlflow.Metric{
			{Key: "forecast_day_1_sales", Value: 750791.4013, Timestamp: at}, {Key: "forecast_day_2_sales", Value: 745211.5691, Timestamp: at},
		},
		Tags:  servedTags(),
		Files: []record.File{{Path: "forecast_results.csv", Data: []byte("Date,Sales\n2012-11-02,750791.4013\n2012-11-09,745211.5691\n")}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	again := ask(http.MethodPost, "/forecast_sales", `{"store_id":45,"model":"auto"}`)
	if next := log.records[1]; next.ID == r.ID || next.RunID == r.RunID || next.RunID != again.header.Get("X-MLflow-Run-Id") || next.Name != "AUTO_Store_45_Forecast" {
		t.Errorf("%+v after %+v", next, r)
	}
}

// Answers at the same moment are runs of their own: each names its own, and no two
// share an id.
func TestInferencesAtTheSameMoment(t *testing.T) {
	const many = 32
	log := &fakeLog{}
	ask := inferring(t, Options{Log: log, ChooseRunID: true})
	var wait sync.WaitGroup
	named := make([]string, many)
	for i := range many {
		wait.Go(func() {
			body := strings.Replace(inferredRow, `75.50`, strconv.Itoa(i), 1)
			got := ask(http.MethodPost, "/predict_sales", body)
			if got.status != http.StatusOK {
				t.Errorf("%+v", got)
			}
			named[i] = got.header.Get("X-MLflow-Run-Id")
		})
	}
	wait.Wait()
	ids := map[string]bool{}
	for _, r := range log.records {
		ids[r.ID] = true
		i, err := strconv.Atoi(r.Params[3].Value)
		if err != nil || r.Params[3].Key != "temperature" || named[i] != r.RunID || len(r.RunID) != 32 {
			t.Errorf("%v: the answer names %q, the run is %q", r.Params[3], named[i], r.RunID)
		}
	}
	if len(log.records) != many || len(ids) != many {
		t.Errorf("%d records, %d ids, want %d", len(log.records), len(ids), many)
	}
}

// While the tracking server is away answers are given and handed to the log, which
// never waits; the one request that asks that server itself says that it is away.
func TestTrackingAway(t *testing.T) {
	log := &fakeLog{}
	runs := &fakeRuns{err: fault.New(fault.Unavailable, "it is away")}
	ask := inferring(t, Options{Log: log, Runs: runs})
	for _, c := range []struct {
		url, body string
		status    int
	}{
		{"/predict_sales", inferredRow, http.StatusOK},
		{"/forecast_sales?store_id=1", "", http.StatusOK},
		{"/monitor_mlflow?experiment_name=known", "", http.StatusServiceUnavailable},
	} {
		if got := ask(http.MethodPost, c.url, c.body); got.status != c.status {
			t.Errorf("%s: %+v, want %d", c.url, got, c.status)
		}
	}
	if len(log.records) != 2 {
		t.Errorf("%d records", len(log.records))
	}
}

// What was answered is with the log before the answer leaves: the end of the server
// settles the database's records alone.
func TestSettleLeavesNoInferenceBehind(t *testing.T) {
	log, store := &fakeLog{}, &fakeStore{panel: samplePanel()}
	h, err := New(Options{Model: newModel(), Version: "7", History: store, Recorder: store, Log: log, Now: func() time.Time { return testTime }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/forecast_sales?store_id=1&steps=2", nil))
	logged := len(log.records)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	h.Settle(ended)
	if w.Code != http.StatusOK || logged != 1 || len(log.records) != 1 || len(store.all()) != 2 {
		t.Errorf("status %d, %d records, then %d, %d numbers", w.Code, logged, len(log.records), len(store.all()))
	}
}

// What is refused is no inference, and without a log nobody hears of one.
func TestNothingToInfer(t *testing.T) {
	log := &fakeLog{}
	ask := inferring(t, Options{Log: log, ChooseRunID: true})
	for url, body := range map[string]string{
		"/predict_sales": strings.Replace(inferredRow, `"Store":1`, `"Store":99`, 1), "/predict_sales?x": "{}",
		"/forecast_sales?store_id=99": "", "/forecast_sales?store_id=1&steps=0": "", "/forecast_sales?store_id=1&model=nothing": "",
	} {
		if got := ask(http.MethodPost, url, body); got.status < 400 || got.header.Get("X-MLflow-Run-Id") != "" || len(log.records) != 0 {
			t.Errorf("%s: %+v, %v", url, got, log.records)
		}
	}
	silent := inferring(t, Options{ChooseRunID: true})
	if got := silent(http.MethodPost, "/predict_sales", inferredRow); got.status != http.StatusOK || got.header.Get("X-MLflow-Run-Id") != "" {
		t.Errorf("%+v", got)
	}
}

func TestMonitorRuns(t *testing.T) {
	runs := &fakeRuns{runs: []mlflow.Run{
		{
			Info: mlflow.RunInfo{ID: "b"},
			Data: mlflow.RunData{
				Params: []mlflow.Param{{Key: "store", Value: "1"}},
				Metrics: []mlflow.Metric{
					{Key: "whole", Value: 3}, {Key: "nan", Value: mlflow.Number(math.NaN())}, {Key: "inf", Value: mlflow.Number(math.Inf(-1))}, {Key: "small", Value: 1e-7},
				},
			},
		},
		{Info: mlflow.RunInfo{ID: "a"}},
	}}
	ask := inferring(t, Options{Runs: runs})
	got := ask(http.MethodPost, "/monitor_mlflow?experiment_name=known", "")
	const want = `[{"run_id":"b","params":{"store":"1"},"metrics":{"inf":null,"nan":null,"small":1e-07,"whole":3.0}},{"run_id":"a","params":{},"metrics":{}}]`
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("%d %s", got.status, got.body)
	}
	if diff := cmp.Diff(mlflow.RunQuery{ExperimentIDs: []string{"7"}, MaxResults: 1000}, runs.asked); diff != "" {
		t.Error(diff)
	}
	runs.runs = nil
	for url, want := range map[string]string{
		"/monitor_mlflow?experiment_name=known":                         `[]`,
		"/monitor_mlflow?experiment_name=unknown":                       `{"error":"Experiment not found."}`,
		"/monitor_mlflow?experiment_name=":                              `{"error":"Experiment not found."}`,
		"/monitor_mlflow?experiment_name=unknown&experiment_name=known": `[]`, // the last, as Starlette does
	} {
		if got := ask(http.MethodPost, url, ""); got.status != http.StatusOK || got.body != want {
			t.Errorf("%s: %d %s, want %s", url, got.status, got.body, want)
		}
	}
	if got := ask(http.MethodPost, "/monitor_mlflow", `{"experiment_name":"known"}`); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"loc":["query","experiment_name"]`) {
		t.Errorf("in the body: %d %s", got.status, got.body)
	}
}

func TestMonitorFails(t *testing.T) {
	runs := &fakeRuns{}
	ask := inferring(t, Options{Runs: runs})
	for name, c := range map[string]struct {
		err    error
		status int
		detail string
	}{
		"away":   {fault.New(fault.Unavailable, "it is away").WithHint("start it"), http.StatusServiceUnavailable, "it is away: start it"},
		"broken": {errors.New("the secret of it"), http.StatusInternalServerError, "Internal Server Error"},
	} {
		runs.err = c.err
		if got := ask(http.MethodPost, "/monitor_mlflow?experiment_name=known", ""); got.status != c.status || got.body != `{"detail":"`+c.detail+`"}` {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := inferring(t, Options{})(http.MethodPost, "/monitor_mlflow?experiment_name=known", ""); got.status != http.StatusNotFound {
		t.Errorf("without runs to look at: %d %s", got.status, got.body)
	}
}

// The tracking server behind answers for its paths, and for no other.
func TestTrackingBehind(t *testing.T) {
	behind := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	theirs := []string{"/api/2.0/mlflow/runs/get", "/ajax-api/2.0/mlflow/runs/get", "/graphql", "/get-artifact?path=x", "/model-versions/get-artifact", "/health", "/version", "/api/2.0/mlflow-artifacts/artifacts/a//b"}
	ours := []string{"/nowhere", "/apis", "/healthz/", "/health/", "/versions"}
	for name, c := range map[string]struct {
		o      Options
		status map[string]int
	}{
		"none":          {Options{}, map[string]int{"/": 404, "/health": 404, "/api/2.0/mlflow/runs/get": 404}},
		"without pages": {Options{Tracking: behind}, map[string]int{"/": 404}},
		"with pages":    {Options{Tracking: behind, Pages: true}, map[string]int{"/": 418, "/static-files/x.js": 418}},
	} {
		ask := inferring(t, c.o)
		if c.o.Tracking != nil {
			for _, url := range theirs {
				c.status[url] = http.StatusTeapot
			}
			for _, url := range ours {
				c.status[url] = http.StatusNotFound
			}
			c.status["/healthz"] = http.StatusOK
		}
		for url, want := range c.status {
			got := ask(http.MethodGet, url, "")
			if got.status != want || got.header.Get("X-Request-Id") != "made-here" {
				t.Errorf("%s: %s: %d, want %d", name, url, got.status, want)
			}
			if got.status == http.StatusNotFound && got.body != `{"detail":"Not Found"}` {
				t.Errorf("%s: %s: %s", name, url, got.body)
			}
		}
	}
}
