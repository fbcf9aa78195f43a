//go:build unix

// Trees measures forest and boosting beside scikit-learn, XGBoost and LightGBM, on
// one thread and on two: CPU time, memory and accuracy of the fits, and the time of
// predictions. Every fit has a process of its own, with five seeds, of whose
// figures the one in the middle is printed (of errors the mean).
//
//	go run ./bench/trees
//	PEERS_VENV=$PWD/.venv go run ./bench/trees
//	PEERS_VENV=$PWD/.venv go run ./bench/trees -rows 0
//
// There are two tables: the sample with the features of the Python original, 5,148
// rows by 56, and a million rows by 30 of made-up numbers; -rows makes it smaller,
// or leaves it out. PEERS_VENV names a venv with bench/requirements.txt in it;
// without one ours are alone.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/salesctl/salesctl/bench/peer"
)

//go:embed peers.py
var script []byte

// childOptions are one fit.
type childOptions struct {
	folder, job string
	threads     int
	seed        uint64
	profile     string
}

func main() {
	var o childOptions
	flag.StringVar(&o.folder, "folder", "", "folder of the tables; with -job")
	flag.StringVar(&o.job, "job", "", "fit one model in this process and print JSON: forest, boost, boost-big")
	flag.IntVar(&o.threads, "threads", 1, "threads of that fit")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of that fit")
	flag.StringVar(&o.profile, "cpuprofile", "", "file for the CPU profile of that fit")
	rows := flag.Int("rows", 1_000_000, "rows of the large table, 0 for none")
	runs := flag.Int("runs", 5, "fits of each model")
	flag.Parse()
	err := errors.New("give -job and -folder together")
	switch {
	case o.job != "" && o.folder != "":
		err = child(context.Background(), os.Stdout, o)
	case o.job == "" && o.folder == "":
		err = run(context.Background(), os.Stdout, peer.Venv(), *rows, *runs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "trees:", err)
		os.Exit(1)
	}
}

// comparison is a model of ours and the peers' that it stands beside.
type comparison struct {
	title string
	job   string
	peers []string // the first is the one that ratios are of
}

// run prints all comparisons.
func run(ctx context.Context, out io.Writer, venv string, rows, runs int) (err error) {
	folder, err := os.MkdirTemp("", "trees")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	b := bench{out: out, venv: venv, folder: folder, runs: runs}
	if venv == "" {
		_, _ = fmt.Fprintf(out, "skipped: scikit-learn, XGBoost and LightGBM; %s\n", peer.HowTo)
	}
	if err := os.WriteFile(filepath.Join(folder, "peers.py"), script, 0o600); err != nil {
		return err
	}
	if err := writeSample(folder); err != nil {
		return err
	}
	for _, c := range []comparison{
		{"forest of 100 trees, 5,148 x 56", "forest", []string{"sklearn"}},
		{"boosting of 100 trees, 5,148 x 56", "boost", []string{"xgboost"}},
	} {
		if err := b.compare(ctx, c); err != nil {
			return err
		}
	}
	if rows == 0 {
		return nil
	}
	if err := writeBig(folder, rows); err != nil {
		return err
	}
	title := fmt.Sprintf("boosting of 100 trees of depth 6, %d x %d", rows-rows/5, bigWidth)
	return b.compare(ctx, comparison{title, "boost-big", []string{"lightgbm-big", "xgboost-big"}})
}

// bench is what all comparisons share.
type bench struct {
	out    io.Writer
	venv   string // "" for no peers
	folder string
	runs   int
}

// compare prints one comparison, for one thread and for two.
func (b *bench) compare(ctx context.Context, c comparison) error {
	_, _ = fmt.Fprintf(b.out, "\n%s\n%-8s %-14s %8s %8s %8s %12s %8s %10s %10s %7s\n", c.title,
		"threads", "model", "CPU s", "wall s", "MB", "MAE", "R2", "10k rows", "one row", "allocs")
	for _, threads := range []int{1, 2} {
		ours, err := b.repeat(ctx, c.job, threads, b.ours)
		if err != nil {
			return err
		}
		b.line(threads, "ours", ours)
		if b.venv == "" {
			continue
		}
		for _, name := range c.peers {
			theirs, err := b.repeat(ctx, name, threads, b.theirs)
			if err != nil {
				return err
			}
			b.line(threads, name, theirs)
			_, _ = fmt.Fprintf(b.out, "%-8s %-14s %8.2f %8.2f %8.2f %12.4f %+8.5f %10.2f\n", "", "ours/theirs",
				ours.CPU/theirs.CPU, ours.Seconds/theirs.Seconds, ours.Memory/theirs.Memory, ours.MAE/theirs.MAE,
				ours.R2-theirs.R2, ours.Predict/theirs.Predict)
		}
	}
	return nil
}

func (b *bench) line(threads int, name string, a answer) {
	_, _ = fmt.Fprintf(b.out, "%-8d %-14s %8.3f %8.3f %8.0f %12.4f %8.5f %7.2f ms", threads, name,
		a.CPU, a.Seconds, a.Memory/1e6, a.MAE, a.R2, 1e3*a.Predict)
	if a.Row > 0 {
		_, _ = fmt.Fprintf(b.out, " %7.2f us %7.0f", 1e6*a.Row, a.Allocs)
	}
	_, _ = fmt.Fprintln(b.out)
}

// repeat runs a job as often as asked, each time with another seed, and returns
// the median of what was taken and the mean of the errors.
func (b *bench) repeat(ctx context.Context, job string, threads int, start func(context.Context, ...string) *exec.Cmd) (answer, error) {
	var all []answer
	for seed := range b.runs {
		cmd := start(ctx, job, strconv.Itoa(threads), strconv.Itoa(seed))
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			return answer{}, fmt.Errorf("%s: %w\n%s", job, err, problems.Bytes())
		}
		var a answer
		if err := json.Unmarshal(out.Bytes(), &a); err != nil {
			return answer{}, fmt.Errorf("%s: %w", job, err)
		}
		all = append(all, a)
	}
	return summary(all), nil
}

// ours starts a fit of this program.
func (b *bench) ours(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, os.Args[0], "-folder", b.folder, "-job", args[0], "-threads", args[1], "-seed", args[2])
}

// theirs starts a fit of a peer's.
func (b *bench) theirs(ctx context.Context, args ...string) *exec.Cmd {
	python := filepath.Join(b.venv, "bin", "python")
	return exec.CommandContext(ctx, python, append([]string{filepath.Join(b.folder, "peers.py"), b.folder}, args...)...)
}

// summary returns medians, and means of the errors.
func summary(all []answer) answer {
	middle := func(of func(answer) float64) float64 {
		var v []float64
		for _, a := range all {
			v = append(v, of(a))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	s := answer{
		CPU:     middle(func(a answer) float64 { return a.CPU }),
		Seconds: middle(func(a answer) float64 { return a.Seconds }),
		Memory:  middle(func(a answer) float64 { return a.Memory }),
		Predict: middle(func(a answer) float64 { return a.Predict }),
		Row:     middle(func(a answer) float64 { return a.Row }),
		Allocs:  middle(func(a answer) float64 { return a.Allocs }),
	}
	for _, a := range all {
		s.MAE += a.MAE / float64(len(all))
		s.R2 += a.R2 / float64(len(all))
	}
	return s
}
