package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// forecastOptions are the flags of `salesctl forecast`.
type forecastOptions struct {
	keys         keyOptions
	steps        int
	model, until string
	levels       []float64
}

// newForecast makes `salesctl forecast`.
func newForecast(a *app) *cobra.Command {
	var o forecastOptions
	cmd := &cobra.Command{
		Use:   "forecast --store 1 --steps 5",
		Short: "Forecast the periods after the newest actual",
		Long: `Forecast the periods after the newest actual of each series, by the model that
won the backtest at each horizon (auto), or by another that the pipeline holds.
Nothing is trained: new actuals are taken in as they are.`,
		GroupID: groupMain,
		Args:    noArgs,
		Example: `  salesctl forecast --store 1 --steps 5
  salesctl forecast --store all --steps 8 -o csv > forecast.csv
  salesctl forecast --store 1 --steps 5 --interval 80,95
  salesctl forecast --store 1,2 --steps 5 --model arima --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	o.add(cmd)
	return cmd
}

// add gives the command the flags that say what is forecast.
func (o *forecastOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.keys.add(f)
	f.IntVar(&o.steps, "steps", 5, fmt.Sprintf("how many `PERIODS`, 1 to %d", sales.MaxSteps))
	f.StringVar(&o.model, "model", pipeline.Auto, "the `NAME` of a model in the pipeline")
	f.Float64SliceVar(&o.levels, "interval", nil, fmt.Sprintf("also the intervals of these `PERCENT`: some of %s", levelText()))
	f.StringVar(&o.until, "until", "", "use only what is up to `DATE`")
	_ = cmd.RegisterFlagCompletionFunc("model", cobra.FixedCompletions(append([]string{pipeline.Auto}, pipeline.Models()...), cobra.ShellCompDirectiveNoFileComp))
}

// run forecasts and shows it.
func (o *forecastOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	f, err := o.ask(ctx, a, s)
	if err != nil {
		return err
	}
	return a.render(forecastTable(f.forecasts, o.levels, f.meta))
}

// forecasted is what the champion answered, and the history that it saw.
type forecasted struct {
	data      sales.Panel
	forecasts []sales.Forecast
	meta      meta
}

// ask checks the call before it makes anything, and then forecasts.
func (o *forecastOptions) ask(ctx context.Context, a *app, s *config.Settings) (out forecasted, err error) {
	if o.steps < 1 || o.steps > sales.MaxSteps {
		return out, fault.New(fault.Usage, "--steps is %d, want 1 to %d", o.steps, sales.MaxSteps)
	}
	if !o.keys.given() {
		return out, fault.New(fault.Usage, "--store is missing: which series?").WithHint("--store 1, --store 1,2 or --store all; `salesctl data show` lists them")
	}
	if err := knownModel(o.model, pipeline.Auto); err != nil {
		return out, fmt.Errorf("--model: %w", err)
	}
	if err := o.checkLevels(); err != nil {
		return out, err
	}
	if _, err := lastDay(o.until); err != nil {
		return out, err
	}
	if err := a.bootstrap(ctx, s, true); err != nil {
		return out, err
	}
	if out.data, err = a.panel(ctx, s); err != nil {
		return out, err
	}
	if out.data, err = until(out.data, o.until); err != nil {
		return out, err
	}
	keys, err := o.keys.find(out.data)
	if err != nil {
		return out, err
	}
	c, err := a.champion(ctx, s)
	if err != nil {
		return out, err
	}
	out.forecasts, err = c.Forecast(ctx, out.data, o.model, sales.Request{Keys: keys, Steps: o.steps, Levels: o.levels})
	if err = errors.Join(err, c.Close()); err != nil {
		return out, err
	}
	out.meta = newMeta(c, out.data)
	return out, nil
}

// levelText lists the levels that pipelines keep.
func levelText() string {
	var texts []string
	for _, l := range pipeline.Levels() {
		texts = append(texts, formatLevel(l))
	}
	return strings.Join(texts, ",")
}

func formatLevel(level float64) string { return strconv.FormatFloat(level, 'g', -1, 64) }

// checkLevels refuses intervals that no pipeline has, or has twice.
func (o *forecastOptions) checkLevels() error {
	for i, l := range o.levels {
		if !slices.Contains(pipeline.Levels(), l) || slices.Contains(o.levels[:i], l) {
			return fault.New(fault.Usage, "--interval %s: want some of %s, each once", formatLevel(l), levelText())
		}
	}
	return nil
}

// forecastTable shows a line a period, series by series, and behind its forecast
// the ends of the intervals.
func forecastTable(forecasts []sales.Forecast, levels []float64, m meta) table {
	t := table{Thing: "forecast", Columns: columns("key", "date", "horizon", "model", "forecast"), Meta: m}
	t.Columns = append(t.Columns, intervalColumns(levels)...)
	for _, f := range forecasts {
		for _, p := range f.Points {
			row := []any{f.Key.String(), p.Period, p.Horizon, p.Model, p.Mean}
			t.Rows = append(t.Rows, append(row, intervalCells(p.Intervals, levels)...))
		}
		for _, w := range f.Warnings {
			t.Warnings = append(t.Warnings, fmt.Sprintf("%s: %s", f.Key, w))
		}
	}
	return t
}
