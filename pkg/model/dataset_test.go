package model

import (
	"math"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

func TestDatasetValidate(t *testing.T) {
	x, y := NewFrame([]string{"a"}, nil, 3), []float64{1, 2, 3}
	for _, c := range []struct {
		name string
		data Dataset
		want string // "" for a valid one
	}{
		{"empty", Dataset{}, ""},
		{"no rows", Dataset{X: NewFrame([]string{"a"}, nil, 0)}, ""},
		{"all rows", Dataset{X: x, Y: y}, ""},
		{"subset", Dataset{X: x, Y: y, Rows: []int32{2, 0, 2}, Weight: []float64{0, 1, 2}}, ""},
		{"faults in rows that it leaves out", Dataset{X: x, Y: []float64{1, math.NaN(), 3}, Rows: []int32{0}, Weight: []float64{1, 1, -1}}, ""},
		{"no features", Dataset{Y: y}, "no features"},
		{"targets", Dataset{X: x, Y: y[:2]}, "2 targets for 3 rows"},
		{"weights", Dataset{X: x, Y: y, Weight: y[:1]}, "1 weights for 3 rows"},
		{"row", Dataset{X: x, Y: y, Rows: []int32{3}}, "row 3 of 3"},
		{"negative row", Dataset{X: x, Y: y, Rows: []int32{-1}}, "row -1 of 3"},
		{"target", Dataset{X: x, Y: []float64{1, math.NaN(), 3}}, "target of row 1 is NaN"},
		{"infinite target", Dataset{X: x, Y: []float64{1, 2, math.Inf(-1)}}, "target of row 2 is -Inf"},
		{"weight", Dataset{X: x, Y: y, Weight: []float64{1, 1, -1}}, "weight of row 2 is -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.data.Validate()
			if c.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestDatasetRowAndWeight(t *testing.T) {
	d := Dataset{X: NewFrame([]string{"a"}, nil, 3), Y: make([]float64, 3)}
	if d.Row(2) != 2 || d.WeightOf(2) != 1 {
		t.Errorf("row %d of weight %v, want row 2 of weight 1", d.Row(2), d.WeightOf(2))
	}
	d.Rows, d.Weight = []int32{2, 0}, []float64{3, 4, 5}
	if d.Row(0) != 2 || d.WeightOf(d.Row(0)) != 5 {
		t.Errorf("row %d of weight %v, want row 2 of weight 5", d.Row(0), d.WeightOf(d.Row(0)))
	}
}
