package serve

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/sales"
)

// InferenceExperiment is where served answers stand in MLflow, as with the Python
// original.
const InferenceExperiment = "Sales Forecasting Inference"

// headerRunID names the run of an answer, where it is known at once.
const headerRunID = "X-MLflow-Run-Id"

// Log takes the record of a served answer to MLflow, some time later: it never
// waits and never fails.
type Log interface {
	Log(r record.Record)
}

// infer logs a served answer and names its run.
func (s *server) infer(ctx context.Context, h http.Header, r record.Record) {
	if s.Log == nil {
		return
	}
	r.ID = rand.Text()
	r.Experiment, r.Status, r.User = InferenceExperiment, mlflow.Finished, "salesctl"
	r.Start = s.Now().UnixMilli()
	r.End = r.Start
	for i := range r.Metrics {
		r.Metrics[i].Timestamp = r.Start
	}
	r.Tags = append(r.Tags,
		mlflow.Tag{Key: "mlflow.user", Value: r.User},
		mlflow.Tag{Key: "mlflow.source.name", Value: "salesctl serve"},
		mlflow.Tag{Key: "mlflow.source.type", Value: "LOCAL"},
		mlflow.Tag{Key: "request_id", Value: requestID(ctx)},
		mlflow.Tag{Key: "model_version", Value: s.Version},
	)
	if s.ChooseRunID {
		r.RunID = runID()
		h.Set(headerRunID, r.RunID)
	}
	s.Log.Log(r)
}

// runID returns an id as MLflow makes them.
func runID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// predictionRecord is the run of an answered row: its inputs, what each of the
// two regressors says, and their mean.
func predictionRecord(q row, p sales.Prediction) record.Record {
	r := record.Record{Name: "Inference Logs", Params: []mlflow.Param{
		{Key: "store", Value: q.store.String()}, {Key: "date", Value: q.input},
	}}
	for i, name := range rowFields {
		r.Params = append(r.Params, mlflow.Param{Key: strings.ToLower(name), Value: strconv.FormatFloat(q.values[i], 'f', -1, 64)})
	}
	names := map[string]string{"gbt": "xgboost_prediction", "rf": "random_forest_prediction"}
	for _, part := range p.Parts {
		if name := names[part.Model]; name != "" {
			r.Metrics = append(r.Metrics, mlflow.Metric{Key: name, Value: mlflow.Number(part.Value)})
		}
	}
	r.Metrics = append(r.Metrics, mlflow.Metric{Key: "ensemble_prediction", Value: mlflow.Number(p.Value)})
	return r
}

// forecastRecord is the run of an answered forecast.
func (s *server) forecastRecord(q outlook, f sales.Forecast) (record.Record, error) {
	r := record.Record{
		Name: fmt.Sprintf("%s_Store_%s_Forecast", strings.ToUpper(q.model), f.Key),
		Params: []mlflow.Param{
			{Key: "store_id", Value: f.Key.String()},
			{Key: "forecast_steps", Value: strconv.Itoa(len(f.Points))},
			{Key: "model_path", Value: s.ModelURI},
		},
	}
	rows := [][]string{{"Date", "Sales"}}
	for i, p := range f.Points {
		r.Metrics = append(r.Metrics, mlflow.Metric{Key: fmt.Sprintf("forecast_day_%d_sales", i+1), Value: mlflow.Number(p.Mean)})
		rows = append(rows, []string{p.Period.String(), strconv.FormatFloat(p.Mean, 'f', -1, 64)})
	}
	var b bytes.Buffer
	err := csv.NewWriter(&b).WriteAll(rows)
	r.Files = []record.File{{Path: "forecast_results.csv", Data: b.Bytes()}}
	return r, err
}

// Runs finds logged runs.
type Runs interface {
	GetExperimentByName(ctx context.Context, name string) (mlflow.Experiment, error)
	SearchRuns(ctx context.Context, q mlflow.RunQuery) (mlflow.Page[mlflow.Run], error)
}

// maxMonitored bounds the runs of one answer.
const maxMonitored = 1000

// monitored is a run as POST /monitor_mlflow shows it.
type monitored struct {
	RunID   string            `json:"run_id"`
	Params  map[string]string `json:"params"`
	Metrics map[string]real   `json:"metrics"`
}

// monitor answers POST /monitor_mlflow: the runs of an experiment, newest first.
func (s *server) monitor(_ http.Header, r *http.Request) (any, error) {
	var f form
	name := f.text(querySource(r.URL.RawQuery), "experiment_name")
	if err := f.fail(); err != nil {
		return nil, err
	}
	e, err := s.Runs.GetExperimentByName(r.Context(), name)
	if mlflow.CodeOf(err) == mlflow.ResourceDoesNotExist {
		return map[string]string{"error": "Experiment not found."}, nil
	}
	if err != nil {
		return nil, err
	}
	page, err := s.Runs.SearchRuns(r.Context(), mlflow.RunQuery{ExperimentIDs: []string{e.ID}, MaxResults: maxMonitored})
	if err != nil {
		return nil, err
	}
	out := make([]monitored, len(page.Items))
	for i, run := range page.Items {
		m := monitored{RunID: run.Info.ID, Params: map[string]string{}, Metrics: map[string]real{}}
		for _, p := range run.Data.Params {
			m.Params[p.Key] = p.Value
		}
		for _, x := range run.Data.Metrics {
			m.Metrics[x.Key] = real(x.Value)
		}
		out[i] = m
	}
	return out, nil
}

// tracked reports whether a path belongs to the tracking server behind this one.
func (s *server) tracked(path string) bool {
	if s.Tracking == nil {
		return false
	}
	for _, prefix := range []string{"/api/", "/ajax-api/", "/graphql", "/get-artifact", "/model-versions/", "/static-files/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return path == "/health" || path == "/version" || path == "/" && s.Pages
}
