package forest

import (
	"bytes"
	"math"
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
	fit := func(n int) *Model { return fitted(t, x, y, Options{NEstimators: n, Seed: 5, MaxFeatures: 0.5}) }
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

// The upper levels of a fit are the fit to that depth, byte for byte, of ordered and
// of categorical splits, of missing values, and where a node draws its features.
func TestTop(t *testing.T) {
	x := model.NewFrame([]string{"a", "b", "c"}, []model.Kind{model.Numeric, model.Numeric, model.Categorical}, 400)
	y := make([]float64, 400)
	for i := range y {
		x.Cols[0][i], x.Cols[1][i], x.Cols[2][i] = float32(i%17), float32(i%29), float32(i*i%7)
		if i%11 == 0 {
			x.Cols[1][i] = float32(math.NaN())
		}
		y[i] = float64(i%17)*float64(i%29) + 50*float64(i*i%7%3)
	}
	for name, o := range map[string]Options{
		"forest": {MaxFeatures: 0.5}, "all features": {MinSamplesLeaf: 1}, "extra trees": {Extra: true, Bootstrap: new(false)},
	} {
		o.NEstimators, o.Seed = 4, 5
		whole := fitted(t, x, y, o)
		for _, depth := range []int{1, 2, 5, 100} {
			o.MaxDepth = depth
			want, err := fitted(t, x, y, o).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			got, err := whole.Top(depth).MarshalBinary()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: the top %d levels are not the forest of that depth: %v", name, depth, err)
			}
			few, err := whole.First(2).(*Model).Top(depth).MarshalBinary()
			o.NEstimators = 2
			want, _ = fitted(t, x, y, o).MarshalBinary()
			if o.NEstimators = 4; err != nil || !bytes.Equal(few, want) {
				t.Errorf("%s: the top %d levels of two trees: %v", name, depth, err)
			}
		}
		data, err := whole.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Unmarshal(data); err != nil || m.Top(1) != nil {
			t.Errorf("%s: a forest that was read has a top: %v", name, err)
		}
	}
}

func fitted(t *testing.T, x *model.Frame, y []float64, o Options) *Model {
	t.Helper()
	m, err := New(o).Fit(t.Context(), model.Dataset{X: x, Y: y}, model.Dataset{})
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Model)
}
