package forest

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// BenchmarkFit grows 100 trees of any depth on data of the sample's size.
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

// BenchmarkContributions explains one row by 100 trees of a leaf a row, about 30
// splits deep.
func BenchmarkContributions(b *testing.B) {
	d := sales(6435, 25, 1)
	m, err := New(Options{MinSamplesLeaf: 1}).Fit(b.Context(), d, model.Dataset{})
	if err != nil {
		b.Fatal(err)
	}
	one := model.NewFrame(d.X.Names, nil, 1)
	for c, col := range d.X.Cols {
		one.Cols[c][0] = col[5000]
	}
	dst := make([]float64, d.X.Width()+1)
	for b.Loop() {
		if err := m.(*Model).Contributions(dst, one); err != nil {
			b.Fatal(err)
		}
	}
}
