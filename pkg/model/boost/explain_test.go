package boost

import (
	"math"
	"slices"
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// Contributions sum to the leaves' own sum, of which a prediction is the rounding
// to float32, for every objective, with splits by categories and missing values.
func TestContributionsAddToTheLeaves(t *testing.T) {
	d := sales(500, 9, 1)
	d.X.Kinds = slices.Repeat([]model.Kind{model.Numeric}, 9)
	d.X.Kinds[0], d.X.Kinds[1] = model.Categorical, model.Categorical
	for name, o := range losses() {
		for _, onehot := range []int{4, 100} {
			o.NEstimators, o.EnableCategorical, o.MaxCatToOnehot, o.MaxDepth = 20, true, onehot, new(7)
			m := fit(t, o, d, none)
			worth := make([]float64, d.X.Len()*10)
			if err := m.Contributions(worth, d.X); err != nil {
				t.Fatal(err)
			}
			x := make([]float32, 9)
			for r := range d.X.Len() {
				d.X.Row(x, r)
				want, got := m.base, 0.0
				for _, one := range m.trees.Trees {
					want += float64(one.Predict(x))
				}
				for _, v := range worth[10*r : 10*r+10] {
					got += v
				}
				if !(math.Abs(got/want-1) <= 1e-12) {
					t.Fatalf("%s, row %d: contributions sum to %v, the leaves to %v", name, r, got, want)
				}
			}
		}
	}
}
