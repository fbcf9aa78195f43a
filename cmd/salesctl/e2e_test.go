//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/testdata"
)

// The names under which things stand in MLflow, as its users know them.
const (
	trainings  = "Sales Forecasting Experiment"
	inferences = "Sales Forecasting Inference"
	whole      = "Sales-Forecasting"
	boosted    = "XGB-Sales-Forecasting"
	forest     = "RF-Sales-Forecasting"
)

// ourModels lists the registered models that a training makes.
func ourModels() []string { return []string{whole, boosted, forest} }

// seenRun is a run as stock MLflow shows it.
type seenRun struct {
	ID, Name, Status, Parent string
	Place                    string `json:"artifact_uri"`
	Params, Tags, Files      map[string]string
	Metrics                  map[string]float64
	Datasets, Models         []string
}

// seen is what testdata/e2e/read.py reads back.
type seen struct {
	Runs       map[string][]seenRun // by experiment
	Registered map[string]struct {
		Aliases  map[string]string
		Versions []int
	}
	Answers map[string]struct {
		Output string
		Said   []float64
	}
}

// question is what testdata/e2e/read.py is asked.
type question struct {
	URI         string   `json:"uri"`
	Experiments []string `json:"experiments"`
	Files       []string `json:"files"`
	Models      []string `json:"models"`
	Features    string   `json:"features"`
}

// named returns the runs of a name.
func (s seen) named(experiment, name string) (out []seenRun) {
	for _, r := range s.Runs[experiment] {
		if r.Name == name {
			out = append(out, r)
		}
	}
	return out
}

// the returns the only run of a name.
func (s seen) the(t *testing.T, experiment, name string) seenRun {
	t.Helper()
	found := s.named(experiment, name)
	if len(found) != 1 {
		t.Fatalf("%d runs %q in %q", len(found), name, experiment)
	}
	return found[0]
}

// lastWeek is a CSV of the newest rows of the sample, one a store, and of rows
// with gaps and from far away.
func lastWeek() string {
	lines := strings.Split(strings.TrimSpace(string(testdata.Walmart)), "\n")
	rows := []string{strings.TrimSpace(lines[0])}
	for _, line := range lines {
		if strings.Contains(line, "26-10-2012") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	rows = append(rows, "3,03-11-2012,,0,,3.45,,5.8", "2,05-03-2010,,0,60,2.7,210,", "1,01-01-2022,,1,41,3.9,250,4")
	return strings.Join(rows, "\n") + "\n"
}

// TestEndToEnd takes a CSV to a served forecast, with the sales in MariaDB behind
// TLS, MLflow's own server on MariaDB, and the artifacts in S3 behind that server:
// whoever calls it needs no keys for S3. Stock Python reads back what became of it.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts MLflow's server and trains")
	}
	environ := bucket(t)
	sales, _ := secured(t, "e2e_sales")
	_, backend := secured(t, "e2e_mlflow")
	m := startMLflow(t, environ, "--backend-store-uri", backend, "--artifacts-destination", "s3://bucket/proxied")
	o := office{t.TempDir(), []string{"SALESCTL_STORE_DSN=" + sales, "MLFLOW_TRACKING_URI=" + m.uri()}}
	write(t, o.dir, "sales.csv", string(testdata.Walmart))
	write(t, o.dir, "rows.csv", lastWeek())

	o.run(t, "etl", "sales.csv")
	_, said := o.run(t, "train", "--tune", "--yes")
	for _, want := range []string{"logging to " + m.uri(), "version 1 of Sales-Forecasting registered: it is the champion"} {
		if !strings.Contains(said, want) {
			t.Errorf("train did not say %q: %s", want, said)
		}
	}
	if rows := o.rows(t, "forecast", "--store", "1", "--steps", "5"); len(rows) != 5 || rows[0]["date"] != "2012-11-02" {
		t.Errorf("forecast %v", rows)
	}
	predicted := o.rows(t, "predict", "rows.csv", "--raw")
	features, _ := o.run(t, "predict", "rows.csv", "--features", "-o", "csv")
	write(t, o.dir, "features.csv", features)
	served := askServer(t, o)

	var got seen
	python(t, nil, "read.py", question{
		URI: m.uri(), Experiments: []string{trainings, inferences}, Files: []string{"Training Run", "ARIMA_Store_1_Forecast"},
		Models: ourModels(), Features: o.dir + "/features.csv",
	}, &got)
	if entries := entries(t, o.dir); slices.Contains(entries, "mlflow.db") || slices.Contains(entries, "sales.db") {
		t.Errorf("it left %v", entries)
	}
	t.Run("training", func(t *testing.T) { checkTraining(t, got, "mlflow-artifacts:/") })
	t.Run("inference", func(t *testing.T) { checkInferences(t, got, served) })
	t.Run("answers", func(t *testing.T) { checkAnswers(t, got, predicted) })
}

// served is what a server answered.
type served struct {
	prediction float64
	requestID  string // of the prediction
	weeks      []week
}

// askServer serves, asks for a row and a forecast, and ends the server, which
// writes what it has to log before.
func askServer(t *testing.T, o office) served {
	t.Helper()
	p := start(t, o.dir, o.environ, "serve", "--port", "0")
	s := p.address(t)
	answer := s.post(t, "/predict_sales", readmeRow)
	var row struct{ Prediction float64 }
	if err := json.Unmarshal([]byte(answer.body), &row); err != nil || answer.status != http.StatusOK {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	weeks := s.forecast(t, "store_id=1&steps=5")
	var monitored []map[string]any
	eventually(t, "the inference runs do not appear in /monitor_mlflow", func() bool {
		got := s.post(t, "/monitor_mlflow?experiment_name=Sales%20Forecasting%20Inference", "")
		return json.Unmarshal([]byte(got.body), &monitored) == nil && len(monitored) == 2
	})
	if got := s.post(t, "/monitor_mlflow?experiment_name=nothing", ""); got.status != http.StatusOK || strings.TrimSpace(got.body) != `{"error":"Experiment not found."}` {
		t.Errorf("C24: %d %s", got.status, got.body)
	}
	if id := answer.header.Get("X-MLflow-Run-Id"); id != "" {
		t.Errorf("a server elsewhere chooses the id of a run, and the answer names %s", id)
	}
	p.signal(t, syscall.SIGTERM)
	p.end(t, exitOK)
	return served{row.Prediction, answer.header.Get("X-Request-Id"), weeks}
}

// checkTraining looks at the runs of one `salesctl train --tune`; place begins
// the address of its artifacts.
func checkTraining(t *testing.T, got seen, place string) {
	run := got.the(t, trainings, "Training Run")
	if run.Status != "FINISHED" || !strings.HasPrefix(run.Place, place) || len(run.Datasets) != 1 {
		t.Errorf("%+v", run)
	}
	for _, model := range []string{"xgboost", "rf", "final"} {
		for _, metric := range []string{"mae", "mse", "rmse", "r2", "mape", "wape"} {
			if v, ok := run.Metrics[model+"_"+metric]; !ok || v <= 0 {
				t.Errorf("%s_%s is %v", model, metric, v)
			}
		}
	}
	for _, name := range []string{"xgboost_n_estimators", "xgboost_max_depth", "xgboost_learning_rate", "rf_n_estimators", "rf_max_depth"} {
		if run.Params[name] == "" {
			t.Errorf("there is no param %s in %v", name, run.Params)
		}
	}
	if diff := cmp.Diff([]string{"pipeline", "randomforest_model", "xgboost_model"}, run.Models); diff != "" {
		t.Error(diff)
	}
	header, rows, _ := strings.Cut(run.Files["predictions/predictions.csv"], "\n")
	if header != "True Values,XGBoost Predictions,Random Forest Predictions,Final Predictions (Averaged),store,date" || strings.Count(rows, "\n") != 28*45 {
		t.Errorf("predictions.csv begins with %s and has %d rows", header, strings.Count(rows, "\n"))
	}
	if table := run.Files["models/arima/arima_parameters.csv"]; !strings.HasPrefix(table, "store,order,") || strings.Count(table, "\n") != 46 {
		t.Errorf("arima_parameters.csv is %s", table)
	}
	for store := 1; store <= 45; store++ {
		nested := got.the(t, trainings, fmt.Sprintf("ARIMA_Store_%d", store))
		if nested.Parent != run.ID || nested.Params["store_id"] != fmt.Sprint(store) || nested.Params["order"] != "(5, 1, 0)" || nested.Metrics["aic"] == 0 || nested.Metrics["bic"] == 0 {
			t.Errorf("%+v", nested)
		}
	}
	for prefix, candidates := range map[string]int{"xgboost": 8, "rf": 4} {
		for i := range candidates {
			trial := got.the(t, trainings, fmt.Sprintf("%s_trial_%d", prefix, i+1))
			if trial.Parent != run.ID || trial.Metrics["mse"] <= 0 || trial.Params[prefix+"_n_estimators"] == "" {
				t.Errorf("%+v", trial)
			}
		}
	}
	for _, name := range ourModels() {
		if r := got.Registered[name]; r.Aliases["champion"] != "1" || !slices.Equal(r.Versions, []int{1}) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// checkInferences looks at the runs of what was served: C25 and C26.
func checkInferences(t *testing.T, got seen, s served) {
	run := got.the(t, inferences, "Inference Logs")
	want := map[string]string{
		"store": "1", "date": "03-11-2012", "holiday_flag": "0", "temperature": "75.5", "fuel_price": "3.45", "cpi": "238.2", "unemployment": "5.8",
	}
	if diff := cmp.Diff(want, run.Params); diff != "" || run.Status != "FINISHED" {
		t.Errorf("%s, %s", run.Status, diff)
	}
	both := (run.Metrics["xgboost_prediction"] + run.Metrics["random_forest_prediction"]) / 2
	mean := run.Metrics["ensemble_prediction"]
	if math.Abs(mean-s.prediction) > 0.005 || math.Abs(both-mean) > 1e-6 || len(run.Metrics) != 3 {
		t.Errorf("metrics %v of the answer %v", run.Metrics, s.prediction)
	}
	if run.Tags["request_id"] != s.requestID || s.requestID == "" || run.Tags["model_version"] != "1" {
		t.Errorf("tags %v of request %s", run.Tags, s.requestID)
	}
	f := got.the(t, inferences, "ARIMA_Store_1_Forecast")
	if diff := cmp.Diff(map[string]string{"store_id": "1", "forecast_steps": "5", "model_path": "models:/Sales-Forecasting/1"}, f.Params); diff != "" {
		t.Error(diff)
	}
	lines := strings.Split(f.Files["forecast_results.csv"], "\n")
	if len(lines) != 7 || lines[0] != "Date,Sales" || len(f.Metrics) != 5 {
		t.Fatalf("%v, metrics %v", lines, f.Metrics)
	}
	for i, w := range s.weeks {
		v := f.Metrics[fmt.Sprintf("forecast_day_%d_sales", i+1)]
		_, text, _ := strings.Cut(lines[i+1], ",")
		if inFile, err := strconv.ParseFloat(text, 64); fmt.Sprintf("%.2f", v) != w.Sales || inFile != v || err != nil {
			t.Errorf("week %d: served %s, logged %v, in the file %s", i+1, w.Sales, v, lines[i+1])
		}
	}
}

// checkAnswers holds what the registered regressors say in stock Python against
// `salesctl predict --raw`: equal to the last bit. The forest's prediction is a
// mean of 64 bits, its output for Python one of 32.
func checkAnswers(t *testing.T, got seen, predicted []map[string]any) {
	for name, model := range map[string]string{boosted: "gbt", forest: "rf"} {
		a := got.Answers[name]
		if !strings.Contains(a.Output, "over its scale") {
			t.Errorf("%s does not say what it answers: %q", name, a.Output)
		}
		var rows []map[string]any
		for _, row := range predicted {
			if row["model"] == model {
				rows = append(rows, row)
			}
		}
		if len(rows) != 48 || len(a.Said) != len(rows) {
			t.Fatalf("%s: %d rows, %d answers", name, len(rows), len(a.Said))
		}
		for i, row := range rows {
			output, scale, sales := row["output"].(float64), row["scale"].(float64), row["prediction"].(float64)
			if a.Said[i] != output || math.Abs(output*scale/sales-1) > 1e-5 {
				t.Errorf("%s, row %d: Python says %v, salesctl %v, times %v is %v", name, i+1, a.Said[i], output, scale, sales)
			}
		}
	}
}
