package mlflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever the batch, its chunks hold all of it in its order, and each is within
// every limit and as full as they allow.
func TestChunksHoldEverythingWithinTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Repeat("é", rapid.SampledFrom([]int{0, 1, MaxParamValue}).Draw(t, "value"))
		var in, out Batch
		for i := range rapid.IntRange(0, 350).Draw(t, "params") {
			in.Params = append(in.Params, Param{fmt.Sprint("p", i), value})
		}
		for i := range rapid.IntRange(0, 250).Draw(t, "tags") {
			in.Tags = append(in.Tags, Tag{fmt.Sprint("t", i), value})
		}
		for i := range rapid.IntRange(0, 2500).Draw(t, "metrics") {
			in.Metrics = append(in.Metrics, Metric{Key: "m", Step: int64(i)})
		}
		chunks := 0
		for c := range in.Chunks() {
			chunks++
			raw, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			all := len(c.Params) + len(c.Tags) + len(c.Metrics)
			if all == 0 || all > MaxBatchEntities || len(c.Params) > MaxBatchParams || len(c.Tags) > MaxBatchTags ||
				len(c.Metrics) > MaxBatchMetrics || len(raw) >= 1_000_000 {
				t.Fatalf("chunk of %d params, %d tags, %d metrics, %d bytes", len(c.Params), len(c.Tags), len(c.Metrics), len(raw))
			}
			out.Params = append(out.Params, c.Params...)
			out.Tags = append(out.Tags, c.Tags...)
			out.Metrics = append(out.Metrics, c.Metrics...)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatal(diff)
		}
		if raw, _ := json.Marshal(in); len(raw) < MaxBatchBytes && len(in.Params) <= MaxBatchParams && len(in.Tags) <= MaxBatchTags &&
			len(in.Params)+len(in.Tags)+len(in.Metrics) <= MaxBatchEntities && chunks > 1 {
			t.Fatalf("a batch within the limits was cut into %d", chunks)
		}
	})
}

func TestChunksStopWhenToldTo(t *testing.T) {
	seen := 0
	for range (Batch{Metrics: make([]Metric, 5*MaxBatchMetrics)}).Chunks() {
		seen++
		if seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("%d chunks", seen)
	}
}
