// Package train takes a panel to a registered pipeline, in one ordered list of
// steps:
//
//  1. split: the last fifth of the periods is held back for the one-step table;
//  2. tune: grids over the models that learn from rows, on time-ordered folds of
//     the periods before the split;
//  3. one step: every model trained on the periods before the split, scored on
//     the rest one period ahead;
//  4. backtest: the forecasters over rolling origins, several periods ahead; the
//     best at each horizon is what `auto` will use;
//  5. refit: everything again on all periods, as one pipeline file;
//  6. register: the file becomes a version, unless it is the newest one already.
//
// No row of the one-step table is from a period that its models were tuned or
// trained on. The backtest's cutoffs lie among those periods too; what it chooses,
// `auto`, is not in the table.
package train

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/tune"
)

// Registry keeps the versions of a pipeline.
type Registry interface {
	// Register keeps the file as a new version and returns its name. A file
	// that equals the newest version adds none; fresh tells.
	Register(ctx context.Context, file []byte) (version string, fresh bool, err error)
}

// Space is what tuning tries for one model.
type Space struct {
	Model string
	Grid  tune.Space
}

// Options are the choices of a training.
type Options struct {
	Panel    sales.Panel
	Recipe   pipeline.Recipe
	Spaces   []Space        // empty: no tuning
	Folds    int            // of the backtest and of tuning; 0 is 3
	Horizon  int            // of the backtest, in periods; 0 is 8
	Score    string         // what tuning minimises: mse, rmse, mae, mape or wape; "" is mse
	Backtest bool           // without one, auto is the first of the pipeline's forecasters
	Registry Registry       // nil: the pipeline is not registered
	Progress func(Progress) // may be nil
	Logger   *slog.Logger   // may be nil
}

// Progress tells how far a training has come.
type Progress struct {
	Step        string // what is being done, in words
	Done, Total int
}

// Tuning is what the search for one model found.
type Tuning struct {
	Model string
	tune.Result
}

// Report is what a training found and made.
type Report struct {
	Models   []model.Spec // what was trained, with the parameters that tuning chose
	Tunings  []Tuning
	Split    sales.Period     // the newest period before the one-step table
	OneStep  evaluate.Result  // one period ahead, after the split
	Backtest *evaluate.Result // several periods ahead; nil without one
	Pipeline pipeline.Info
	File     []byte
	Version  string // empty without a registry
	Fresh    bool   // whether the version is new
	Warnings []string
}

// training is a run on its way through the steps.
type training struct {
	Options
	report     Report
	evaluation pipeline.Evaluation
}

// Run trains. When it fails or ctx is cancelled nothing is registered; the report
// holds what was found until then.
func Run(ctx context.Context, o Options) (Report, error) {
	o.Panel = o.Panel.Actuals()
	if len(o.Panel.Series) == 0 {
		return Report{}, fault.New(fault.NotFound, "there are no actual sales to learn from").WithHint("run `salesctl etl`")
	}
	o.Folds, o.Horizon = cmp.Or(o.Folds, 3), cmp.Or(o.Horizon, 8)
	t := &training{Options: o}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"split", t.split},
		{"tune", t.tune},
		{"score one step ahead", t.oneStep},
		{"backtest", t.backtest},
		{"refit", t.refit},
		{"register", t.register},
	} {
		if err := step.run(ctx); err != nil {
			return t.report, fmt.Errorf("%s: %w", step.name, err)
		}
		if t.Logger != nil {
			t.Logger.Debug("step done", "step", step.name)
		}
	}
	return t.report, nil
}

func (t *training) progress(step string, done, total int) {
	if t.Progress != nil {
		t.Progress(Progress{Step: step, Done: done, Total: total})
	}
}

// split finds the period after which the last fifth lies.
func (t *training) split(context.Context) error {
	p := t.Panel
	n := p.Frequency.Steps(p.Start(), p.Origin()) + 1
	held := n / 5
	if held < 1 || n-held < 3 {
		return fault.New(fault.Invalid, "%d %ss are too few to train on, at least 5 are needed", n, p.Frequency.Noun())
	}
	t.report.Split = p.Frequency.Add(p.Origin(), -held)
	return t.Recipe.Check() // now, and not after minutes of tuning
}

// oneStep scores every model on the rows after the split.
func (t *training) oneStep(ctx context.Context) error {
	candidates, err := t.Recipe.OneStep()
	if err != nil {
		return err
	}
	t.report.OneStep, err = evaluate.OneStep(ctx, t.Panel, candidates, after(t.Panel, t.report.Split), evaluate.Options{
		Jobs: t.Recipe.Jobs,
		Progress: func(p evaluate.Progress) {
			t.progress("scoring one "+t.Panel.Frequency.Noun()+" ahead", p.Done, p.Total)
		},
	})
	return err
}

// after lists the rows with a target after the period.
func after(p sales.Panel, split sales.Period) []evaluate.RowID {
	var rows []evaluate.RowID
	for _, s := range p.Series {
		for i := max(0, s.Index(split)+1); i < s.Len(); i++ {
			if !math.IsNaN(s.Target[i]) {
				rows = append(rows, evaluate.RowID{Key: s.Key, Period: s.Period(i)})
			}
		}
	}
	return rows
}

// backtest lets the forecasters compete; the best at each horizon is the choice.
func (t *training) backtest(ctx context.Context) error {
	if !t.Backtest {
		t.report.Warnings = append(t.report.Warnings, "without a backtest auto is "+pipeline.Default)
		return nil
	}
	candidates, err := t.Recipe.Forecasters()
	if err != nil {
		return err
	}
	result, err := evaluate.Backtest(ctx, t.Panel, candidates, evaluate.Options{
		Folds: t.Folds, Horizon: t.Horizon, Jobs: t.Recipe.Jobs,
		Progress: func(p evaluate.Progress) { t.progress("backtesting", p.Done, p.Total) },
	})
	if err != nil {
		return err
	}
	t.report.Backtest = &result
	t.evaluation.Through = t.Panel.Origin()
	for h := range t.Horizon {
		t.evaluation.Choice = append(t.evaluation.Choice, result.Best(h+1))
	}
	return nil
}

// refit trains everything on all periods.
func (t *training) refit(ctx context.Context) error {
	r := t.Recipe
	r.Progress = func(done, total int) { t.progress("training on everything", done, total) }
	trained, err := pipeline.Train(ctx, t.Panel, r, t.evaluation)
	if err != nil {
		return err
	}
	t.report.File, t.report.Pipeline = trained.File, trained.Info
	t.report.Warnings = append(t.report.Warnings, trained.Warnings...)
	t.report.Models = slices.Clone(t.Recipe.Models)
	return nil
}

// register hands the file over, last, so that a training that fails leaves
// nothing behind.
func (t *training) register(ctx context.Context) (err error) {
	if t.Registry == nil {
		return nil
	}
	t.report.Version, t.report.Fresh, err = t.Registry.Register(ctx, t.report.File)
	return err
}
