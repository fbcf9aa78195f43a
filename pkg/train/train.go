// Package train takes a panel to a registered pipeline, in one ordered list of
// steps:
//
//  1. split: the last fifth of the periods is held back for the one-step table;
//  2. tune: a search for the parameters of the models that learn from rows, on
//     time-ordered folds of the periods before the split;
//  3. one step: every model trained on the periods before the split, scored on
//     the rest one period ahead;
//  4. backtest: the forecasters over rolling origins, several periods ahead; the
//     best at each horizon is what `auto` will use;
//  5. refit: everything again on all periods, as one pipeline file;
//  6. log: all of it becomes one record, with the models that are to be versions,
//     which the Log takes to MLflow. What fails or is stopped on the way is logged
//     as far as it came.
//
// No row of the one-step table is from a period that its models were tuned or
// trained on. The backtest's cutoffs lie among those periods too; what it chooses,
// `auto`, is not in the table.
package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Log takes records to MLflow; record.Deliver behind it adds no version for a
// model that equals the newest one.
type Log interface {
	Deliver(ctx context.Context, r record.Record) (record.Delivered, error)
}

// Options are the choices of a training.
type Options struct {
	Panel    sales.Panel
	Holiday  func(sales.Period) bool // the weeks that count more in WMAE; may be nil
	Recipe   pipeline.Recipe
	Spaces   []Space    // empty: no tuning
	Search   Search     // how the spaces are searched
	Folds    int        // of the backtest and of tuning; 0 is 3
	Horizon  int        // of the backtest, in periods; 0 is 8
	Score    string     // what tuning minimises: mse, rmse, mae, mape or wape; "" is mse
	Backtest bool       // without one, auto is the first of the pipeline's forecasters
	Log      Log        // nil: nothing is logged
	Register bool       // whether the models become versions
	From     Provenance // for the record
	Now      func() time.Time
	Progress func(Progress) // may be nil
	Logger   *slog.Logger   // may be nil
}

// Progress tells how far a training has come.
type Progress struct {
	Step        string // what is being done, in words
	Done, Total int
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
	RunID    string // in MLflow; empty where nothing was logged
	Version  string // empty where nothing was registered
	Fresh    bool   // whether the version is new
	Warnings []string
}

// training is a run on its way through the steps.
type training struct {
	Options
	report     Report
	start      time.Time
	evaluation pipeline.Evaluation
	fits       []pipeline.SeriesFit
	logged     bool
}

// Run trains. When it fails or ctx is cancelled nothing is registered; the report
// holds what was found until then.
func Run(ctx context.Context, o Options) (Report, error) {
	o.Panel = o.Panel.Actuals()
	if len(o.Panel.Series) == 0 {
		return Report{}, fault.New(fault.NotFound, "there are no actual sales to learn from").WithHint("run `salesctl etl`")
	}
	o.Folds, o.Horizon = cmp.Or(o.Folds, 3), cmp.Or(o.Horizon, 8)
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &training{Options: o, start: o.Now()}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"split", t.split},
		{"tune", t.tune},
		{"score one step ahead", t.oneStep},
		{"backtest", t.backtest},
		{"refit", t.refit},
		{"log", t.log},
	} {
		if err := step.run(ctx); err != nil {
			return t.report, errors.Join(fmt.Errorf("%s: %w", step.name, err), t.logUnfinished(ctx, err))
		}
		if t.Logger != nil {
			t.Logger.Debug("step done", "step", step.name)
		}
	}
	return t.report, t.forget()
}

func (t *training) progress(step string, done, total int) {
	if t.Progress != nil {
		t.Progress(Progress{Step: step, Done: done, Total: total})
	}
}

// split finds the period after which the last fifth lies.
func (t *training) split(context.Context) error {
	tested, err := Tested(t.Panel)
	if err != nil {
		return err
	}
	t.report.Split = t.Panel.Frequency.Add(tested, -1)
	return t.Recipe.Check() // now, and not after minutes of tuning
}

// Tested returns the first period of the last fifth of the actual sales, which
// models are scored on.
func Tested(p sales.Panel) (sales.Period, error) {
	p = p.Actuals()
	n := p.Frequency.Steps(p.Start(), p.Origin()) + 1
	held := n / 5
	if held < 1 || n-held < 3 {
		return 0, fault.New(fault.Invalid, "%d %ss are too few to train on, at least 5 are needed", n, p.Frequency.Noun())
	}
	return p.Frequency.Add(p.Origin(), 1-held), nil
}

// OneStep scores models of the recipe on the rows that Run scores them on, one
// period ahead. Names picks among them, none picks all.
func OneStep(ctx context.Context, p sales.Panel, r pipeline.Recipe, names ...string) (evaluate.Result, error) {
	tested, err := Tested(p)
	if err != nil {
		return evaluate.Result{}, err
	}
	return oneStep(ctx, p.Actuals(), r, p.Frequency.Add(tested, -1), evaluate.Options{}, names...)
}

// oneStep scores models on the rows after the split.
func oneStep(ctx context.Context, p sales.Panel, r pipeline.Recipe, split sales.Period, o evaluate.Options, names ...string) (evaluate.Result, error) {
	candidates, err := r.OneStep(names...)
	if err != nil {
		return evaluate.Result{}, err
	}
	o.Jobs = r.Jobs
	return evaluate.OneStep(ctx, p, candidates, after(p, split), o)
}

// oneStep scores every model on the rows after the split.
func (t *training) oneStep(ctx context.Context) (err error) {
	t.report.OneStep, err = oneStep(ctx, t.Panel, t.Recipe, t.report.Split, evaluate.Options{
		Holiday: t.Holiday,
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
		Folds: t.Folds, Horizon: t.Horizon, Jobs: t.Recipe.Jobs, Holiday: t.Holiday,
		Progress: func(p evaluate.Progress) { t.progress("backtesting", p.Done, p.Total) },
	})
	if err != nil {
		return err
	}
	t.report.Backtest = &result
	t.evaluation.Through = t.Panel.Origin()
	if err := t.calibrate(result); err != nil {
		return err
	}
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
	t.report.File, t.report.Pipeline, t.fits = trained.File, trained.Info, trained.Fits
	t.report.Warnings = append(t.report.Warnings, trained.Warnings...)
	t.report.Models = slices.Clone(t.Recipe.Models)
	return nil
}

// log tells MLflow of the training, and registers the models.
func (t *training) log(ctx context.Context) error {
	if t.Log == nil {
		return nil
	}
	r, err := t.record(mlflow.Finished)
	if err != nil {
		return err
	}
	if err := t.figures(ctx, &r); err != nil {
		return err
	}
	if t.Register {
		if r.Models, err = t.models(); err != nil {
			return err
		}
	}
	t.progress("logging to MLflow", 0, 1)
	t.logged = true
	delivered, err := t.Log.Deliver(ctx, r)
	if err != nil {
		return err
	}
	t.progress("logging to MLflow", 1, 1)
	t.report.RunID = delivered.Run.ID
	for _, v := range delivered.Versions {
		if v.Name == RegisteredName {
			t.report.Version, t.report.Fresh = v.Version, v.Fresh
		}
	}
	return nil
}

// patience bounds how long the logging of an unfinished training may take.
const patience = 5 * time.Second

// logUnfinished logs what a training that failed or was stopped had found out.
func (t *training) logUnfinished(ctx context.Context, cause error) error {
	if t.Log == nil || t.logged || len(t.report.Tunings) == 0 && len(t.report.OneStep.Rows) == 0 {
		return nil
	}
	status := mlflow.Failed
	if errors.Is(cause, context.Canceled) {
		status = mlflow.Killed
	}
	r, err := t.record(status)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	delivered, err := t.Log.Deliver(ctx, r)
	t.report.RunID = delivered.Run.ID
	return err
}
