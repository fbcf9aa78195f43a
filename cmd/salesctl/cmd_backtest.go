package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/train"
)

// backtestOptions are the flags of `salesctl backtest` that are no settings.
type backtestOptions struct {
	cutoffs, refit, testRows, out, against string
	foldsOf                                string
	gap, window                            int
	by                                     []string
	levels                                 []float64
}

// newBacktest makes `salesctl backtest`.
func newBacktest(a *app) *cobra.Command {
	var o backtestOptions
	cmd := &cobra.Command{
		Use:     "backtest",
		Aliases: []string{"evaluate"},
		Short:   "Score models on the past, as if it were the future",
		Long: `Score models on the past: at each cutoff a model is trained on what was known then
and forecasts the periods after it. The naive and the seasonal naive forecast are
always beside, and skill is measured against them (1 is perfect, 0 is no better).

--interval puts intervals around the forecasts by the errors that the model made at
earlier cutoffs, and tells how many of the actuals they hold (coverage), how wide
they are and what their ends cost (pinball loss).

--against MODEL tells instead whether the others' errors differ from that model's by
more than chance: Diebold and Mariano's test, adjusted for small samples, over all
series together and, with --by key, for each of them, with Holm's correction.

--folds-of RUN meets the cutoffs and periods that a training's own backtest was made
over, and says where the rows are not the same any more.

--test-rows makes the one-step table instead: models are trained on all other
rows, then predict each listed row with the sales up to the period before it and
the row's own columns. The file has the key columns and a date (YYYY-MM-DD).`,
		GroupID: groupMain,
		Args:    noArgs,
		Example: `  salesctl backtest
  salesctl backtest --model arima,gbt --cutoffs 2012-06-29,2012-08-31 --horizon 8
  salesctl backtest --folds 6 --horizon 4 --window 104 --by total,holiday
  salesctl backtest --folds 6 --horizon 4 --interval 80,95 --out rows.csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if err := o.exclusive(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	f := cmd.Flags()
	a.addSettings(f, "model", "train.models", "folds", "train.folds", "horizon", "train.horizon",
		"seed", "train.seed", "jobs", "train.jobs")
	f.StringVar(&o.cutoffs, "cutoffs", "", "the newest known period of each fold, `DATE,DATE`, instead of --folds")
	f.StringVar(&o.foldsOf, "folds-of", "", "the folds that train kept with `RUN`: an id, or latest")
	f.IntVar(&o.gap, "gap", 0, "`PERIODS` between a cutoff and the first that is scored")
	f.IntVar(&o.window, "window", 0, "a sliding window: a model sees so many `PERIODS` up to the cutoff; 0 for all of them")
	f.StringVar(&o.refit, "refit", "every", "train again at `every|never|N` cutoffs; between, new actuals are only taken in")
	f.StringVar(&o.testRows, "test-rows", "", "the one-step table on the rows of `FILE`")
	f.StringSliceVar(&o.by, "by", []string{string(evaluate.ByTotal)}, "which scores: `total,horizon,key,holiday`")
	f.StringVar(&o.against, "against", "", "test the others against `MODEL` instead of listing scores")
	f.Float64SliceVar(&o.levels, "interval", nil, "also score intervals of these `PERCENT`, such as 80,95")
	f.StringVar(&o.out, "out", "", "also write each forecast beside its actual to `FILE` (CSV)")
	group(f, "What is scored", "cutoffs", "folds", "folds-of", "horizon", "gap", "window", "refit", "test-rows")
	group(f, "What is told", "by", "interval", "against", "out")
	return cmd
}

// exclusive refuses flags that would have no effect beside others.
func (o *backtestOptions) exclusive(f *pflag.FlagSet) error {
	if o.cutoffs != "" && f.Changed("folds") {
		return fault.New(fault.Usage, "--cutoffs names the folds: it does not go with --folds")
	}
	if o.foldsOf != "" {
		for _, name := range []string{"cutoffs", "folds", "horizon", "gap", "window", "refit", "test-rows"} {
			if f.Changed(name) {
				return fault.New(fault.Usage, "--folds-of says it all: it does not go with --%s", name)
			}
		}
	}
	if o.testRows == "" {
		return nil
	}
	for _, name := range []string{"cutoffs", "folds", "horizon", "gap", "window", "refit", "interval"} {
		if f.Changed(name) {
			return fault.New(fault.Usage, "--test-rows is one step ahead: it does not go with --%s", name)
		}
	}
	return nil
}

// run backtests, writes the forecasts where --out says so, and the scores.
func (o *backtestOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	r, err := recipe(s)
	if err != nil {
		return err
	}
	e, err := o.options(a, s)
	if err != nil {
		return err
	}
	data, err := a.panel(ctx, s)
	if err != nil {
		return err
	}
	var kept evaluate.Folds
	if o.foldsOf != "" {
		if kept, err = a.keptFolds(ctx, s, o.foldsOf); err != nil {
			return fmt.Errorf("--folds-of: %w", err)
		}
		if e, err = e.Over(kept); err != nil {
			return err
		}
	}
	result, err := o.evaluate(ctx, a, r, data, namedModels(s), e)
	if err != nil {
		return err
	}
	if o.foldsOf != "" && result.Folds.Digest != kept.Digest {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"not the %d rows that were scored in the run: the data has changed since, or not every model answers them", kept.Rows))
	}
	if o.out != "" {
		if err := a.writeRows(ctx, o.out, result.Rows, o.levels); err != nil {
			return err
		}
	}
	t := scoreTable("backtest", result, o.levels, o.by)
	if o.against != "" {
		tests, err := result.Compare(o.against)
		if err != nil {
			return fmt.Errorf("--against: %w", err)
		}
		t = testTable(result, tests, o.by)
	}
	t.Meta.DataThrough = data.Origin().String()
	return a.render(t)
}

// options checks the flags, before any work is done.
func (o *backtestOptions) options(a *app, s *config.Settings) (e evaluate.Options, err error) {
	e = evaluate.Options{Folds: s.Train.Folds, Horizon: s.Train.Horizon, Gap: o.gap, Window: o.window, Levels: o.levels, Jobs: s.Train.Jobs}
	for i, l := range o.levels {
		if !(l > 0 && l < 100) || slices.Contains(o.levels[:i], l) {
			return e, fault.New(fault.Usage, "--interval %s: want percents above 0 and below 100, each once", formatLevel(l))
		}
	}
	groups := []evaluate.Group{evaluate.ByTotal, evaluate.ByHorizon, evaluate.ByKey, evaluate.ByHoliday}
	for _, by := range o.by {
		if !slices.Contains(groups, evaluate.Group(by)) {
			return e, fault.New(fault.Usage, "--by %s is unknown, want total, horizon, key, holiday or several of them", by)
		}
	}
	if o.gap < 0 {
		return e, fault.New(fault.Usage, "--gap is %d, want 0 or more", o.gap)
	}
	if o.window < 0 {
		return e, fault.New(fault.Usage, "--window is %d, want 0 or more", o.window)
	}
	if o.against != "" {
		if err := knownModel(o.against); err != nil {
			return e, fmt.Errorf("--against: %w", err)
		}
		for _, by := range o.by {
			if g := evaluate.Group(by); g != evaluate.ByTotal && g != evaluate.ByKey {
				return e, fault.New(fault.Usage, "--against has no tests by %s, want total, key or both", by)
			}
		}
	}
	if e.Refit, err = evaluate.ParseRefit(o.refit); err != nil {
		return e, fmt.Errorf("--%w", err)
	}
	if e.Cutoffs, err = o.dates(); err != nil {
		return e, err
	}
	if o.out == "" {
		return e, nil
	}
	if err := a.writable(o.out); err != nil {
		return e, fmt.Errorf("--out: %w", err)
	}
	return e, nil
}

// evaluate makes the backtest or, with --test-rows, the one-step table.
func (o *backtestOptions) evaluate(ctx context.Context, a *app, r pipeline.Recipe, data sales.Panel, models []string, e evaluate.Options) (evaluate.Result, error) {
	e.Holiday = holidays(data)
	choose := r.Forecasters
	score := func(c []sales.Candidate) (evaluate.Result, error) { return evaluate.Backtest(ctx, data, c, e) }
	if o.testRows != "" {
		tested, err := a.readTestRows(o.testRows, data)
		if err != nil {
			return evaluate.Result{}, err
		}
		choose = r.OneStep
		score = func(c []sales.Candidate) (evaluate.Result, error) { return evaluate.OneStep(ctx, data, c, tested, e) }
	}
	candidates, err := choose(models...)
	if err != nil {
		return evaluate.Result{}, err
	}
	if err := o.compared(candidates); err != nil {
		return evaluate.Result{}, err
	}
	bar := a.progress("backtesting")
	defer bar.close()
	e.Progress = func(p evaluate.Progress) { bar.set(p.Done, p.Total, p.Model) }
	return score(candidates)
}

// keptFolds reads the folds that a training kept with its run.
func (a *app) keptFolds(ctx context.Context, s *config.Settings, run string) (folds evaluate.Folds, err error) {
	err = a.withTracking(ctx, s, false, func(t *tracking) error {
		r, err := findRun(ctx, t, run)
		if err != nil {
			return err
		}
		store, err := t.files(ctx, r.Info.ArtifactURI)
		if err != nil {
			return err
		}
		f, err := store.Get(ctx, train.FoldsPath)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "the run %s kept no folds", r.Info.ID).
				WithHint("a training with a backtest keeps them; `salesctl runs list` shows the runs")
		}
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		const most = 1 << 20
		text, err := io.ReadAll(io.NewSectionReader(f, 0, min(f.Size(), most)))
		if err != nil {
			return err
		}
		folds, err = evaluate.ParseFolds(text)
		return err
	})
	return folds, err
}

// compared refuses --against a model that is not backtested.
func (o *backtestOptions) compared(candidates []sales.Candidate) error {
	names := []string{evaluate.Naive, evaluate.SeasonalNaive}
	for _, c := range candidates {
		names = append(names, c.Name())
	}
	if o.against == "" || slices.Contains(names, o.against) {
		return nil
	}
	return fault.New(fault.Usage, "--against %s is none of the compared models", o.against).
		WithHint("they are: %s; --model adds others", strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), ", "))
}

// holidays tells the periods with a holiday: those that the data marks or, where it
// has no such column, those of the calendar.
func holidays(p sales.Panel) func(sales.Period) bool {
	column := p.Column(features.HolidayFlag)
	if column < 0 {
		return calendar.New(p.Frequency, nil).Flag
	}
	marked := map[sales.Period]bool{}
	for _, s := range p.Series {
		for i, flag := range s.Columns[column] {
			if flag > 0 {
				marked[s.Period(i)] = true
			}
		}
	}
	return func(p sales.Period) bool { return marked[p] }
}

// dates reads --cutoffs; nil leaves the choice to --folds.
func (o *backtestOptions) dates() ([]sales.Period, error) {
	if o.cutoffs == "" {
		return nil, nil
	}
	var out []sales.Period
	for _, text := range strings.Split(o.cutoffs, ",") {
		p, err := sales.ParsePeriod(strings.TrimSpace(text))
		if err != nil {
			return nil, fault.New(fault.Usage, "--cutoffs %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}

// readTestRows reads the key columns and the date of each row to be tested.
func (a *app) readTestRows(name string, p sales.Panel) ([]evaluate.RowID, error) {
	f, err := a.open(name)
	if err != nil {
		return nil, fmt.Errorf("--test-rows: %w", err)
	}
	defer f.Close()
	s, err := readSheet(name, f)
	if err != nil {
		return nil, err
	}
	at, err := testColumns(s, p.Schema)
	if err != nil {
		return nil, err
	}
	var rows []evaluate.RowID
	for _, record := range s.rows {
		row, err := testRow(record.fields, at, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.place(record), err)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.Invalid, "%s has no rows", name)
	}
	return rows, nil
}

// testColumns finds the key columns and, last, the date in a header.
func testColumns(s sheet, schema sales.Schema) ([]int, error) {
	var at []int
	for _, want := range append(slices.Clone(schema.KeyNames), "date") {
		i := find(want, s.header)
		if i < 0 {
			return nil, fault.New(fault.Invalid, "%s:1: there is no column %s among %s", s.name, want, strings.Join(s.header, ", "))
		}
		at = append(at, i)
	}
	return at, nil
}

// testRow reads the key, which must be that of a series, and the period.
func testRow(fields []string, at []int, p sales.Panel) (evaluate.RowID, error) {
	var row evaluate.RowID
	for i, column := range at[:len(at)-1] {
		part, err := sales.KeyPart(fields[column])
		if err != nil {
			return row, fault.New(fault.Invalid, "%s %q %w", p.KeyNames[i], fields[column], err)
		}
		row.Key = append(row.Key, part)
	}
	if _, ok := p.Find(row.Key); !ok {
		return row, wanted{parts: row.Key}.absent(p)
	}
	day, err := sales.ParsePeriod(strings.TrimSpace(fields[at[len(at)-1]]))
	if err != nil {
		return row, fault.New(fault.Invalid, "%w", err)
	}
	row.Period = p.Frequency.Of(day)
	return row, nil
}

// writeRows writes the forecasts, their actuals and the intervals.
func (a *app) writeRows(ctx context.Context, name string, rows []evaluate.Row, levels []float64) error {
	t := table{Thing: "backtest-rows", Columns: columns("model", "key", "cutoff", "date", "horizon", "actual", "forecast")}
	t.Columns = append(t.Columns, intervalColumns(levels)...)
	for _, r := range rows {
		row := []any{r.Model, r.Key.String(), r.Cutoff, r.Date, r.Horizon, r.Actual, r.Forecast}
		t.Rows = append(t.Rows, append(row, intervalCells(r.Intervals, levels)...))
	}
	cells, err := t.normal()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeCSV(&b, t, cells); err != nil {
		return err
	}
	return artifact.WriteFile(ctx, a.path(name), &b)
}
