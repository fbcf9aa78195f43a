package boost

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// BenchmarkFit boosts 100 trees of depth 6 on data of the sample's size.
func BenchmarkFit(b *testing.B) {
	d := sales(6435, 25, 1)
	if _, err := d.X.Bins(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := New(Options{}).Fit(b.Context(), d, model.Dataset{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	d := sales(6435, 25, 1)
	m, err := New(Options{}).Fit(b.Context(), d, model.Dataset{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float64, d.Len())
	for b.Loop() {
		if err := m.Predict(dst, d.X); err != nil {
			b.Fatal(err)
		}
	}
}
