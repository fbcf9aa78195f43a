package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/train"
)

// trainOptions are the flags of `salesctl train` that are no settings.
type trainOptions struct {
	tune                   tuneOptions
	until                  string
	noRegister, noBacktest bool
	yes                    bool
}

// newTrain makes `salesctl train`.
func newTrain(a *app) *cobra.Command {
	var o trainOptions
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the models, compare them, register the pipeline",
		Long: `Train the models, score them one period ahead on the last fifth of the data,
backtest the forecasters over rolling origins, train everything again on all
data and register it as a version of the pipeline. The best forecaster at
each horizon is what ` + "`salesctl forecast`" + ` uses. Unchanged data, settings and code
add no version.

--tune first searches the parameters of forest and boosting on time-ordered
folds of the first four fifths: by a grid, by --trials random candidates, or by
successive halving of them. The spaces are those of configs/tune.yaml, or of
train.spaces. A search that was ended in the middle goes on where it stopped
when the same command is run again. What wins does not depend on --jobs, but
with --timeout it depends on how far the search came.`,
		GroupID: groupMain,
		Args:    o.args,
		Example: `  salesctl train
  salesctl train --tune
  salesctl train --tune=halving --trials 54 --timeout 10m
  salesctl train --model rf,gbt --until 2012-04-06 --no-register`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	f := cmd.Flags()
	a.addSettings(f, "model", "train.models", "folds", "train.folds", "horizon", "train.horizon",
		"score", "train.score", "seed", "train.seed", "jobs", "train.jobs")
	o.tune.add(f)
	f.StringVar(&o.until, "until", "", "use only what is up to `DATE`")
	f.BoolVar(&o.noRegister, "no-register", false, "compare only: keep no version")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before the first registration on an MLflow server")
	f.BoolVar(&o.noBacktest, "no-backtest", false, "skip the backtest: auto is then "+pipeline.Default)
	group(f, "Search", "tune", "trials", "timeout", "score")
	group(f, "Comparison", "folds", "horizon", "no-backtest")
	return cmd
}

// args refuses arguments, and flags of a search that do not fit each other.
func (o *trainOptions) args(cmd *cobra.Command, args []string) error {
	if err := o.tune.args(cmd.Flags(), args); err != nil {
		return err
	}
	return noArgs(cmd, args)
}

// run checks the call before it makes anything, trains and tells.
func (o *trainOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	if err := o.tune.check(); err != nil {
		return err
	}
	r, err := recipe(s) // before anything is made
	if err != nil {
		return err
	}
	if _, _, err := o.tune.search(a, s, r); err != nil {
		return err
	}
	if _, err := lastDay(o.until); err != nil {
		return err
	}
	if err := a.bootstrap(ctx, s, false); err != nil {
		return err
	}
	if err := o.mayRegister(ctx, a, s); err != nil {
		return err
	}
	report, alias, err := o.train(ctx, a, s)
	if err != nil {
		return o.partial(a, report, err)
	}
	if text := rankingText(report.Tunings); text != "" {
		a.note("%s", text)
	}
	a.note("auto is %s", choiceText(report.Pipeline))
	a.noteKept(report, alias, o.noRegister)
	return a.render(trainTable(report))
}

// partial shows the rankings that a cut-off tuning had found.
func (o *trainOptions) partial(a *app, report train.Report, err error) error {
	if ranking := rankingText(report.Tunings); ranking != "" {
		a.note("%s", ranking)
		a.note("the scores are kept: the same command goes on where this one stopped")
	}
	return err
}

// mayRegister looks before any work whether a server lets us in, and asks before
// anything is registered on one that has none of our models yet. A server that
// cannot be reached is no reason not to train.
func (o *trainOptions) mayRegister(ctx context.Context, a *app, s *config.Settings) error {
	if database.IsDSN(s.Tracking.URI) {
		return nil
	}
	return a.withTracking(ctx, s, false, func(t *tracking) error {
		err := t.reach(ctx)
		switch {
		case fault.Is(err, fault.Unavailable):
			return nil
		case !fault.Is(err, fault.NotFound):
			return err
		case o.noRegister || o.yes:
			return nil
		}
		return a.ask(fmt.Sprintf("Register %s on %s, which has no such model?", promote.Pipeline, t.place))
	})
}

// fewSales is how many sales a training may read to be given memory for time.
const fewSales = 50_000

// seldom has the garbage of a training on few sales collected when it is four times
// what is in use, and not as much: a tenth less time for some 50 MB. Where GOGC says
// something it stays. restore undoes it.
func seldom(p sales.Panel) (restore func()) {
	n := 0
	for _, s := range p.Series {
		n += s.Len()
	}
	const usual, rare = 100, 400
	before := debug.SetGCPercent(rare)
	if before != usual || n > fewSales {
		debug.SetGCPercent(before)
	}
	return func() { debug.SetGCPercent(before) }
}

// train reads, trains, logs and registers; alias is what the new version got.
func (o *trainOptions) train(ctx context.Context, a *app, s *config.Settings) (report train.Report, alias string, err error) {
	r, err := recipe(s)
	if err != nil {
		return train.Report{}, "", err
	}
	data, err := a.panel(ctx, s)
	if err != nil {
		return train.Report{}, "", err
	}
	if data, err = until(data, o.until); err != nil {
		return train.Report{}, "", err
	}
	defer seldom(data)()
	log := a.logger(slog.LevelWarn)
	t := train.Options{
		Panel: data, Holiday: holidays(data), Recipe: r, Folds: s.Train.Folds, Horizon: s.Train.Horizon,
		Score: s.Train.Score, Backtest: !o.noBacktest, Logger: log,
	}
	place, err := a.openTracking(ctx, s, true)
	if err != nil {
		return train.Report{}, "", err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	a.note("logging to %s", place.place)
	to := &trainingLog{app: a, to: place}
	t.Log, t.Register, t.From, t.Now = to, !o.noRegister, a.provenance(s), a.now
	if t.Spaces, t.Search, err = o.tune.search(a, s, r); err != nil {
		return train.Report{}, "", err
	}
	told := &steps{app: a}
	defer told.close()
	t.Progress = func(p train.Progress) {
		told.set(p.Step, p.Done, p.Total)
		log.Debug(p.Step, "done", p.Done, "total", p.Total)
	}
	report, err = train.Run(ctx, t)
	if to.spooled {
		report.Warnings = append(report.Warnings, fmt.Sprintf("%s cannot be reached: the run waits in %s; next: salesctl tracking replay", place.place, a.spoolRoot()))
	}
	return report, to.alias, err
}

// noteKept tells people where the pipeline is and what comes next.
func (a *app) noteKept(r train.Report, alias string, unregistered bool) {
	switch {
	case r.RunID == "": // it waits, and a warning says so
		return
	case unregistered:
		a.note("run %s logged, no version registered (--no-register)", r.RunID)
		return
	case !r.Fresh:
		a.note("version %s of %s is unchanged: no version was added", r.Version, promote.Pipeline)
	case alias == promote.Champion:
		a.note("version %s of %s registered: it is the champion, which forecast and serve use", r.Version, promote.Pipeline)
	default:
		a.note("version %s of %s registered as the challenger; to use it: salesctl models promote %[1]s", r.Version, promote.Pipeline)
	}
	key := r.OneStep.Rows[0].Key.String()
	a.note("next: salesctl forecast --store %s --steps 5", shellQuoted(key))
}

// shellQuoted quotes what a POSIX shell would not take as it stands.
func shellQuoted(s string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./:,+@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, special) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// choiceText says which forecaster answers at which horizons: "naive for 1 to 3,
// arima for 4 and more weeks ahead".
func choiceText(p pipeline.Info) string {
	var parts []string
	for from, next := 0, 0; from < len(p.Choice); from = next {
		name := p.Choice[from]
		for next = from; next < len(p.Choice) && p.Choice[next] == name; next++ {
		}
		switch {
		case next-from == len(p.Choice):
			return name
		case next == len(p.Choice):
			parts = append(parts, fmt.Sprintf("%s for %d and more", name, from+1))
		case next-from == 1:
			parts = append(parts, fmt.Sprintf("%s for %d", name, next))
		default:
			parts = append(parts, fmt.Sprintf("%s for %d to %d", name, from+1, next))
		}
	}
	return strings.Join(parts, ", ") + " " + p.Schema.Frequency.Noun() + "s ahead"
}

// trainTable is the one-step table.
func trainTable(r train.Report) table {
	t := scoreTable("train", r.OneStep, nil, []string{string(evaluate.ByTotal)})
	t.Meta.ModelVersion = r.Version
	t.Meta.TrainedThrough = r.Pipeline.TrainedThrough.String()
	t.Meta.DataThrough = t.Meta.TrainedThrough
	t.Meta.Tuning = tuningMetas(r.Tunings)
	t.Warnings = append(t.Warnings, r.Warnings...)
	if r.Backtest != nil {
		t.Warnings = append(t.Warnings, r.Backtest.Warnings...)
	}
	return t
}
