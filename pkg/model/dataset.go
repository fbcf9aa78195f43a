package model

import (
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Row returns the row of X that is the dataset's i-th.
func (d Dataset) Row(i int) int {
	if d.Rows != nil {
		return int(d.Rows[i])
	}
	return i
}

// WeightOf returns the weight of row r of X.
func (d Dataset) WeightOf(r int) float64 {
	if d.Weight == nil {
		return 1
	}
	return d.Weight[r]
}

// Validate says what keeps a learner from reading the dataset: lengths that do
// not agree, rows outside X, a target or weight that is not a finite number, a
// negative weight. An empty dataset is valid.
func (d Dataset) Validate() error {
	if d.X == nil {
		if len(d.Rows) > 0 || len(d.Y) > 0 {
			return fault.New(fault.Invalid, "dataset has targets or rows but no features")
		}
		return nil
	}
	rows := d.X.Len()
	if len(d.Y) != rows {
		return fault.New(fault.Invalid, "dataset has %d targets for %d rows", len(d.Y), rows)
	}
	if d.Weight != nil && len(d.Weight) != rows {
		return fault.New(fault.Invalid, "dataset has %d weights for %d rows", len(d.Weight), rows)
	}
	for i := range d.Len() {
		r := d.Row(i)
		if r < 0 || r >= rows {
			return fault.New(fault.Invalid, "dataset picks row %d of %d", r, rows)
		}
		if y := d.Y[r]; math.IsNaN(y) || math.IsInf(y, 0) {
			return fault.New(fault.Invalid, "target of row %d is %v", r, y).WithHint("leave rows without a target out of the dataset")
		}
		if w := d.WeightOf(r); math.IsNaN(w) || math.IsInf(w, 0) || w < 0 {
			return fault.New(fault.Invalid, "weight of row %d is %v", r, w)
		}
	}
	return nil
}
