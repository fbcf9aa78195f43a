package sqlstore

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// TestMLflowMadeWeWrite opens a database that MLflow made, writes into it, and
// lets MLflow read and write again.
func TestMLflowMadeWeWrite(t *testing.T) {
	dsn := file(t)
	id := string(python(t, "testdata/peer.py", "make", dsn))
	s := openAt(t, dsn, Options{})
	r, err := s.GetRun(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if r.Data.Tag("by") != "them" || r.Info.Name != "named" || r.Data.Param("p") != "1" {
		t.Errorf("%+v", r)
	}
	i := slices.IndexFunc(r.Data.Metrics, func(m mlflow.Metric) bool { return m.Key == "n" })
	if i < 0 || !math.IsNaN(float64(r.Data.Metrics[i].Value)) {
		t.Errorf("metrics %+v: n is not NaN", r.Data.Metrics)
	}
	if err := s.LogBatch(t.Context(), id, mlflow.Batch{Metrics: []mlflow.Metric{{Key: "m", Value: 7, Step: 3}}, Params: []mlflow.Param{{Key: "q", Value: "2"}}}); err != nil {
		t.Fatal(err)
	}
	theirs(t, dsn, id, s)
}

// TestWeMadeMLflowWrites lets MLflow use a database that we made.
func TestWeMadeMLflowWrites(t *testing.T) {
	dsn := file(t)
	s := openAt(t, dsn, Options{})
	r, err := s.CreateRun(t.Context(), mlflow.NewRun{Name: "ours", Tags: []mlflow.Tag{{Key: "by", Value: "us"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LogBatch(t.Context(), r.Info.ID, mlflow.Batch{Metrics: []mlflow.Metric{{Key: "m", Value: 7, Step: 3}}, Params: []mlflow.Param{{Key: "q", Value: "2"}}}); err != nil {
		t.Fatal(err)
	}
	theirs(t, dsn, r.Info.ID, s)
}

// theirs checks that MLflow sees our metric and param, and we its metric, tag and
// experiment.
func theirs(t *testing.T, dsn, id string, s *Store) {
	t.Helper()
	var seen mlflow.Run
	if err := json.Unmarshal(python(t, "testdata/peer.py", "use", dsn, id), &seen); err != nil {
		t.Fatal(err)
	}
	ours, err := s.GetRun(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for who, r := range map[string]mlflow.Run{"MLflow": seen, "we": ours} {
		m := r.Data.Metrics[slices.IndexFunc(r.Data.Metrics, func(m mlflow.Metric) bool { return m.Key == "m" })]
		if r.Data.Param("q") != "2" || r.Data.Tag("seen") != "by MLflow" || m.Value != 9.5 || m.Step != 9 {
			t.Errorf("%s see %+v", who, r.Data)
		}
	}
	h, err := s.MetricHistory(t.Context(), mlflow.HistoryQuery{RunID: id, Key: "m"})
	if err != nil || len(h.Items) < 2 || !strings.HasPrefix(ours.Info.ArtifactURI, strings.TrimSuffix(seen.Info.ArtifactURI, "/artifacts")) {
		t.Errorf("history %+v, %v", h.Items, err)
	}
	if _, err := s.GetExperimentByName(t.Context(), "theirs again"); err != nil {
		t.Error(err)
	}
}
