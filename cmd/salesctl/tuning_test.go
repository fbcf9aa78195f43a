package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/testdata"
)

// searchDir is a folder with the sales of three stores and a space of cheap
// candidates.
func searchDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var sales bytes.Buffer
	for i, line := range bytes.SplitAfter(testdata.Walmart, []byte("\n")) {
		if i == 0 || bytes.HasPrefix(line, []byte("1,")) || bytes.HasPrefix(line, []byte("2,")) || bytes.HasPrefix(line, []byte("3,")) {
			sales.Write(line)
		}
	}
	write(t, dir, "sales.csv", sales.String())
	write(t, dir, "salesctl.yaml", "train: {spaces: spaces.yaml, models: [gbt]}\n")
	write(t, dir, "spaces.yaml", `grid:
  gbt: {n_estimators: [20, 30, 40, 50], max_depth: [1, 2, 3], learning_rate: [0.05, 0.3]}
random:
  gbt: {n_estimators: {int: [20, 50]}, learning_rate: {loguniform: [0.01, 0.5]}, subsample: {uniform: [0.5, 1]}}
`)
	mustRun(t, dir, "etl", "sales.csv", "-q")
	return dir
}

// trialTable is the ranking that the only run of the folder has logged.
func trialTable(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "mlartifacts", "*", "*", "artifacts", "tuning", "xgboost_trials.csv"))
	if err != nil || len(found) != 1 {
		t.Fatalf("rankings %v, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A search that is killed in the middle goes on where it stopped and ends with
// the same bytes as one that was not, for any number of jobs.
func TestKilledSearchGoesOn(t *testing.T) {
	needSignals(t)
	if testing.Short() {
		t.Skip("it trains")
	}
	for _, by := range []string{"grid", "random", "halving"} {
		args := []string{"train", "--tune=" + by, "--no-backtest", "--no-register", "-v"}
		if by != "grid" {
			args = append(args, "--trials", "24")
		}
		whole := searchDir(t)
		mustRun(t, whole, append(args, "--jobs", "2")...)
		want := trialTable(t, whole)
		for _, jobs := range []int{1, 2, 8} {
			t.Run(fmt.Sprintf("%s, %d jobs", by, jobs), func(t *testing.T) {
				dir := searchDir(t)
				args := append(args, "--jobs", fmt.Sprint(jobs))
				p := start(t, dir, nil, args...)
				p.until(t, fmt.Sprintf(`msg="tuning gbt" done=%d`, 7+jobs))
				p.signal(t, os.Kill)
				p.end(t, -1)
				journals, err := filepath.Glob(filepath.Join(dir, stateFolder, journalFolder, "gbt-*.jsonl"))
				if err != nil || len(journals) != 1 {
					t.Fatalf("journals %v, %v", journals, err)
				}
				text, err := os.ReadFile(journals[0])
				if err != nil {
					t.Fatal(err)
				}
				kept := bytes.Count(text, []byte("\n")) - 1
				if kept < 7+jobs {
					t.Fatalf("the journal has %d scores of %d that were told", kept, 7+jobs)
				}
				write(t, filepath.Dir(journals[0]), filepath.Base(journals[0]), string(text)+`{"trial":23,"fo`)
				code, _, said := salesctl(t, dir, args...)
				if taken := fmt.Sprintf("%d scores of an earlier run taken over", kept); code != exitOK || !strings.Contains(said, taken) {
					t.Fatalf("exit code %d, no %q: %s", code, taken, said)
				}
				if got := trialTable(t, dir); got != want {
					t.Errorf("another ranking:\n%s\nwant\n%s", got, want)
				}
				if left := entries(t, filepath.Dir(journals[0])); len(left) > 0 {
					t.Errorf("%v are left", left)
				}
			})
		}
	}
}

// A damaged journal is refused with its line and what to do, and not trusted.
func TestDamagedSearchIsRefused(t *testing.T) {
	needSignals(t)
	dir := searchDir(t)
	args := []string{"train", "--tune", "--no-backtest", "--no-register", "-v"}
	p := start(t, dir, nil, args...)
	p.until(t, `msg="tuning gbt" done=5`)
	p.signal(t, os.Interrupt)
	p.end(t, 130)
	if !strings.Contains(p.said.String(), "the scores are kept: the same command goes on where this one stopped") {
		t.Errorf("nobody was told: %s", &p.said)
	}
	folder := filepath.Join(dir, stateFolder, journalFolder)
	name := entries(t, folder)[0]
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, name, strings.Replace(string(text), `"fold":1`, `"fold":2`, 1))
	code, _, said := salesctl(t, dir, args...)
	if code != exitIntegrity || !strings.Contains(said, name+", line ") || !strings.Contains(said, "damaged") || !strings.Contains(said, "hint: remove the file") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
