package evaluate

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/local"
	"github.com/salesctl/salesctl/pkg/model/naive"
	"github.com/salesctl/salesctl/pkg/sales"
)

// run asks the models for the cells of the plan and scores the answers.
func (pl *plan) run(ctx context.Context, candidates []sales.Candidate, o Options) (Result, error) {
	models, err := withNaive(candidates)
	if err != nil {
		return Result{}, err
	}
	r := &runner{plan: pl, models: models, progress: o.Progress, answers: make([][]answer, len(models))}
	for m := range models {
		r.answers[m] = make([]answer, len(pl.folds))
	}
	if err := r.all(ctx, o.Jobs); err != nil {
		return Result{}, err
	}
	return r.result()
}

// withNaive puts the naive forecasts before the candidates; a candidate of the
// same name takes their place.
func withNaive(candidates []sales.Candidate) ([]sales.Candidate, error) {
	models := []sales.Candidate{
		local.Candidate{Label: Naive, Algorithm: naive.Last{}},
		local.Candidate{Label: SeasonalNaive, Algorithm: naive.Seasonal{}},
	}
	baselines := len(models)
	names := make(map[string]bool, len(candidates))
	for _, c := range candidates {
		name := c.Name()
		if names[name] {
			return nil, fault.New(fault.Invalid, "two candidates are named %q", name).
				WithHint("name each model once")
		}
		names[name] = true
		at := slices.IndexFunc(models[:baselines], func(n sales.Candidate) bool { return n.Name() == name })
		if at >= 0 {
			models[at] = c
		} else {
			models = append(models, c)
		}
	}
	return models, nil
}

// answer is what a model said at a fold.
type answer struct {
	values   []float64 // one a cell; NaN where there is none
	warnings []warning
}

// warning is what a model had to say about a series.
type warning struct {
	key  sales.Key // nil: about no series in particular
	text string
}

// runner collects the answers of the models, each written by one goroutine.
type runner struct {
	*plan
	models   []sales.Candidate
	answers  [][]answer // [model][fold]
	mu       sync.Mutex // guards done and calls of progress
	done     int
	progress func(Progress)
}

// all runs every model over every block of folds that share a fit. Blocks start
// in order and none starts after a failure, so the first error in order is the
// same for any number of jobs.
func (r *runner) all(ctx context.Context, jobs int) error {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	blocks := r.blocks()
	errs := make([]error, len(blocks)*len(r.models))
	var failed atomic.Bool
	slots := make(chan struct{}, jobs)
	var running sync.WaitGroup
	for i := range errs {
		slots <- struct{}{} // wait first, so that what is checked next is fresh
		if failed.Load() || ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			b := blocks[i/len(r.models)]
			if errs[i] = r.block(ctx, i%len(r.models), b[0], b[1]); errs[i] != nil {
				failed.Store(true)
			}
		})
	}
	running.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("backtest: %w", err)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// blocks returns the ranges of folds that share a fit.
func (r *runner) blocks() [][2]int {
	var blocks [][2]int
	for i, f := range r.folds {
		if i == 0 || f.fit != r.folds[i-1].fit {
			blocks = append(blocks, [2]int{i, i})
		}
		blocks[len(blocks)-1][1] = i + 1
	}
	return blocks
}

// block runs one model over the folds from..to, which share a fit.
func (r *runner) block(ctx context.Context, m, from, to int) error {
	c := r.models[m]
	var base sales.Fitted
	for i := from; i < to; i++ {
		f := r.folds[i]
		a, err := r.fold(ctx, c, &base, f)
		if err != nil {
			return fmt.Errorf("%s at cutoff %s: %w", c.Name(), f.cutoff, err)
		}
		r.answers[m][i] = a
		r.report(c.Name(), f.cutoff)
	}
	return nil
}

// fold runs one model at one cutoff. base is what the model's last fit gave, nil
// before the first; where it cannot observe, the fold fits it anew.
func (r *runner) fold(ctx context.Context, c sales.Candidate, base *sales.Fitted, f fold) (answer, error) {
	var a answer
	if err := ctx.Err(); err != nil {
		return a, err
	}
	known := r.at(f.cutoff)
	if observer, ok := (*base).(sales.Observer); ok {
		fitted, err := observer.Observe(known)
		if err != nil {
			return a, err
		}
		return a, a.ask(ctx, fitted, f, known)
	}
	if *base != nil {
		a.warnings = append(a.warnings, warning{text: "cannot observe new actuals, so it was fitted at every cutoff"})
	}
	fitted, err := c.Fit(ctx, known)
	if err != nil {
		return a, err
	}
	if _, ok := fitted.(sales.Observer); r.observe && !ok {
		return a, fault.New(fault.Invalid, "it cannot observe new actuals, so it has no one-step forecasts").
			WithHint("leave %s out of the one-step table, or backtest without test rows", c.Name())
	}
	*base = fitted
	return a, a.ask(ctx, fitted, f, known)
}

// ask forecasts the fold's cells from the model.
func (a *answer) ask(ctx context.Context, fitted sales.Fitted, f fold, known sales.Panel) error {
	if len(f.cells) == 0 { // a request without keys would ask for all
		return nil
	}
	request := sales.Request{Keys: f.keys(), Future: f.future}
	for _, c := range f.cells {
		s, _ := known.Find(c.key)
		request.Steps = max(request.Steps, s.Frequency.Steps(s.Origin(), c.date))
	}
	forecasts, err := fitted.Forecast(ctx, request)
	if err != nil {
		return err
	}
	if len(forecasts) != len(request.Keys) {
		return fmt.Errorf("asked for %d series, answered %d", len(request.Keys), len(forecasts))
	}
	a.values = make([]float64, 0, len(f.cells))
	next := 0
	for i, key := range request.Keys {
		if !forecasts[i].Key.Equal(key) {
			return fmt.Errorf("asked for %s, answered %s", key, forecasts[i].Key)
		}
		for ; next < len(f.cells) && f.cells[next].key.Equal(key); next++ {
			a.values = append(a.values, valueAt(forecasts[i], f.cells[next].date))
		}
		for _, text := range forecasts[i].Warnings {
			a.warnings = append(a.warnings, warning{key: key, text: text})
		}
	}
	return nil
}

// valueAt returns the forecast of the period, NaN where there is none.
func valueAt(f sales.Forecast, date sales.Period) float64 {
	for _, p := range f.Points {
		if p.Period == date {
			return p.Mean
		}
	}
	return math.NaN()
}

// report counts a fold of a model as done.
func (r *runner) report(name string, cutoff sales.Period) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if r.progress != nil {
		r.progress(Progress{Done: r.done, Total: len(r.models) * len(r.folds), Model: name, Cutoff: cutoff})
	}
}
