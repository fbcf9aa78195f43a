// Package mstl forecasts a seasonal series in parts: it takes the season away by
// MSTL, has another algorithm forecast what is left, and puts the newest season
// back on top (Hyndman and Athanasopoulos, Forecasting: Principles and Practice,
// 5.7; Bandara, Hyndman and Bergmeir 2021).
//
// The way of a series through it:
//
//  1. Missing periods are filled, as R's na.interp does, for the decomposition
//     only.
//  2. The seasonal part, one for each season's length, is taken away: the same in
//     every season where there are few of them, else a changing one. Periods that
//     were missing are missing again.
//  3. The remainder's algorithm learns from that, as from a series without season.
//  4. Forecast takes apart the history that it is given, which may be longer than
//     the fitted one, asks the remainder's fit to go on, and adds the newest
//     season, again and again.
//
// A series of less than two seasons has no season that could be told: the
// remainder's algorithm has it as it is, and the path says so in a warning.
package mstl

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/decompose"
	"github.com/salesctl/salesctl/pkg/model/ets"
)

// DefaultWindow is how many seasons loess looks at around one, R's choice.
const DefaultWindow = 11

// FewSeasons is how many seasons it takes for a season to be seen changing: loess
// through fewer points of a phase hardly smooths them, and the newest season would
// be forecast with its noise. On generated series, with seasons that stay and that
// change, equal seasons win below it and neither does from it on.
const FewSeasons = 4

// Bounds of what is stored; they keep sizes far from overflow.
const (
	maxSeason  = 1 << 16
	maxSeasons = 16
	maxWindow  = 1<<16 + 1
)

// Options are the parameters of the algorithm; the zero value is good.
type Options struct {
	// Seasons are the lengths in periods; none means the series' own.
	Seasons []int `json:"season_length"`
	// Window is how many seasons loess looks at around one, odd, and 4 more for
	// each longer season; 0 is 11.
	Window int `json:"window"`
	// Periodic has all seasons the same, or lets them change; nil has them the same
	// where there are fewer than FewSeasons of the longest.
	Periodic *bool `json:"periodic"`
	// Robust keeps outliers from shaping season and trend.
	Robust bool `json:"robust"`
}

// Validate refuses lengths and windows that STL cannot use, as a fault.Config.
func (o Options) Validate() error {
	if o.Window != 0 && (o.Window < 3 || o.Window > maxWindow || o.Window%2 == 0) {
		return fault.New(fault.Config, "mstl: window is %d", o.Window).WithHint("give an odd number of seasons from 3")
	}
	if len(o.Seasons) > maxSeasons {
		return fault.New(fault.Config, "mstl: %d seasons are too many, want at most %d", len(o.Seasons), maxSeasons)
	}
	for _, m := range o.Seasons {
		if m < 2 || m > maxSeason {
			return fault.New(fault.Config, "mstl: a season of %d periods, want 2 to %d", m, maxSeason)
		}
	}
	return nil
}

// Model is the algorithm; it is a model.Local. It does not use exogenous columns.
type Model struct {
	Remainder model.Local // forecasts what is left without the season; nil is ETS without one
	Options   Options
}

// FitSeries has the remainder's algorithm learn from s without its season. Its
// refusals are that algorithm's, and an infinite value is a fault.Invalid.
func (m Model) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	if err := m.Options.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fit := &Fit{options: m.Options, seasons: seasonsOf(m.Options, s.Season)}
	if n := len(fit.seasons); n > 0 && fit.seasons[n-1] > maxSeason {
		return nil, fault.New(fault.Config, "mstl: a season of %d periods is too long, want at most %d", fit.seasons[n-1], maxSeason)
	}
	split, err := fit.split(s.Y)
	if err != nil {
		return nil, err
	}
	remainder := m.Remainder
	if remainder == nil {
		remainder = ets.Model{Options: ets.Options{Model: "ZZN"}}
	}
	fit.remainder, err = remainder.FitSeries(ctx, model.Series{Y: split.adjusted})
	return fit, err
}

// seasonsOf returns the lengths in order, each once.
func seasonsOf(o Options, own int) []int {
	seasons := slices.Clone(o.Seasons)
	if len(seasons) == 0 && own > 1 {
		seasons = []int{own}
	}
	slices.Sort(seasons)
	return slices.Compact(seasons)
}

// Fit is how to take a season away, and the remainder's fit: a model.LocalFit.
type Fit struct {
	options   Options
	seasons   []int // shortest first
	remainder model.LocalFit
}

// Forecast answers for the h periods after s. It does not use future.
func (f *Fit) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil {
		return model.Path{}, err
	}
	if h < 1 {
		return model.Path{}, fault.New(fault.Usage, "mstl: %d steps asked for, want at least 1", h)
	}
	split, err := f.split(s.Y)
	if err != nil {
		return model.Path{}, err
	}
	path, err := f.remainder.Forecast(ctx, h, model.Series{Y: split.adjusted}, nil)
	if err != nil {
		return model.Path{}, err
	}
	for i := range path.Mean {
		path.Mean[i] += split.ahead(i)
	}
	if split.why != "" {
		path.Warnings = append(slices.Clip(path.Warnings), split.why)
	}
	return path, nil
}

// Figures tells the remainder's figures and the seasons.
func (f *Fit) Figures() model.Figures {
	var figures model.Figures
	if r, ok := f.remainder.(model.Reporter); ok {
		figures = r.Figures()
	}
	params := map[string]string{"season_length": fmt.Sprint(f.seasons)}
	for k, v := range figures.Params {
		params[k] = v
	}
	return model.Figures{Params: params, Metrics: figures.Metrics}
}

// split is a series without its season.
type split struct {
	adjusted []float64   // NaN where missing
	seasons  []int       // those that were taken away
	last     [][]float64 // the newest of each, as long as it
	why      string      // what was not taken away, and why
}

// ahead returns the seasonal part of a step, counted from 0.
func (s split) ahead(step int) float64 {
	sum := 0.0
	for i, m := range s.seasons {
		sum += s.last[i][step%m]
	}
	return sum
}

// split takes away those seasons that y has two of.
func (f *Fit) split(y []float64) (split, error) {
	first, end := len(y), 0
	for t, v := range y {
		if math.IsInf(v, 0) {
			return split{}, fault.New(fault.Invalid, "period %d of %d of the series is infinite", t+1, len(y))
		}
		if !math.IsNaN(v) {
			first, end = min(first, t), t+1
		}
	}
	out := split{adjusted: slices.Clone(y)}
	if first == len(y) {
		return out, fault.New(fault.Invalid, "none of the %d periods of the series has a value", len(y)).
			WithHint("load at least one period of this series")
	}
	inside := y[first:end] // what lies around tells nothing about a season
	for _, m := range f.seasons {
		if len(inside) < 2*m {
			out.why = fmt.Sprintf("a season of %d periods is left out: the series has %s, want two seasons",
				m, fault.Counted(len(inside), "period"))
			break // the others are longer
		}
		out.seasons = append(out.seasons, m)
	}
	if len(out.seasons) == 0 {
		return out, nil
	}
	parts, err := decompose.MSTL(decompose.Fill(inside, out.seasons[0]), out.seasons, f.mstl(out.seasons, len(inside)))
	if err != nil {
		return split{}, err
	}
	for i, m := range out.seasons {
		part := parts.Seasons[i]
		for t, v := range part {
			out.adjusted[first+t] -= v
		}
		last := make([]float64, m)
		for step := range last {
			last[step] = part[len(part)-m+(len(y)-end+step)%m]
		}
		out.last = append(out.last, last)
	}
	return out, nil
}

// mstl returns the options for a series of n periods.
func (f *Fit) mstl(seasons []int, n int) decompose.MSTLOptions {
	o := decompose.MSTLOptions{STL: decompose.STLOptions{Robust: f.options.Robust}}
	if f.options.Periodic != nil {
		o.STL.Periodic = *f.options.Periodic
	} else {
		o.STL.Periodic = n < FewSeasons*seasons[len(seasons)-1]
	}
	window := f.options.Window
	if window == 0 {
		window = DefaultWindow
	}
	for i := range seasons {
		o.Windows = append(o.Windows, window+4*i)
	}
	return o
}
