// Package sales holds the words that every other room speaks: what is sold is a
// Series under a Key, one value a Period; the series of a chain are a Panel;
// what is asked is a Request and what is answered a Forecast or a Prediction.
// Whoever can be trained on a Panel is a Candidate, and what comes out of that
// is Fitted: backtests, promotion and serving know models by these two alone.
//
// The package knows no file, no table, no matrix, no algorithm and no HTTP.
package sales

import "context"

// Request asks for forecasts.
type Request struct {
	Keys  []Key // whose; nil means every series
	Steps int   // how many periods after the newest actual, 1 to MaxSteps
	// Future holds what is known of coming periods: its columns count, its
	// targets do not. May be nil; a series it lacks has nothing known.
	Future *Panel
	// Levels are the intervals that are asked for, in percent; nil for none.
	Levels []float64
}

// Known returns the columns that the request gives for a period of a series, nil
// where it gives none.
func (r Request) Known(k Key, p Period) []float64 {
	if r.Future == nil {
		return nil
	}
	s, ok := r.Future.Find(k)
	if i := s.Index(p); ok && i >= 0 && i < s.Len() {
		return s.ColumnsAt(i)
	}
	return nil
}

// MaxSteps is how many periods ahead anything here will forecast.
const MaxSteps = 520

// Forecast is the answer for one series.
type Forecast struct {
	Key      Key
	Origin   Period // the newest actual that was used
	Points   []Point
	Warnings []string
}

// Point is the forecast of one period.
type Point struct {
	Period  Period
	Horizon int    // periods after the origin, from 1
	Model   string // the name of the model that answered
	Mean    float64
	// Intervals are one a level of the request, in its order; none where the
	// model cannot tell.
	Intervals []Interval
}

// Interval is where an actual is expected to lie with the probability of Level,
// in percent.
type Interval struct {
	Level, Lower, Upper float64
}

// Row is what is known of one period of one series when its target is asked for.
type Row struct {
	Key     Key
	Period  Period
	Columns []float64 // by the panel's ColumnNames; NaN is unknown
}

// Prediction is the answer to a Row.
type Prediction struct {
	Key      Key
	Period   Period
	Value    float64
	Parts    []Part // what each regressor said, in a fixed order
	Warnings []string
}

// Part is one regressor's own answer within a Prediction.
type Part struct {
	Model string
	Value float64
}

// Candidate is a recipe that can be trained. Fit neither keeps nor changes p.
type Candidate interface {
	Name() string
	Fit(ctx context.Context, p Panel) (Fitted, error)
}

// Fitted is a trained Candidate. It never changes and is safe for concurrent use.
type Fitted interface {
	// Forecast answers for each asked series, in the order of the keys, from
	// the newest actual of the panel it was given last. An unknown key is a
	// fault.NotFound.
	Forecast(ctx context.Context, r Request) ([]Forecast, error)
}

// Observer is a Fitted that can take in new actuals without a refit. Observe
// returns a Fitted with the same parameters whose history is p.
type Observer interface {
	Observe(p Panel) (Fitted, error)
}
