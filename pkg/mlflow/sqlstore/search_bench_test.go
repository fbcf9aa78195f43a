package sqlstore

import (
	"fmt"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// manyRuns fills experiment 0 with 10,000 runs of 5 metrics, 5 params and 3 tags.
func manyRuns(b *testing.B) *Store {
	b.Helper()
	s := open(b, Options{})
	const runs = 10000
	var rows, metrics, params, tags []any
	for i := range runs {
		id := fmt.Sprintf("%032x", uint32(i)*2654435761) // scattered, as random ids are
		rows = append(rows, id, fmt.Sprintf("run %d", i), "me", "FINISHED", 1700000000000+i, 1700000000500+i, mlflow.Active, "mlflow-artifacts:/0/"+id+"/artifacts", 0)
		for j := range 5 {
			metrics = append(metrics, fmt.Sprintf("metric%d", j), float64((i*7919+j*31)%10007), 1700000000000+i, 1, false, id)
			params = append(params, fmt.Sprintf("param%d", j), fmt.Sprint((i+j)%17), id)
		}
		tags = append(tags, runName, fmt.Sprintf("run %d", i), id, "mlflow.user", "me", id, "kind", []string{"fit", "tune", "eval"}[i%3], id)
	}
	err := s.write(b.Context(), func(t tx) error {
		for _, part := range []struct {
			head   string
			width  int
			values []any
		}{
			{"INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id)", 9, rows},
			{"INSERT INTO latest_metrics (`key`, value, timestamp, step, is_nan, run_uuid)", 6, metrics},
			{"INSERT INTO params (`key`, value, run_uuid)", 3, params},
			{"INSERT INTO tags (`key`, value, run_uuid)", 3, tags},
		} {
			if err := t.insert(part.head, part.width, "", part.values); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkSearchRuns(b *testing.B) {
	s := manyRuns(b)
	for _, bb := range []struct {
		name string
		q    mlflow.RunQuery
	}{
		{"first 100", mlflow.RunQuery{MaxResults: 100}},
		{"filtered and ordered", mlflow.RunQuery{MaxResults: 100, Filter: "metrics.metric0 > 5000 AND params.param1 = '3' AND tags.kind = 'fit'", OrderBy: []string{"metrics.metric1 DESC"}}},
		{"ordered", mlflow.RunQuery{MaxResults: 100, OrderBy: []string{"metrics.metric1 DESC"}}},
		{"by id", mlflow.RunQuery{MaxResults: 100, Filter: "run_id = '00000000000000000000000000000000'"}},
		{"a page of 1000", mlflow.RunQuery{MaxResults: 1000}},
	} {
		bb.q.ExperimentIDs = []string{mlflow.DefaultExperiment}
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.SearchRuns(b.Context(), bb.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("all by 1000", func(b *testing.B) {
		for b.Loop() {
			for q := (mlflow.RunQuery{ExperimentIDs: []string{mlflow.DefaultExperiment}, MaxResults: 1000}); ; {
				p, err := s.SearchRuns(b.Context(), q)
				if err != nil {
					b.Fatal(err)
				}
				if q.PageToken = p.Next; q.PageToken == "" {
					break
				}
			}
		}
	})
}
