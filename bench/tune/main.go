// Tune measures the search of a grid as whole processes: `salesctl train --tune
// --model rf,gbt --no-backtest`, and a Python script that tries the same grid with
// the same fixed parameters on the same folds of the same feature matrix, by
// scikit-learn's forest and XGBoost's hist.
//
//	PEERS_VENV=$PWD/.venv go run ./bench/tune
//	PEERS_VENV=$PWD/.venv go run ./bench/tune -runs 9 -jobs 2
//
// It prints the CPU time of both, user and system, from the start of the process
// with all its imports and of the processes that it starts, the ratio of the medians,
// and both winners.
//
// Both track what they do with MLflow, in a SQLite database and a folder: a run a
// candidate inside the training's, with its parameters and errors; the winners fitted
// again, logged as models with an example of their input, and registered; pictures.
// What the script is spared: it is given the matrix that ours makes of the database;
// ours also scores seven models on the weeks held back, fits 45 series of ARIMA with a
// run each, refits everything on all weeks, and draws 12 pictures where the script
// draws 4. Its database is there before it starts to count, ours is made on the way.
// The ratio to the script's search alone, without a thought of tracking, is printed
// as well.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/bench/peer"
)

func main() {
	runs := flag.Int("runs", 5, "repetitions of each measurement")
	jobs := flag.Int("jobs", 1, "threads of both")
	binary := flag.String("binary", "", "the salesctl to measure; empty builds the one of this repository")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *binary, *runs, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "tune:", err)
		os.Exit(1)
	}
}

// run prints the figures.
func run(ctx context.Context, out io.Writer, binary string, runs, jobs int) (err error) {
	if runs < 1 || jobs < 1 {
		return fmt.Errorf("%d runs with %d jobs, want at least 1 of each", runs, jobs)
	}
	dir, err := os.MkdirTemp("", "tune")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if binary == "" {
		binary = filepath.Join(dir, "salesctl")
		if _, err := call(ctx, "", "go", "build", "-trimpath", "-o", binary, "github.com/salesctl/salesctl/cmd/salesctl"); err != nil {
			return err
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	ours, place, err := measure(ctx, binary, dir, runs, jobs)
	if err != nil {
		return err
	}
	show(out, "salesctl train --tune", ours)
	venv := peer.Venv()
	if venv == "" {
		_, err := fmt.Fprintf(out, "skipped: %s; %s\n", peerNames, peer.HowTo)
		return err
	}
	theirs, err := askPeers(ctx, venv, place, runs, jobs)
	if err != nil {
		return err
	}
	show(out, peerNames, theirs)
	_, err = fmt.Fprintf(out, "ours takes %.3f of their CPU time, %.3f of the %.2f s that their search alone takes\n",
		median(ours.seconds)/median(theirs.seconds), median(ours.seconds)/median(theirs.search), median(theirs.search))
	return err
}

// outcome is what one side took and found.
type outcome struct {
	seconds []float64                 // of CPU, one a run
	search  []float64                 // of these, without tracking; the peers' only
	best    map[string]map[string]any // by model: the winner's parameters
	mean    map[string]float64        // by model: the winner's mean squared error
}

// measure runs ours, each time in a new folder; place is the last one.
func measure(ctx context.Context, binary, dir string, runs, jobs int) (o outcome, place string, err error) {
	for i := range runs {
		place = filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(place, 0o755); err != nil {
			return o, "", err
		}
		if _, err := call(ctx, place, binary, "etl", "-q"); err != nil {
			return o, "", err
		}
		done, err := call(ctx, place, binary, "train", "--tune", "--model", "rf,gbt", "--no-backtest", "--jobs", fmt.Sprint(jobs), "-q", "--json")
		if err != nil {
			return o, "", err
		}
		o.seconds = append(o.seconds, done.seconds)
		if o.best, o.mean, err = winners(done.stdout); err != nil {
			return o, "", err
		}
	}
	return o, place, nil
}

// winners reads them out of the answer of train.
func winners(answer []byte) (best map[string]map[string]any, mean map[string]float64, err error) {
	var a struct {
		Meta struct {
			Tuning []struct {
				Model string
				Best  map[string]any
				Mean  float64
			}
		}
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, nil, fmt.Errorf("read the answer of train: %w", err)
	}
	best, mean = map[string]map[string]any{}, map[string]float64{}
	for _, t := range a.Meta.Tuning {
		best[t.Model], mean[t.Model] = t.Best, t.Mean
	}
	return best, mean, nil
}

// ended is a program that ended well.
type ended struct {
	stdout  []byte
	seconds float64 // of CPU
}

// call runs the program in the folder; what it said is part of its error.
func call(ctx context.Context, dir, program string, args ...string) (ended, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SALESCTL_") || strings.HasPrefix(v, "MLFLOW_") })
	if dir != "" { // a measurement: no settings of the user's
		cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+dir)
	}
	var said strings.Builder
	cmd.Stderr = &said
	stdout, err := cmd.Output()
	if err != nil {
		return ended{}, fmt.Errorf("%s %v: %w\n%s", program, args, err, &said)
	}
	s := cmd.ProcessState
	return ended{stdout, (s.UserTime() + s.SystemTime()).Seconds()}, nil
}

// show prints the median, the fastest and the slowest run, and the winners.
func show(out io.Writer, who string, o outcome) {
	s := slices.Sorted(slices.Values(o.seconds))
	_, _ = fmt.Fprintf(out, "%-26s median %6.2f s of CPU, %.2f to %.2f in %d runs\n", who, median(s), s[0], s[len(s)-1], len(s))
	for _, model := range slices.Sorted(maps.Keys(o.best)) {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(o.best[model])) {
			parts = append(parts, fmt.Sprintf("%s=%v", name, o.best[model][name]))
		}
		_, _ = fmt.Fprintf(out, "  %-4s RMSE %6.0f on the folds: %s\n", model, math.Sqrt(o.mean[model]), strings.Join(parts, " "))
	}
}

// median is the upper one of two in the middle.
func median(x []float64) float64 {
	return slices.Sorted(slices.Values(x))[len(x)/2]
}
