package main

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/bench/peer"
)

func TestShow(t *testing.T) {
	var out bytes.Buffer
	show(&out, "ours", outcome{
		seconds: []float64{3, 1, 2},
		best:    map[string]map[string]any{"rf": {"max_depth": 5, "a": true}},
		mean:    map[string]float64{"rf": 10_000},
	})
	want := "ours median 2.00 s of CPU, 1.00 to 3.00 in 3 runs rf RMSE 100 on the folds: a=true max_depth=5"
	if got := strings.Join(strings.Fields(out.String()), " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A program that fails is an error, and not a figure.
func TestFailures(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, filepath.Join(t.TempDir(), "nothing"), 1, 1); err == nil || out.Len() > 0 {
		t.Errorf("a missing binary: %v, %q", err, out.String())
	}
	if err := run(t.Context(), &out, "", 0, 1); err == nil || !strings.Contains(err.Error(), "0 runs") {
		t.Errorf("no runs: %v", err)
	}
}

// Both sides try the same grid on the same folds and find models that are about
// as good; what wins may differ, since their random numbers do.
func TestSameTask(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	venv := peer.Need(t, peerNames)
	dir := t.TempDir()
	binary := filepath.Join(dir, "salesctl")
	if _, err := call(context.Background(), "", "go", "build", "-o", binary, "github.com/salesctl/salesctl/cmd/salesctl"); err != nil {
		t.Fatal(err)
	}
	ours, place, err := measure(t.Context(), binary, dir, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := askPeers(t.Context(), venv, place, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("CPU seconds: ours %v, theirs %v", ours.seconds, theirs.seconds)
	for _, model := range []string{"rf", "gbt"} {
		if ratio := ours.mean[model] / theirs.mean[model]; ratio < 0.85 || ratio > 1.15 || len(ours.best[model]) != len(theirs.best[model]) {
			t.Errorf("%s: ours %v with %v, theirs %v with %v", model, ours.mean[model], ours.best[model], theirs.mean[model], theirs.best[model])
		}
	}
}

// The folds that the script is given are those of train: one after the other, each
// trained on rows before it.
func TestTask(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and loads")
	}
	dir := t.TempDir()
	binary := filepath.Join(t.TempDir(), "salesctl")
	if _, err := call(context.Background(), "", "go", "build", "-o", binary, "github.com/salesctl/salesctl/cmd/salesctl"); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t.Context(), dir, binary, "etl", "-q"); err != nil {
		t.Fatal(err)
	}
	files, err := inputs(t.Context(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if rows := len(files["y.bin"]) / 8; rows != 115*45 || len(files["x.bin"])%(4*rows) != 0 || !slices.Equal(names, []string{"actual.bin", "scale.bin", "task.json", "x.bin", "y.bin"}) {
		t.Errorf("%d rows, files %v", rows, names)
	}
	if text := string(files["task.json"]); !strings.Contains(text, `"grid":{"gbt":{"learning_rate":[0.01,0.1],"max_depth":[3,5],"n_estimators":[100,200]}`) {
		t.Errorf("another grid: %.200s", text[strings.Index(text, `"grid"`):])
	}
}
