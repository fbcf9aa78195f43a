package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// histories is a store with two runs that share a metric. It notes how many values
// it has read.
type histories struct {
	fake
	read int
}

func (h *histories) MetricHistory(_ context.Context, q mlflow.HistoryQuery) (p mlflow.Page[mlflow.Metric], err error) {
	point := func(time, step int64, v mlflow.Number) {
		p.Items = append(p.Items, mlflow.Metric{Key: q.Key, Value: v, Timestamp: time, Step: step, DatasetName: "d"})
	}
	if q.RunID == "b" || q.RunID == "a" {
		point(1, 1, 7)
		point(1, 1, 8)
		point(1, 2, 6)
		point(2, 0, 5)
	}
	if q.MaxResults > 0 && len(p.Items) > q.MaxResults {
		p = mlflow.Page[mlflow.Metric]{Items: p.Items[:q.MaxResults], Next: "more"}
	}
	h.read += len(p.Items)
	return p, nil
}

// TestHistoriesOfSeveralRuns: by run, then in the store's order, and no more in all
// than asked for; nothing is read that is not answered.
func TestHistoriesOfSeveralRuns(t *testing.T) {
	for query, want := range map[string]string{
		"run_id=b&run_id=a":               "a7 a8 a6 a5 b7 b8 b6 b5",
		"run_id=b&run_id=a&run_id=b":      "a7 a8 a6 a5 b7 b8 b6 b5",
		"run_id=b&run_id=a&max_results=5": "a7 a8 a6 a5 b7",
		"run_id=a&max_results=2":          "a7 a8",
		"run_id=nobody&run_id=b":          "b7 b8 b6 b5",
		"run_id=nobody":                   "",
		"run_id=a&max_results=0":          "",
	} {
		h := &histories{}
		r := httptest.NewRequestWithContext(t.Context(), "GET", ajaxPath+"/metrics/get-history-bulk?metric_key=m&"+query, http.NoBody)
		w := httptest.NewRecorder()
		New(Options{Tracking: h, Registry: h}).ServeHTTP(w, r)
		var got struct{ Metrics []map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s: %v", query, w.Code, w.Body, err)
		}
		var points []string
		for _, m := range got.Metrics {
			points = append(points, fmt.Sprint(m["run_id"], m["value"]))
			if len(m) != 5 {
				t.Errorf("%s: %v", query, m)
			}
		}
		if strings.Join(points, " ") != want || h.read != len(points) {
			t.Errorf("%s: %v of %d that were read, want %s", query, points, h.read, want)
		}
	}
}
