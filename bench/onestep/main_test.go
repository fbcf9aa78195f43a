package main

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// scored trains and scores ours, which the race detector makes slow.
func scored(t *testing.T) (sales.Panel, []evaluate.RowID, evaluate.Result) {
	t.Helper()
	if testing.Short() {
		t.Skip("trains on the whole sample")
	}
	p, err := sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tested, err := testRows()
	if err != nil {
		t.Fatal(err)
	}
	result, err := score(t.Context(), p, tested)
	if err != nil {
		t.Fatal(err)
	}
	return p, tested, result
}

// The models as plain training makes them, on rows that nothing was chosen by. What
// moves them, for better or worse, changes the figures here and in the README.
func TestOneStepScores(t *testing.T) {
	_, _, result := scored(t)
	for name, want := range map[string]metrics.Scores{
		pipeline.Mean: {MAPE: 2.795, WAPE: 2.759, RMSE: 42_462},
		"rf":          {MAPE: 2.797, WAPE: 2.766, RMSE: 42_659},
		"extra_trees": {MAPE: 2.782, WAPE: 2.748, RMSE: 42_104},
		"gbt":         {MAPE: 2.820, WAPE: 2.778, RMSE: 42_607},
	} {
		s := overall(result, name)
		off := math.Abs(s.MAPE-want.MAPE) > 0.05 || math.Abs(s.WAPE-want.WAPE) > 0.05 || math.Abs(s.RMSE-want.RMSE) > 800
		if s.N != 1287 || off {
			t.Errorf("%s, %d rows: MAPE %.3f %%, WAPE %.3f %%, RMSE %.0f, want 1287 rows and %.3f %%, %.3f %%, %.0f",
				name, s.N, s.MAPE, s.WAPE, s.RMSE, want.MAPE, want.WAPE, want.RMSE)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil || !strings.Contains(string(readme), "makes it | 2.80 | 2.76 | 42,462 |") || !strings.Contains(string(readme), "extra_trees` | 2.78 | 2.75 | 42,104 |") {
		t.Errorf("the README has other figures (%v)", err)
	}
	for model, want := range map[string]float64{evaluate.Naive: 5.09, evaluate.SeasonalNaive: 5.34} {
		if got := overall(result, model).WAPE; got < want-0.01 || got > want+0.01 {
			t.Errorf("%s has WAPE %.3f, want %.2f: these are other rows", model, got, want)
		}
	}
	var out bytes.Buffer
	show(&out, result)
	for _, want := range []string{"fitted up to 2012-04-06", "not tested: 18", "rf_gbt_mean"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, out.String())
		}
	}
}

// Ours against the peers' default models, which see 18 rows more.
func TestPeers(t *testing.T) {
	p, tested, result := scored(t)
	venv := peer.Need(t, peerNames)
	theirs, err := askPeers(t.Context(), venv)
	if err != nil {
		t.Fatal(err)
	}
	us, them := overall(result, pipeline.Mean), metrics.Score(actuals(p, among(tested)), theirs.mean(), nil)
	t.Logf("the peers' mean: MAPE %.3f %%, WAPE %.3f %%, RMSE %.0f in %.1f s", them.MAPE, them.WAPE, them.RMSE, theirs.Seconds)
	if them.N != us.N || us.MAPE > them.MAPE || us.WAPE > them.WAPE || us.RMSE > them.RMSE {
		t.Errorf("ours: %+v\npeers: %+v", us, them)
	}
	if naive := overall(result, evaluate.Naive); them.WAPE > naive.WAPE {
		t.Errorf("the peers have WAPE %.3f, worse than last week's value: they were not given what they need", them.WAPE)
	}
}

// No fold sees a tested row, and none learns from a week that it predicts.
func TestCut(t *testing.T) {
	p, err := sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tested, err := testRows()
	if err != nil {
		t.Fatal(err)
	}
	held, predicted := among(tested), 0
	for _, f := range cut(p, held) {
		for _, s := range p.Series {
			for i := range s.Target {
				week := s.Period(i)
				train, test := f.train(s.Key, week), f.test(s.Key, week)
				if (train || test) && held(s.Key, week) || train && week >= f.from || test && week < f.from {
					t.Fatalf("fold from %s, row %s %s: learned from %v, predicted %v, tested %v", f.from, s.Key, week, train, test, held(s.Key, week))
				}
				if test {
					predicted++
				}
			}
		}
	}
	if predicted != 1890 { // 42 weeks of 45 stores
		t.Errorf("%d rows are predicted, want 1890", predicted)
	}
}
