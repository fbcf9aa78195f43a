package permute

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/model"
)

// weighted answers with a weighted sum of the columns.
type weighted []float64

func (w weighted) Predict(dst []float64, x *model.Frame) error {
	if len(w) != x.Width() {
		return errors.New("wrong width")
	}
	for r := range dst {
		dst[r] = 0
		for c, v := range w {
			dst[r] += v * float64(x.Cols[c][r])
		}
	}
	return nil
}

func (weighted) MarshalBinary() ([]byte, error) { return nil, nil }

// rows are 400 of three columns that have nothing to do with one another.
func rows() *model.Frame {
	x := model.NewFrame([]string{"a", "b", "c"}, nil, 400)
	for r := range 400 {
		x.SetRow(r, []float32{float32(r % 20), float32(r / 20), float32(r * 7 % 13)})
	}
	return x
}

func squared(truth []float64) func([]float64) float64 {
	return func(p []float64) float64 {
		sum := 0.0
		for i := range p {
			sum += (p[i] - truth[i]) * (p[i] - truth[i]) / float64(len(p))
		}
		return sum
	}
}

// Shuffling a column of a sum raises the squared error by twice its variance times
// its weight's square.
func TestWorthOfASum(t *testing.T) {
	x, m := rows(), weighted{3, 1, 0}
	before := x.Cols[0][5]
	truth := make([]float64, x.Len())
	if err := m.Predict(truth, x); err != nil {
		t.Fatal(err)
	}
	got, err := Importances(context.Background(), m, x, squared(truth), Options{Repeats: 40, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	variance := (20.0*20 - 1) / 12
	for c, want := range []float64{2 * variance * 9, 2 * variance, 0} {
		if math.Abs(got[c].Mean-want) > 0.03*want {
			t.Errorf("column %d: %v, want %v", c, got[c].Mean, want)
		}
	}
	if got[0].Deviation <= 0 || got[2].Deviation != 0 || x.Cols[0][5] != before {
		t.Errorf("deviations %v and %v, the first row's value %v", got[0].Deviation, got[2].Deviation, x.Cols[0][5])
	}
}

func TestJobsChangeNothing(t *testing.T) {
	x, m := rows(), weighted{3, 1, 2}
	loss := squared(make([]float64, x.Len()))
	var results [2][]Worth
	for i, jobs := range []int{1, 8} {
		var err error
		if results[i], err = Importances(context.Background(), m, x, loss, Options{Seed: 7, Jobs: jobs}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsEndIt(t *testing.T) {
	x := rows()
	loss := squared(make([]float64, x.Len()))
	if _, err := Importances(context.Background(), weighted{1}, x, loss, Options{}); err == nil {
		t.Error("a model of another width was measured")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := Importances(ended, weighted{1, 1, 1}, x, loss, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
