// Package naive holds the forecasts that any other model has to beat: the last
// value, the value a season ago, and the latter grown at the present rate or moved
// on by the average change over a season.
// (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.2.)
//
// There is next to nothing to fit: a fit remembers the method and the season's
// length in periods. The way of a history of n periods through Forecast:
//
//  1. Step i is matched with the newest observed period that lies whole seasons
//     before n+i; missing ones are passed over, and steps beyond one season
//     repeat the cycle.
//  2. With growth, those values are multiplied by one ratio: the newest
//     periods' sum over that of the same periods a season before.
//  3. With drift, those values are moved by the mean change over a season of the
//     whole history, once for each season that lies between.
//  4. A step without a match takes the last observed value, as it is, and the
//     path says so in a warning.
package naive

import (
	"context"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// DefaultWindow is the number of periods that growth is measured over, a
// quarter of weeks: long enough that a holiday that moves by a week stays
// inside, short enough to be the present. The sample data hardly tells windows
// of 8 to 20 apart.
const DefaultWindow = 13

// maxCount bounds seasons and windows; it keeps their sums far from overflow.
const maxCount = 1 << 20

// Last forecasts the last observed value; it is a model.Local.
type Last struct{}

// Seasonal forecasts the value a season ago; it is a model.Local.
type Seasonal struct{}

// SeasonalGrowth forecasts the value a season ago times the growth of the
// newest Window periods over the same periods a season before; it is a
// model.Local.
type SeasonalGrowth struct {
	Window int // periods; 0 means DefaultWindow
}

// FitSeries refuses a series without an observed value, as invalid.
func (Last) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	return newFit(ctx, Fit{season: 1}, s)
}

// FitSeries notes the season. It refuses a series without an observed value, as
// invalid.
func (Seasonal) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	return newFit(ctx, Fit{season: max(s.Season, 1)}, s)
}

// FitSeries notes season and window. It refuses a series without an observed
// value, as invalid.
func (g SeasonalGrowth) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	window := g.Window
	if window == 0 {
		window = DefaultWindow
	}
	if window < 0 || window > maxCount {
		return nil, fault.New(fault.Config, "seasonal_naive_growth: window is %d, want 1 to %d periods", g.Window, maxCount)
	}
	return newFit(ctx, Fit{season: max(s.Season, 1), window: window}, s)
}

// SeasonalDrift forecasts the value a season ago plus the mean change over a
// season; without a season it is the random walk with drift. It is a model.Local.
type SeasonalDrift struct{}

// FitSeries notes the season. It refuses a series without an observed value, as
// invalid.
func (SeasonalDrift) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	return newFit(ctx, Fit{season: max(s.Season, 1), drift: true}, s)
}

func newFit(ctx context.Context, f Fit, s model.Series) (model.LocalFit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.season > maxCount {
		return nil, fault.New(fault.Config, "a season of %d periods is too long, want at most %d", f.season, maxCount)
	}
	if _, err := lastObserved(s.Y); err != nil {
		return nil, err
	}
	return &f, nil
}

// lastObserved returns the newest value that is not missing.
func lastObserved(y []float64) (float64, error) {
	last := math.NaN()
	for t, v := range y {
		if math.IsInf(v, 0) {
			return 0, fault.New(fault.Invalid, "period %d of %d of the series is infinite", t+1, len(y))
		}
		if !math.IsNaN(v) {
			last = v
		}
	}
	if math.IsNaN(last) {
		return 0, fault.New(fault.Invalid, "none of the %d periods of the series has a value", len(y)).
			WithHint("load at least one period of this series")
	}
	return last, nil
}
