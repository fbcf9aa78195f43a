// Package model says what a model is; it knows no algorithm by name.
//
// There are two sorts. A Learner learns from rows: it is given a Dataset, whose
// Frame holds one float32 column a feature, and returns a Regressor. A Local
// algorithm learns from one series: it is given a Series and returns a LocalFit
// that forecasts from any history of that series. What a model can do beyond
// that is a one-method interface, found by type assertion.
//
// The way of numbers is float32 for features (NaN is missing) and float64 for
// targets, weights and forecasts.
package model

import (
	"context"
	"iter"
)

// Dataset is rows to learn from. The zero Dataset is empty.
type Dataset struct {
	X      *Frame
	Y      []float64 // one a row of X
	Weight []float64 // one a row of X; nil means all ones
	Rows   []int32   // which rows of X belong to it, in order; nil means all
}

// Len returns the number of rows that belong to the dataset.
func (d Dataset) Len() int {
	if d.Rows != nil {
		return len(d.Rows)
	}
	if d.X == nil {
		return 0
	}
	return d.X.Len()
}

// Learner is a configured algorithm that learns from rows. Fit reads its data
// and leaves it alone; valid may be empty, and serves early stopping.
type Learner interface {
	Fit(ctx context.Context, train, valid Dataset) (Regressor, error)
}

// EarlyStopper is a Learner that can end its training where a valid set gets no
// better.
type EarlyStopper interface {
	// StopsEarly reports whether it was asked to.
	StopsEarly() bool
	// Settled returns the Learner that trains as long as fitted, which it made, was
	// best, whatever it is given.
	Settled(fitted Regressor) Learner
}

// Regressor is what a Learner returns. It never changes and is safe for
// concurrent use.
type Regressor interface {
	// Predict writes a prediction for each row of X into dst, which is as long
	// as X. A Frame of another width than the training's is an error.
	Predict(dst []float64, X *Frame) error
	// MarshalBinary returns the model as data, the same bytes for the same
	// model; the algorithm's package has the Unmarshal that reads it.
	MarshalBinary() ([]byte, error)
}

// RowPredictor is a Regressor that can answer for a single row without a Frame.
// The number is the one that Predict gives, bit for bit.
type RowPredictor interface {
	PredictRow(x []float32) float64
}

// Sized is a Regressor of parts that were made one after the other without regard
// to later ones. First returns the Regressor that training would have given with
// the first n parts alone; all of them where n is more.
type Sized interface {
	First(n int) Regressor
}

// Layered is a Regressor of trees that were grown level by level. Top returns the
// Regressor that training would have given with at most depth splits above a leaf, at
// least 1; nil where it is not known any more, as of one that was read from bytes.
type Layered interface {
	Top(depth int) Regressor
}

// Importancer is a Regressor that tells how much each feature was worth, one
// number a column that sum to 1.
type Importancer interface {
	Importances() []float64
}

// CoverImportancer is a Regressor that tells through how many of its splits, by
// weight of rows, each feature sends them: one number a column that sum to 1.
type CoverImportancer interface {
	CoverImportances() []float64
}

// Contributor is a Regressor that tells what each feature of a row brought.
// Contributions writes, for each row of X, one number a column and behind them the
// model's mean answer, width+1 side by side: their sum is the prediction.
type Contributor interface {
	Contributions(dst []float64, X *Frame) error
}

// Stager is a Regressor that grew step by step. Stages yields its predictions for
// the rows of X, which has the training's width, after 1, 2, 3, ... steps; the slice
// is used again.
type Stager interface {
	Stages(X *Frame) iter.Seq[[]float64]
}

// Series is one history to learn from.
type Series struct {
	Y      []float64 // oldest first; NaN is a missing period
	Season int       // periods in a season, 0 or 1 for none
	X      *Frame    // exogenous columns, one row a period; may be nil
}

// Local is a configured algorithm that learns from a single series.
type Local interface {
	FitSeries(ctx context.Context, s Series) (LocalFit, error)
}

// LocalFit is what a Local returns: parameters, without the history, so that
// new actuals need no refit. It never changes and is safe for concurrent use.
type LocalFit interface {
	// Forecast answers for the h periods after s, which is the fitted series
	// or a longer history of it. future holds the exogenous columns of those
	// periods; may be nil.
	Forecast(ctx context.Context, h int, s Series, future *Frame) (Path, error)
	// MarshalBinary returns the parameters as data, the same bytes for the
	// same fit; the algorithm's package has the Unmarshal that reads it.
	MarshalBinary() ([]byte, error)
}

// Figures are what a fit found out, by name.
type Figures struct {
	Params  map[string]string
	Metrics map[string]float64
}

// Reporter is a LocalFit that tells what it found out.
type Reporter interface {
	Figures() Figures
}

// Path is the forecast of one series.
type Path struct {
	Mean     []float64 // one a period
	Warnings []string
}
