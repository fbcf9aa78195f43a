package forest_test

import (
	"context"
	"fmt"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/forest"
)

// A forest learns that sales double in the second store.
func Example() {
	d := model.Dataset{X: model.NewFrame([]string{"store"}, nil, 20), Y: make([]float64, 20)}
	for r := range d.Y {
		store := r % 2
		d.X.Cols[0][r] = float32(store)
		d.Y[r] = 1000 * float64(1+store)
	}
	m, err := forest.New(forest.Options{NEstimators: 10}).Fit(context.Background(), d, model.Dataset{})
	if err != nil {
		panic(err)
	}
	row := m.(model.RowPredictor)
	fmt.Println(row.PredictRow([]float32{0}), row.PredictRow([]float32{1}))
	// Output: 1000 2000
}
