// Etl measures what a user waits for, from the start of a process to its exit:
// loading the sample into a new database, loading it again, and a forecast by a
// trained pipeline.
//
//	go run ./bench/etl
//	go run ./bench/etl -runs 50 -binary ./salesctl
//
// Each figure is the median of the runs, with the fastest and the slowest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	runs := flag.Int("runs", 15, "repetitions of each measurement")
	binary := flag.String("binary", "", "the salesctl to measure; empty builds the one of this repository")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *binary, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "etl:", err)
		os.Exit(1)
	}
}

// run prints the figures.
func run(ctx context.Context, out io.Writer, binary string, runs int) (err error) {
	if runs < 1 {
		return fmt.Errorf("%d runs, want at least 1", runs)
	}
	dir, err := os.MkdirTemp("", "etl")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if binary == "" {
		binary = filepath.Join(dir, "salesctl")
		if err := call(ctx, "", "go", "build", "-trimpath", "-o", binary, "github.com/salesctl/salesctl/cmd/salesctl"); err != nil {
			return err
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	var first, again, forecast []time.Duration
	for i := range runs {
		place := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(place, 0o755); err != nil {
			return err
		}
		if err := timed(ctx, &first, place, binary, "etl"); err != nil {
			return err
		}
		if err := timed(ctx, &again, place, binary, "etl"); err != nil {
			return err
		}
	}
	place := filepath.Join(dir, "0")
	if err := call(ctx, place, binary, "train"); err != nil {
		return err
	}
	for range runs {
		if err := timed(ctx, &forecast, place, binary, "forecast", "--store", "1", "--steps", "5"); err != nil {
			return err
		}
	}
	show(out, "etl of the sample, 6,435 rows", first)
	show(out, "the same again", again)
	show(out, "forecast --store 1 --steps 5", forecast)
	return nil
}

// timed runs the program in the folder and notes how long it took.
func timed(ctx context.Context, took *[]time.Duration, dir, program string, args ...string) error {
	began := time.Now()
	err := call(ctx, dir, program, args...)
	*took = append(*took, time.Since(began))
	return err
}

// call runs the program in the folder; what it said is part of its error.
func call(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SALESCTL_") })
	if dir != "" { // a measurement: no settings of the user's
		cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+dir)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", program, args, err, said)
	}
	return nil
}

// show prints the median, the fastest and the slowest.
func show(out io.Writer, what string, took []time.Duration) {
	slices.Sort(took)
	_, _ = fmt.Fprintf(out, "%-30s median %4d ms, %d to %d ms in %d runs\n", what,
		took[len(took)/2].Milliseconds(), took[0].Milliseconds(), took[len(took)-1].Milliseconds(), len(took))
}
