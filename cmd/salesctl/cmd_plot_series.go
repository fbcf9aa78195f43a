package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/plot"
	"github.com/salesctl/salesctl/pkg/sales"
)

// mostSeries is how many series a picture has at most: beyond that lines can no
// longer be told apart.
const mostSeries = 6

func newPlotSeries(a *app) *cobra.Command {
	var o plotOptions
	var show showOptions
	cmd := o.pictureCommand(a, &cobra.Command{
		Use:   "series --store 1",
		Short: "Draw the sales of one series, or of a few",
		Long: fmt.Sprintf(`Draw the loaded sales of a series, or of %d at most; a missing period leaves a gap.
The terminal shows the newest periods that fit its width.`, mostSeries),
		Example: `  salesctl plot series --store 1
  salesctl plot series --store 1,2,3 --from 2011-10-01 --out series.png
  salesctl plot series --store 1 --json`,
	}, func(ctx context.Context, s *config.Settings) (picture, error) { return show.picture(ctx, a, s) })
	show.keys.add(cmd.Flags())
	cmd.Flags().StringVar(&show.from, "from", "", "the first `DATE` (YYYY-MM-DD)")
	cmd.Flags().StringVar(&show.to, "to", "", "the last `DATE`")
	return cmd
}

// picture draws the rows that `data show` lists.
func (o *showOptions) picture(ctx context.Context, a *app, s *config.Settings) (picture, error) {
	if !o.keys.given() {
		return picture{}, fault.New(fault.Usage, "--store is missing: which series?").WithHint("--store 1 or --store 1,2; `salesctl data show` lists them")
	}
	from, to, err := o.span()
	if err != nil {
		return picture{}, err
	}
	p, err := a.panel(ctx, s)
	if err != nil {
		return picture{}, err
	}
	keys, err := few(&o.keys, p)
	if err != nil {
		return picture{}, err
	}
	t := plot.Timeline{Title: "actual sales", Y: valueAxis(s)}
	for _, k := range keys {
		series, _ := p.Find(k)
		t.Lines = append(t.Lines, actualLine(p.Describe(k), series, from, to))
	}
	f, err := t.Figure()
	return picture{f, rowTable(p, keys, from, to)}, err
}

// few finds the named series, which one picture can show.
func few(o *keyOptions, p sales.Panel) ([]sales.Key, error) {
	keys, err := o.find(p)
	if err == nil && len(keys) > mostSeries {
		err = fault.New(fault.Usage, "%d series are too many for one picture, want %d at most", len(keys), mostSeries).
			WithHint("name the ones to draw: --store %s,%s", keys[0], keys[1])
	}
	return keys, err
}

// valueAxis names what the numbers are.
func valueAxis(s *config.Settings) string { return cmp.Or(s.Data.Target, "sales") }

// onAxis is where a period lies on an axis of time.
func onAxis(p sales.Period) float64 { return float64(p.Time().Unix()) }

// actualLine is the series' sales from one period to another.
func actualLine(name string, s sales.Series, from, to sales.Period) plot.Line {
	l := plot.Line{Name: name}
	for i, y := range s.Target {
		if p := s.Period(i); p >= from && p <= to {
			l.X, l.Y = append(l.X, onAxis(p)), append(l.Y, y)
		}
	}
	return l
}

// plotForecastOptions are the flags of `salesctl plot forecast`.
type plotForecastOptions struct {
	plotOptions
	ask     forecastOptions
	history int
}

func newPlotForecast(a *app) *cobra.Command {
	var o plotForecastOptions
	cmd := o.pictureCommand(a, &cobra.Command{
		Use:   "forecast --store 1",
		Short: "Draw the newest sales of a series and its forecast",
		Long: `Draw the newest sales of a series and the champion's forecast behind them, with the
bands that --interval asks for.`,
		Example: `  salesctl plot forecast --store 1 --interval 80,95
  salesctl plot forecast --store 1 --steps 26 --history 156 --out forecast.svg
  salesctl plot forecast --store 1 --model arima --json`,
	}, func(ctx context.Context, s *config.Settings) (picture, error) { return o.picture(ctx, a, s) })
	o.ask.add(cmd)
	cmd.Flags().IntVar(&o.history, "history", 104, "how many `PERIODS` of sales are drawn before it")
	return cmd
}

// picture draws what `forecast` answers.
func (o *plotForecastOptions) picture(ctx context.Context, a *app, s *config.Settings) (picture, error) {
	if o.history < 1 {
		return picture{}, fault.New(fault.Usage, "--history is %d, want 1 or more", o.history)
	}
	answered, err := o.ask.ask(ctx, a, s)
	if err != nil {
		return picture{}, err
	}
	if n := len(answered.forecasts); n != 1 {
		return picture{}, fault.New(fault.Usage, "a picture is of one series, %d are asked for", n).WithHint("name one: --store 1")
	}
	f, err := forecastFigure(answered.data, answered.forecasts[0], o.history, valueAxis(s))
	return picture{f, forecastTable(answered.forecasts, o.ask.levels, answered.meta)}, err
}

// forecastFigure draws so many of the newest actuals and the forecast, whose line
// begins at the newest one.
func forecastFigure(p sales.Panel, f sales.Forecast, history int, axis string) (*plot.Figure, error) {
	series, _ := p.Find(f.Key)
	from := p.Frequency.Add(f.Origin, 1-history)
	ahead := plot.Line{Name: "forecast", X: []float64{onAxis(f.Origin)}, Y: []float64{series.At(f.Origin)}}
	for _, point := range f.Points {
		ahead.X, ahead.Y = append(ahead.X, onAxis(point.Period)), append(ahead.Y, point.Mean)
	}
	return plot.Timeline{
		Title: fmt.Sprintf("%s: sales and forecast", p.Describe(f.Key)), Y: axis,
		Lines: []plot.Line{actualLine("actual", series, from, f.Origin), ahead},
		Bands: forecastBands(f),
	}.Figure()
}

// forecastBands are the intervals of the points, the widest first.
func forecastBands(f sales.Forecast) []plot.Band {
	var bands []plot.Band
	levels := map[float64]int{}
	for _, point := range f.Points {
		for _, in := range point.Intervals {
			i, ok := levels[in.Level]
			if !ok {
				i = len(bands)
				levels[in.Level] = i
				bands = append(bands, plot.Band{Name: fmt.Sprintf("%v %%", in.Level)})
			}
			b := &bands[i]
			b.X, b.Lower, b.Upper = append(b.X, onAxis(point.Period)), append(b.Lower, in.Lower), append(b.Upper, in.Upper)
		}
	}
	slices.SortStableFunc(bands, func(a, b plot.Band) int { return cmp.Compare(b.Upper[0]-b.Lower[0], a.Upper[0]-a.Lower[0]) })
	return bands
}
