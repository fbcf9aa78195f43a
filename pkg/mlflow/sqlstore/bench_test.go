package sqlstore

import (
	"fmt"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

func BenchmarkCreateRun(b *testing.B) {
	s := open(b, Options{})
	b.ReportAllocs()
	for b.Loop() {
		newRun(b, s)
	}
}

func BenchmarkLogMetric(b *testing.B) {
	s := open(b, Options{})
	id := newRun(b, s)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if err := s.LogMetric(b.Context(), id, mlflow.Metric{Key: "m", Value: 1, Step: i}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLogBatchOf100Metrics(b *testing.B) {
	s := open(b, Options{})
	id := newRun(b, s)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if err := s.LogBatch(b.Context(), id, batch(100, i)); err != nil {
			b.Fatal(err)
		}
	}
}

// batch has n metrics of as many keys at one step.
func batch(n int, step int64) (b mlflow.Batch) {
	for k := range n {
		b.Metrics = append(b.Metrics, mlflow.Metric{Key: fmt.Sprint("metric", k), Value: mlflow.Number(k), Step: step, Timestamp: step})
	}
	return b
}

func BenchmarkGetRunWith1000ParamsAndMetrics(b *testing.B) {
	s := open(b, Options{})
	id := newRun(b, s)
	for k := range 10 {
		var p mlflow.Batch
		for i := range 100 {
			p.Params = append(p.Params, mlflow.Param{Key: fmt.Sprintf("param%d_%d", k, i), Value: "value"})
		}
		if err := s.LogBatch(b.Context(), id, p); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.LogBatch(b.Context(), id, batch(1000, 0)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := s.GetRun(b.Context(), id); err != nil || len(r.Data.Params) != 1000 || len(r.Data.Metrics) != 1000 {
			b.Fatal(err)
		}
	}
}

func longHistory(b *testing.B) (*Store, string) {
	s := open(b, Options{})
	id := newRun(b, s)
	for k := range 10 {
		var m mlflow.Batch
		for i := range 1000 {
			m.Metrics = append(m.Metrics, mlflow.Metric{Key: "m", Value: mlflow.Number(i), Step: int64(k*1000 + i), Timestamp: int64(k*1000 + i)})
		}
		if err := s.LogBatch(b.Context(), id, m); err != nil {
			b.Fatal(err)
		}
	}
	return s, id
}

func BenchmarkHistoryOf10000(b *testing.B) {
	s, id := longHistory(b)
	b.ReportAllocs()
	for b.Loop() {
		if h := history(b, s, id, "m"); len(h) != 10000 {
			b.Fatal(len(h))
		}
	}
}

func BenchmarkIntervals320Of10000(b *testing.B) {
	s, id := longHistory(b)
	b.ReportAllocs()
	for b.Loop() {
		if h, err := s.MetricIntervals(b.Context(), mlflow.IntervalQuery{RunIDs: []string{id}, Key: "m", MaxResults: 320}); err != nil || len(h) != 320 {
			b.Fatal(len(h), err)
		}
	}
}
