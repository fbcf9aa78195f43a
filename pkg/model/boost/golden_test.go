package boost

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// TestGolden fits on data of rows in the order of time: the bytes are the same for
// any number of goroutines, on any machine, and the same as ever.
func TestGolden(t *testing.T) {
	d := sales(1500, 9, 1)
	weighted := d
	weighted.Weight = make([]float64, d.Len())
	for r := range weighted.Weight {
		weighted.Weight[r] = float64(1+r%3) / 3
	}
	weighted.X.Kinds = slices.Repeat([]model.Kind{model.Numeric}, 9)
	weighted.X.Kinds[0] = model.Categorical
	past, future := weighted, weighted
	for r := range int32(d.X.Len()) {
		if r < 1200 {
			past.Rows = append(past.Rows, r)
		} else {
			future.Rows = append(future.Rows, r)
		}
	}
	for name, c := range map[string]struct {
		options      Options
		train, valid model.Dataset
		want         string
	}{
		"defaults":               {Options{NEstimators: 20}, d, none, "8dfa7c552a02829e"},
		"rows and columns drawn": {Options{NEstimators: 20, Subsample: 0.7, ColsampleByTree: 0.6, MaxDepth: new(0), Seed: 3}, d, none, "aaf2de5b478cb022"},
		"levels and nodes draw":  {Options{NEstimators: 20, ColsampleByTree: 0.9, ColsampleByLevel: 0.8, ColsampleByNode: 0.7, RegAlpha: 1e4}, d, none, "ca2b4f28da93cc30"},
		"limits":                 {Options{NEstimators: 20, Gamma: 1e9, MaxDeltaStep: 3e4, MinChildWeight: new(9.0), BaseScore: new(1e6)}, weighted, none, "fa42b00e5c236dcd"},
		"sets of categories":     {Options{NEstimators: 20, EnableCategorical: true}, weighted, none, "92cb6a09847f0aba"},
		"single categories":      {Options{NEstimators: 20, EnableCategorical: true, MaxCatToOnehot: 100}, weighted, none, "f839a0be09667d78"},
		"early stopping":         {Options{LearningRate: 0.5, EarlyStoppingRounds: 3}, past, future, "2f4bb23cd456736f"},
		"all of it": {Options{Subsample: 0.8, ColsampleByNode: 0.8, EnableCategorical: true, EarlyStoppingRounds: 5,
			Objective: AbsoluteError, Seed: 8}, past, future, "665173774d2a40f9"},
		"absolute":            {Options{NEstimators: 20, Objective: AbsoluteError}, d, none, "0571dad45dce9d3d"},
		"absolute, weighted":  {Options{NEstimators: 20, Objective: AbsoluteError, Subsample: 0.6}, weighted, none, "4c3644d068cd744f"},
		"quantile":            {Options{NEstimators: 20, Objective: QuantileError, QuantileAlpha: 0.8}, d, none, "40240dd95dddbf3e"},
		"quantile, weighted":  {Options{NEstimators: 20, Objective: QuantileError, QuantileAlpha: 0.1, MaxDepth: new(3)}, weighted, none, "5949d362e5f1a9f2"},
		"Huber, weighted":     {Options{NEstimators: 20, Objective: PseudoHuberError, HuberSlope: 1e5, MinChildWeight: new(0.1)}, weighted, none, "0c16b54bfc95ebdc"},
		"Huber, step limited": {Options{NEstimators: 20, Objective: PseudoHuberError, MaxDeltaStep: 1e5}, d, none, "94c46a9d1199bb1c"},
	} {
		for _, jobs := range []int{1, 2, 8} {
			c.options.Jobs = jobs
			got := fmt.Sprintf("%x", sha256.Sum256(stored(t, fit(t, c.options, c.train, c.valid))))[:16]
			if got != c.want {
				t.Errorf("%s, %d jobs: bytes have hash %s, want %s", name, jobs, got, c.want)
			}
		}
	}
}
