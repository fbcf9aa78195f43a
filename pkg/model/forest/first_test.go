package forest

import (
	"bytes"
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// The beginning of a fit is the fit with fewer trees, byte for byte.
func TestFirst(t *testing.T) {
	x := model.NewFrame([]string{"a", "b"}, nil, 300)
	y := make([]float64, 300)
	for i := range y {
		x.Cols[0][i], x.Cols[1][i] = float32(i%17), float32(i%29)
		y[i] = float64(i%17) * float64(i%29)
	}
	fit := func(n int) *Model {
		m, err := New(Options{NEstimators: n, Seed: 5, MaxFeatures: 0.5}).Fit(t.Context(), model.Dataset{X: x, Y: y}, model.Dataset{})
		if err != nil {
			t.Fatal(err)
		}
		return m.(*Model)
	}
	whole := fit(9)
	for _, n := range []int{1, 4, 9} {
		want, err := fit(n).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		got, err := whole.First(n).MarshalBinary()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("the first %d of 9 trees are not those of %d: %v", n, n, err)
		}
	}
	if n := len(whole.First(12).(*Model).trees.Trees); n != 9 {
		t.Errorf("the first 12 of 9 trees are %d", n)
	}
}
