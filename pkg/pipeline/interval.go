package pipeline

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Levels are the intervals that a pipeline keeps, in percent.
func Levels() []float64 { return []float64{50, 80, 90, 95} }

// readBands reads how wrong the forecasters were.
func (p *Pipeline) readBands() error {
	if err := p.file.readJSON(bandsSection, &p.bands); err != nil {
		return err
	}
	for _, name := range p.info.Forecasters {
		table, ok := p.bands[name]
		if !ok {
			continue
		}
		if err := table.Check(); err != nil {
			return damaged(fmt.Sprintf("the intervals of %s: %v", name, err))
		}
	}
	return nil
}

// addIntervals puts the intervals of the levels around each point, by the bands of
// the forecaster that answered it. They are of the width that held in the backtest,
// in units of the series' scale; where no actual of a series is below 0, no
// interval reaches there.
func (p *Pipeline) addIntervals(forecasts []sales.Forecast, history sales.Panel, levels []float64) error {
	if len(levels) == 0 {
		return nil
	}
	if len(p.bands) == 0 {
		return fault.New(fault.NotFound, "this pipeline has no intervals: it was trained without a backtest").
			WithHint("run `salesctl train`")
	}
	for _, l := range levels {
		if !slices.Contains(Levels(), l) {
			return fault.New(fault.Usage, "there is no interval of %v %%, want some of %v", l, Levels())
		}
	}
	for i := range forecasts {
		s, _ := history.Find(forecasts[i].Key)
		around(&forecasts[i], s.Target[:s.Actuals()], s.Frequency.Season(), p.bands, levels)
	}
	return nil
}

// around puts intervals around the points of a series with those actuals.
func around(f *sales.Forecast, actuals []float64, season int, bands map[string]conformal.Table, levels []float64) {
	scale, least := metrics.Scale(actuals, season), 0.0
	if slices.ContainsFunc(actuals, func(y float64) bool { return y < 0 }) {
		least = math.Inf(-1)
	}
	for i := range f.Points {
		point := &f.Points[i]
		table, ok := bands[point.Model]
		if !ok {
			f.Warnings = append(f.Warnings, fmt.Sprintf("no interval %d ahead: the backtest did not try %s", point.Horizon, point.Model))
			continue
		}
		for _, level := range levels {
			lower, upper, _ := table.Interval(point.Horizon, level, point.Mean, scale)
			point.Intervals = append(point.Intervals, sales.Interval{Level: level, Lower: max(lower, least), Upper: max(upper, least)})
		}
	}
}
