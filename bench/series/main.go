//go:build unix

// Series times forecasters of one series over seeded weekly series of 80 to 2,600
// weeks, in this process and on one processor: fit and 13 weeks' forecast, CPU
// seconds in all and of the dearest series, and the mean sMAPE of the 13 weeks
// that were held back. Where PEERS_VENV names a venv, statsforecast does the same
// on the same series; imports are not counted.
//
//	go run ./bench/series -season 52
//	python3 -m venv .series && .series/bin/pip install -r bench/series/requirements.txt
//	PEERS_VENV=$PWD/.series go run ./bench/series
//
// statsforecast does not go with the pandas of bench/requirements.txt: it has
// requirements of its own.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/pkg/model"
)

// steps is how many weeks are forecast and held back.
const steps = 13

//go:embed peers.py
var script []byte

// options are what is compared.
type options struct {
	Series int      `json:"series"`
	Season int      `json:"season"`
	Models []string `json:"models"`
	seed   uint64
}

func main() {
	o := options{}
	flag.IntVar(&o.Series, "series", 359, "how many series")
	flag.IntVar(&o.Season, "season", 1, "weeks in a season")
	flag.Uint64Var(&o.seed, "seed", 1, "where the series come from")
	names := flag.String("models", strings.Join(slices.Sorted(maps.Keys(contestants())), ","), "which models")
	flag.Parse()
	o.Models = strings.Split(*names, ",")
	runtime.GOMAXPROCS(1)
	if err := run(context.Background(), os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "series:", err)
		os.Exit(1)
	}
}

// contestants are all models that can be compared, by the names of peers.py.
func contestants() map[string]model.Local { return smoothing() }

// result is what one model did.
type result struct {
	CPU     float64 `json:"cpu"`     // seconds, of all series
	Dearest float64 `json:"dearest"` // seconds, of one series
	SMAPE   float64 `json:"smape"`   // mean of all series
	Failed  int     `json:"failed"`  // series without a forecast
}

// run prints a table of the models.
func run(ctx context.Context, out io.Writer, o options) error {
	all := make([][]float64, o.Series)
	for i := range all {
		all[i] = weekly(o.seed, i, o.Series)
	}
	theirs := map[string]result{}
	if venv := peer.Venv(); venv != "" {
		question, err := json.Marshal(map[string]any{"options": o, "series": all, "steps": steps})
		if err != nil {
			return err
		}
		if err := peer.Run(ctx, venv, script, map[string][]byte{"question.json": question}, &theirs); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(out, "%d weekly series of %d to %d weeks, season %d, %d steps\n", o.Series, leastWeeks, mostWeeks, o.Season, steps)
	for _, name := range o.Models {
		local, ok := contestants()[name]
		if !ok {
			return fmt.Errorf("unknown model %q, want one of %v", name, slices.Sorted(maps.Keys(contestants())))
		}
		r, err := compete(ctx, local, all, o.Season)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, _ = fmt.Fprintf(out, "%-24s %8.2f CPU s, dearest %.2f, sMAPE %.2f, %d failed\n", name, r.CPU, r.Dearest, r.SMAPE, r.Failed)
		if p, ok := theirs[name]; ok {
			_, _ = fmt.Fprintf(out, "%-24s %8.2f CPU s, dearest %.2f, sMAPE %.2f, %d failed; ours takes %.3f of it\n",
				"  statsforecast", p.CPU, p.Dearest, p.SMAPE, p.Failed, r.CPU/p.CPU)
		}
	}
	return nil
}

// compete fits and forecasts all series but their last weeks.
func compete(ctx context.Context, local model.Local, all [][]float64, season int) (result, error) {
	var r result
	for _, y := range all {
		history, held := y[:len(y)-steps], y[len(y)-steps:]
		began, err := cpu()
		if err != nil {
			return r, err
		}
		path, err := forecast(ctx, local, model.Series{Y: history, Season: season})
		ended, errEnd := cpu()
		if errEnd != nil {
			return r, errEnd
		}
		took := (ended - began).Seconds()
		r.CPU += took
		r.Dearest = max(r.Dearest, took)
		if err != nil {
			r.Failed++
			continue
		}
		r.SMAPE += smape(path.Mean, held)
	}
	r.SMAPE /= float64(max(len(all)-r.Failed, 1))
	return r, nil
}

func forecast(ctx context.Context, local model.Local, s model.Series) (model.Path, error) {
	fit, err := local.FitSeries(ctx, s)
	if err != nil {
		return model.Path{}, err
	}
	return fit.Forecast(ctx, steps, s, nil)
}

// cpu is the user and system time of this process.
func cpu() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
