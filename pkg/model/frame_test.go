package model

import (
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestFromMatrix(t *testing.T) {
	f, err := FromMatrix([]string{"a", "b"}, mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6}))
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 3 || f.Width() != 2 || f.Kind(1) != Numeric {
		t.Errorf("%d x %d, kind %v", f.Len(), f.Width(), f.Kind(1))
	}
	row := make([]float32, 2)
	f.Row(row, 1)
	if row[0] != 3 || row[1] != 4 {
		t.Errorf("row 1 is %v", row)
	}
	if _, err := FromMatrix([]string{"a"}, mat.NewDense(1, 2, nil)); err == nil {
		t.Error("a width that does not match was taken")
	}
}

func TestFrameRowsAndKinds(t *testing.T) {
	f := NewFrame([]string{"a", "b"}, []Kind{Numeric, Categorical}, 2)
	f.SetRow(1, []float32{7, 8})
	if f.Cols[0][1] != 7 || f.Cols[1][1] != 8 || f.Cols[0][0] != 0 || f.Kind(1) != Categorical {
		t.Errorf("%+v", f)
	}
	if (&Frame{}).Len() != 0 {
		t.Error("an empty frame has rows")
	}
}

func TestDatasetLen(t *testing.T) {
	f := NewFrame([]string{"a"}, nil, 5)
	for want, d := range map[int]Dataset{0: {}, 5: {X: f}, 2: {X: f, Rows: []int32{4, 1}}} {
		if d.Len() != want {
			t.Errorf("%d, want %d", d.Len(), want)
		}
	}
}
