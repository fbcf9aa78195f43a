// Package golearn is the door to golearn: its data grid, its CART regressor as a
// labelled baseline, and ARFF files through its reader and writer. The way of the
// data:
//
//  1. The rows to learn from are thinned evenly to MaxRows, because golearn's
//     search for splits takes time in the square of the rows.
//  2. A missing value becomes the mean of its column, which golearn's grid has
//     no word for.
//  3. golearn grows its tree on the grid; its panics become errors.
//  4. The tree is copied into flat arrays, because golearn cannot save one. A
//     prediction is a walk through them, the number that golearn itself gives.
//
// It is here to be compared with, not to be used in earnest.
package golearn

import (
	"context"
	"fmt"
	"math"
	"reflect"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// MaxRows is how many rows the tree is grown on at most. 500 rows of 60 columns
// take golearn about a second at depth 4, 5,000 take minutes.
const MaxRows = 500

// largest is how far targets may go: golearn adds their squares.
const largest = 1e18

// maxDepth bounds the time that golearn takes, and what a corrupt file can claim.
const maxDepth = 8

// Options are the parameters of the tree. The zero value means the defaults.
type Options struct {
	MaxDepth int `json:"max_depth,omitempty"` // splits above a leaf, 4; at most 8
}

// Validate names the first parameter that is out of its range.
func (o Options) Validate() error {
	if o.MaxDepth < 0 || o.MaxDepth > maxDepth {
		return fault.New(fault.Config, "max_depth is %d", o.MaxDepth).WithHint("give a number from 1 to %d; golearn is slow", maxDepth)
	}
	return nil
}

// Learner grows golearn's CART regressor with the squared error.
type Learner struct{ options Options }

// New returns a Learner; Fit refuses options that Validate refuses.
func New(o Options) *Learner { return &Learner{o} }

// Fit grows a tree on at most MaxRows rows of train, spread evenly over them. It
// has no use for valid, nor for weights other than zero: golearn knows neither.
func (l *Learner) Fit(ctx context.Context, train, _ model.Dataset) (model.Regressor, error) {
	if err := l.options.Validate(); err != nil {
		return nil, err
	}
	if err := train.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows := thinned(train)
	if len(rows) == 0 {
		return nil, fault.New(fault.Invalid, "there are no rows to learn from").WithHint("give rows whose weight is above 0")
	}
	m := &Model{Fill: means(train.X, rows)}
	grid, err := m.grid(train, rows)
	if err != nil {
		return nil, err
	}
	depth := l.options.MaxDepth
	if depth == 0 {
		depth = 4
	}
	grown := trees.NewDecisionTreeRegressor(trees.MSE, int64(depth))
	err = guarded(func() error {
		if err := grown.Fit(grid); err != nil {
			return err
		}
		m.take(reflect.ValueOf(grown.RootNode))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("golearn: grow a tree: %w", err)
	}
	return m, nil
}

// thinned returns the rows to learn from, at most MaxRows of them.
func thinned(d model.Dataset) []int {
	var all []int
	for i := range d.Len() {
		if r := d.Row(i); d.WeightOf(r) > 0 {
			all = append(all, r)
		}
	}
	if len(all) <= MaxRows {
		return all
	}
	rows := make([]int, MaxRows)
	for i := range rows {
		rows[i] = all[i*len(all)/MaxRows]
	}
	return rows
}

// means returns the mean of the present values of each column, 0 where there is
// none.
func means(x *model.Frame, rows []int) []float64 {
	fill := make([]float64, x.Width())
	for c, col := range x.Cols {
		n := 0
		for _, r := range rows {
			if v := float64(col[r]); !math.IsNaN(v) {
				fill[c] += v
				n++
			}
		}
		if n > 0 {
			fill[c] /= float64(n)
		}
	}
	return fill
}

// grid lays the rows out as golearn's instances, the target as the class.
func (m *Model) grid(d model.Dataset, rows []int) (*base.DenseInstances, error) {
	g := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, d.X.Width())
	for c := range specs {
		specs[c] = g.AddAttribute(base.NewFloatAttribute(fmt.Sprint(c))) // by number: names may repeat
	}
	target := base.NewFloatAttribute("target")
	class := g.AddAttribute(target)
	err := g.AddClassAttribute(target)
	if err == nil {
		err = g.Extend(len(rows))
	}
	if err != nil {
		return nil, fmt.Errorf("golearn: lay out the grid: %w", err)
	}
	for i, r := range rows {
		for c := range specs {
			v := m.filled(c, d.X.Cols[c][r])
			if math.IsInf(v, 0) {
				return nil, fault.New(fault.Invalid, "feature #%d, row %d: %v is not a number to learn from", c, r, v)
			}
			g.Set(specs[c], i, base.PackFloatToBytes(v))
		}
		if math.Abs(d.Y[r]) > largest {
			return nil, fault.New(fault.Invalid, "row %d has target %v, but %v is the limit", r, d.Y[r], largest).
				WithHint("give the target in a larger unit")
		}
		g.Set(class, i, base.PackFloatToBytes(d.Y[r]))
	}
	return g, nil
}

// guarded calls f and returns its panic as an error: golearn panics on misuse.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("golearn panicked: %v", p)
		}
	}()
	return f()
}
