package tree

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

func TestSamplesAreGradientsAroundTheMean(t *testing.T) {
	d := model.Dataset{
		X:      model.NewFrame([]string{"x"}, nil, 4),
		Y:      []float64{10, 99, 30, 50},
		Weight: []float64{1, 1, 2, 0},
		Rows:   []int32{3, 2, 0},
	}
	got, base, err := Samples(d)
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(float32(70.0 / 3)); base != want {
		t.Errorf("base %v, want %v", base, want)
	}
	want := []Sample{{Row: 2, Gradient: 2 * (base - 30), Weight: 2}, {Row: 0, Gradient: base - 10, Weight: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSamplesRefuse(t *testing.T) {
	x := model.NewFrame([]string{"x"}, nil, 1)
	for name, d := range map[string]model.Dataset{
		"nothing":     {},
		"no rows":     {X: x, Y: []float64{1}, Rows: []int32{}},
		"no weight":   {X: x, Y: []float64{1}, Weight: []float64{0}},
		"no target":   {X: x, Y: []float64{math.NaN()}},
		"huge target": {X: x, Y: []float64{-1e30}},
		"huge weight": {X: x, Y: []float64{1}, Weight: []float64{1e30}},
	} {
		if _, _, err := Samples(d); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Whatever the magnitudes, fixed point holds the sums and no fewer bits than a
// float64 that ranges as far.
func TestFixedPointIsPreciseAndHoldsTheSum(t *testing.T) {
	for _, size := range []float64{1e-250, 1e-10, 1, 1e10, 1e250} {
		samples := make([]Sample, 1000)
		var want float64
		for i := range samples {
			samples[i] = Sample{Row: int32(i), Gradient: size * (1 + float64(i)/1e6), Weight: 1 / size}
			want += samples[i].Gradient
		}
		var p points
		p.set(samples, math.MaxInt)
		var total sums
		for i := range samples {
			v := p.at(int32(i))
			total = total.plus(v)
			if got := p.gradient(v); math.Abs(got-samples[i].Gradient) > 1e-14*size {
				t.Fatalf("%v became %v", samples[i].Gradient, got)
			}
		}
		if got := p.gradient(total); math.Abs(got-want) > 1e-12*want || p.rows(total) != 1000 {
			t.Errorf("size %v: %d rows sum to %v, want %v", size, p.rows(total), got, want)
		}
	}
}
