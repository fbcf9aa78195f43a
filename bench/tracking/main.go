// Tracking measures `salesctl tracking serve` and MLflow's own server, one
// worker of it, side by side: what a request costs the server, and what the server
// costs before the first one.
//
//	PEERS_VENV=$PWD/.venv go run ./bench/tracking
//	go run ./bench/tracking -writers 64 -seconds 30
//
// The way of the comparison, on Linux, whose /proc it reads:
//
//  1. Both servers start once on a new database, which is the time until they are
//     ready, and end again.
//  2. One SQLite database is filled and copied, so that both serve the same runs
//     of the same ids.
//  3. Each row of the table sends the same bytes to one server and then to the
//     other, one request after another on one connection, until the server has
//     used enough CPU time to be measured. Of a row that writes each server gets
//     the same number of requests: what the earlier ones have written makes the
//     later ones dearer. CPU time is user and system time of the
//     server's whole process tree, finished children too; the time of a request
//     is the median of what the client waited.
//  4. The answers to the first request of a row must be the same, but for the
//     order of a run's metrics, params and tags, or there is no figure.
//
// What it gives, with MLflow 3.17.2 on two cores, as the peer's CPU time over ours:
// 17 for creating a run, 14 for a metric, 5.3 for a batch of 100, 24 for a run of
// 1,000 params and metrics, 25 for a history, and in a search of 10,000 runs 16 for
// the first 100, 43 for a third of them ordered, 12 to 18 for a hundredth, 190 for
// all of them ordered and 13 to 17 for pages of 1,000. A batch of 100 metrics has
// the least: it changes some 200 pages of two indexes, which either server writes.
//
// Where PEERS_VENV names no venv with bench/requirements.txt in it, only ours is
// measured.
//
// With -writers nothing is compared: that many clients log at once to ours, on
// SQLite, and every value that was acknowledged is looked for, first after they
// have stopped, and then again after the server was killed amid the writing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/salesctl/salesctl/bench/peer"
)

// options are the flags.
type options struct {
	binary  string        // the salesctl to measure
	runs    int           // that the database holds
	cpu     time.Duration // to be used by a server in a row of the table
	writers int
	seconds float64 // of writing
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "the salesctl to measure; empty builds the one of this repository")
	flag.IntVar(&o.runs, "runs", 10_000, "runs to search")
	flag.DurationVar(&o.cpu, "cpu", 500*time.Millisecond, "CPU time of a server that is enough for a figure")
	flag.IntVar(&o.writers, "writers", 0, "only write, with so many clients at once")
	flag.Float64Var(&o.seconds, "seconds", 30, "how long the writers write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // it ends the servers too
	err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tracking:", err)
		os.Exit(1)
	}
}

// run prints what is asked for.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	if o.runs < 1 || o.writers < 0 || o.seconds <= 0 {
		return fmt.Errorf("%d runs, %d writers, %g seconds, want at least 1, 0 and more than 0", o.runs, o.writers, o.seconds)
	}
	dir, err := os.MkdirTemp("", "tracking")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary, err = built(ctx, o.binary, dir); err != nil {
		return err
	}
	if o.writers > 0 {
		return write(ctx, out, ours(o.binary, filepath.Join(dir, "ours")), o)
	}
	contestants := []contestant{ours(o.binary, filepath.Join(dir, "ours"))}
	if venv := peer.Venv(); venv != "" {
		contestants = append(contestants, theirs(venv, filepath.Join(dir, "theirs")))
	} else if _, err := fmt.Fprintf(out, "skipped: %s; %s\n\n", peerName, peer.HowTo); err != nil {
		return err
	}
	r, err := compare(ctx, contestants, dir, o)
	if err != nil {
		return err
	}
	r.show(out)
	return nil
}

// built returns the whole path of the binary; it makes one in dir where none is
// given.
func built(ctx context.Context, binary, dir string) (string, error) {
	if binary != "" {
		return filepath.Abs(binary)
	}
	binary = filepath.Join(dir, "salesctl")
	const program = "github.com/salesctl/salesctl/cmd/salesctl"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, said)
	}
	return binary, nil
}
