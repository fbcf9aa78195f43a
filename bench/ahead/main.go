// Ahead measures the forecasts that a user of the program gets several weeks ahead:
// at each cutoff it trains on the weeks up to it, in a folder of its own, asks for
// the eight weeks after it with intervals, and only then looks at what came.
//
//	go run ./bench/ahead
//	go run ./bench/ahead -cutoffs 2011-10-28,2011-11-25 -model seasonal_naive
//
// Nothing else is set: the choice of the forecaster and the width of the intervals
// come from train's own backtest, which ends at the cutoff. A line a cutoff and one
// over all: the mean absolute error in percent of the sales (WAPE), the share of
// weeks within the 80 % and the 95 % interval, and how wide these are in percent of
// the sales.
package main

import (
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// steps is how many weeks are forecast at each cutoff.
const steps = 8

func main() {
	cutoffs := flag.String("cutoffs", "2012-01-27,2012-04-06,2012-06-15,2012-08-31", "the newest known weeks")
	model := flag.String("model", "auto", "who answers")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *model, strings.Split(*cutoffs, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "ahead:", err)
		os.Exit(1)
	}
}

// run prints the table.
func run(ctx context.Context, w io.Writer, model string, cutoffs []string) error {
	dir, err := os.MkdirTemp("", "ahead")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p := program{path: filepath.Join(dir, "salesctl")}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", p.path, "./cmd/salesctl").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	fmt.Fprintf(w, "%-10s  %5s  %6s  %7s  %7s  %8s  %8s\n", "cutoff", "weeks", "WAPE", "in 80 %", "in 95 %", "width 80", "width 95")
	var all []answer
	for _, c := range cutoffs {
		got, err := p.at(ctx, filepath.Join(dir, c), c, model)
		if err != nil {
			return fmt.Errorf("cutoff %s: %w", c, err)
		}
		fmt.Fprintln(w, line(c, got))
		all = append(all, got...)
	}
	fmt.Fprintln(w, line("all", all))
	return nil
}

// answer is a week's forecast beside what came.
type answer struct {
	actual, forecast       float64
	lo80, hi80, lo95, hi95 float64
}

// line sums answers up.
func line(name string, answers []answer) string {
	var wrong, sold, in80, in95, width80, width95 float64
	for _, a := range answers {
		wrong += math.Abs(a.forecast - a.actual)
		sold += math.Abs(a.actual)
		width80 += a.hi80 - a.lo80
		width95 += a.hi95 - a.lo95
		if a.lo80 <= a.actual && a.actual <= a.hi80 {
			in80++
		}
		if a.lo95 <= a.actual && a.actual <= a.hi95 {
			in95++
		}
	}
	n := float64(len(answers))
	return fmt.Sprintf("%-10s  %5d  %6.3f  %7.2f  %7.2f  %8.2f  %8.2f",
		name, len(answers), 100*wrong/sold, 100*in80/n, 100*in95/n, 100*width80/sold, 100*width95/sold)
}

// program is the built binary.
type program struct{ path string }

// at trains on what was known at the cutoff, and pairs the forecasts with what came.
func (p program) at(ctx context.Context, dir, cutoff, model string) ([]answer, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"etl"}, {"train", "--until", cutoff}} {
		if _, err := p.output(ctx, dir, args...); err != nil {
			return nil, err
		}
	}
	forecasts, err := p.table(ctx, dir, []string{"key", "date", "forecast", "lo80", "hi80", "lo95", "hi95"},
		"forecast", "--until", cutoff, "--store", "all", "--steps", strconv.Itoa(steps), "--interval", "80,95", "--model", model)
	if err != nil {
		return nil, err
	}
	actuals, err := p.table(ctx, dir, []string{"key", "date", "target"}, "data", "show", "--store", "all", "--from", cutoff)
	if err != nil {
		return nil, err
	}
	came := map[string]string{}
	for _, r := range actuals {
		came[r[0]+" "+r[1]] = r[2]
	}
	var out []answer
	for _, r := range forecasts {
		actual, ok := came[r[0]+" "+r[1]]
		if !ok || actual == "" {
			continue
		}
		var v [6]float64
		for i, text := range append([]string{actual}, r[2:]...) {
			if v[i], err = strconv.ParseFloat(text, 64); err != nil {
				return nil, err
			}
		}
		out = append(out, answer{v[0], v[1], v[2], v[3], v[4], v[5]})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of %d forecasts has an actual", len(forecasts))
	}
	return out, nil
}

// table returns the columns of what the program prints.
func (p program) table(ctx context.Context, dir string, columns []string, args ...string) ([][]string, error) {
	out, err := p.output(ctx, dir, append(args, "-o", "csv")...)
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range records[1:] {
		row := make([]string, len(columns))
		for i, name := range columns {
			at := slices.Index(records[0], name)
			if at < 0 {
				return nil, fmt.Errorf("%s prints no column %s", args[0], name)
			}
			row[i] = r[at]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (p program) output(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.path, append([]string{"-C", dir, "-q"}, args...)...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("salesctl %s: %w: %s", strings.Join(args, " "), err, problems.String())
	}
	return string(out), nil
}
