package train

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// trained returns the record of a small training that was tuned.
func trained(t *testing.T, change func(*Options)) record.Record {
	t.Helper()
	log := &memory{}
	o := Options{
		Panel: chain(3, 140), Recipe: recipe(), Spaces: spaces(), Backtest: true, Log: log, Register: true,
		From: Provenance{ID: "r", User: "ann", Version: "v1", Commit: "abc", Data: "sales.db"},
		Now:  func() time.Time { return time.UnixMilli(1_700_000_000_000) },
	}
	if change != nil {
		change(&o)
	}
	run(t, o)
	if len(log.records) != 1 {
		t.Fatalf("%d records", len(log.records))
	}
	return log.records[0]
}

func has(t *testing.T, r record.Record, params, metrics, tags []string) {
	t.Helper()
	data := mlflow.RunData{Params: r.Params, Tags: r.Tags}
	for _, k := range params {
		if data.Param(k) == "" {
			t.Errorf("%s has no param %s", r.Name, k)
		}
	}
	for _, k := range tags {
		if data.Tag(k) == "" {
			t.Errorf("%s has no tag %s", r.Name, k)
		}
	}
	for _, k := range metrics {
		if !slices.ContainsFunc(r.Metrics, func(m mlflow.Metric) bool { return m.Key == k && !math.IsNaN(float64(m.Value)) }) {
			t.Errorf("%s has no metric %s", r.Name, k)
		}
	}
}

func TestRecordHasTheNamesOfThePythonOriginal(t *testing.T) {
	r := trained(t, nil)
	if r.Experiment != "Sales Forecasting Experiment" || r.Name != "Training Run" || r.Status != mlflow.Finished {
		t.Errorf("%s, %s, %s", r.Experiment, r.Name, r.Status)
	}
	var metrics []string
	for _, model := range []string{"xgboost", "rf", "final"} {
		for _, m := range []string{"mae", "mse", "rmse", "r2", "mape", "wape"} {
			metrics = append(metrics, model+"_"+m)
		}
	}
	has(t, r, []string{"xgboost_n_estimators", "xgboost_max_depth", "rf_n_estimators", "seed"}, metrics,
		[]string{"salesctl.dataset_digest", "mlflow.source.git.commit", "salesctl.scored_span", "salesctl.trained_span"})
	var names []string
	for _, m := range r.Models {
		names = append(names, m.Name+"="+m.Register)
	}
	want := []string{"pipeline=Sales-Forecasting", "randomforest_model=RF-Sales-Forecasting", "xgboost_model=XGB-Sales-Forecasting"}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("models %q, want %q", names, want)
	}
	for _, m := range r.Models {
		if m.Digest != r.Models[0].Digest || len(m.Digest) != 64 || len(file(m, "MLmodel")) == 0 {
			t.Errorf("%s: digest %q, %d bytes of MLmodel", m.Name, m.Digest, len(file(m, "MLmodel")))
		}
	}
}

func TestRecordNestsSeriesAndTrials(t *testing.T) {
	r := trained(t, nil)
	count := map[string]int{}
	for _, c := range r.Children {
		kind, _, _ := strings.Cut(c.Name, "_")
		count[kind]++
		switch kind {
		case "ARIMA":
			has(t, c, []string{"store_id", "order"}, []string{"aic", "bic"}, nil)
		case "xgboost":
			has(t, c, []string{"xgboost_max_depth", "xgboost_learning_rate"}, []string{"mse", "fold_mse"}, nil)
		}
	}
	ids := map[string]bool{}
	for _, c := range r.Children {
		ids[c.ID] = true
	}
	if len(ids) != len(r.Children) {
		t.Errorf("%d ids of %d children", len(ids), len(r.Children))
	}
	if count["ARIMA"] != 3 || count["xgboost"] != 4 || count["rf"] != 2 {
		t.Errorf("children %v", count)
	}
	if !slices.ContainsFunc(r.Children, func(c record.Record) bool { return c.Name == "ARIMA_Store_2" }) {
		t.Error("there is no run ARIMA_Store_2")
	}
}

func TestManySeriesAreATableAlone(t *testing.T) {
	r := trained(t, func(o *Options) { o.Panel, o.Spaces, o.Backtest = chain(101, 60), nil, false })
	if len(r.Children) != 0 {
		t.Errorf("%d nested runs", len(r.Children))
	}
	rows := table(t, r, "models/arima/arima_parameters.csv")
	if len(rows) != 102 || !slices.Contains(rows[0], "aic") {
		t.Errorf("%d rows, %q", len(rows), rows[0])
	}
}

func table(t *testing.T, r record.Record, path string) [][]string {
	t.Helper()
	for _, f := range r.Files {
		if f.Path == path {
			rows, err := csv.NewReader(strings.NewReader(string(f.Data))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
	}
	t.Fatalf("there is no %s", path)
	return nil
}

func TestPredictionsAreTheOneStepTable(t *testing.T) {
	rows := table(t, trained(t, nil), "predictions/predictions.csv")
	if got := strings.Join(rows[0], "|"); got != "True Values|XGBoost Predictions|Random Forest Predictions|Final Predictions (Averaged)|store|date" {
		t.Errorf("columns %s", got)
	}
	if len(rows)-1 != 3*28 {
		t.Errorf("%d rows, want 28 weeks of 3 stores", len(rows)-1)
	}
	for _, row := range rows[1:] {
		var x, f, mean float64
		if _, err := fmt.Sscan(row[1]+" "+row[2]+" "+row[3], &x, &f, &mean); err != nil {
			t.Fatal(err)
		}
		if math.Abs((x+f)/2-mean) > 1e-9*mean {
			t.Errorf("%q: the last number is not the mean of the two before", row)
		}
	}
}

func TestDigestIsOfEveryValue(t *testing.T) {
	p := chain(2, 20)
	base := digest(p)
	if len(base) != 16 || digest(chain(2, 20)) != base {
		t.Errorf("digest %s, then %s", base, digest(chain(2, 20)))
	}
	for name, change := range map[string]func(){
		"target": func() { p.Series[1].Target[19]++ },
		"column": func() { p.Series[0].Columns[0][0]++ },
		"key":    func() { p.Series[0].Key = []string{"9"} },
		"start":  func() { p.Series[0].Start += 7 },
	} {
		p = chain(2, 20)
		change()
		if digest(p) == base {
			t.Errorf("another %s, the same digest", name)
		}
	}
}

func TestStoppedTrainingIsLoggedAsFarAsItCame(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &memory{}
	_, err := Run(ctx, Options{
		Panel: chain(2, 120), Recipe: recipe(), Backtest: true, Log: log, Register: true,
		Progress: func(p Progress) {
			if p.Step == "backtesting" {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if len(log.records) != 1 || log.records[0].Status != mlflow.Killed || len(log.records[0].Models) > 0 {
		t.Fatalf("records %+v", log.records)
	}
	has(t, log.records[0], nil, []string{"final_wape"}, nil)
}
