package forest

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// peer is what testdata/sklearn_peer.py wrote.
type peer struct {
	Train  int
	X      [][]float32
	Y      []float64
	Weight []float64
	Trees  []struct {
		Name        string
		Params      Options
		Weighted    bool
		Ties        bool // only the training rows compare
		Leaves      int
		Predictions []float64
	}
	Forests []struct {
		Params         Options
		Extra          bool
		RMSE, MAE, OOB float64
		SD             float64 // of the MAE, from seed to seed
	}
}

func readPeer(t *testing.T) (p peer) {
	t.Helper()
	data, err := os.ReadFile("testdata/sklearn_peer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// part returns rows lo to hi as a dataset.
func (p peer) part(lo, hi int) model.Dataset {
	d := model.Dataset{X: model.NewFrame(make([]string, len(p.X[0])), nil, hi-lo), Y: p.Y[lo:hi]}
	for r, row := range p.X[lo:hi] {
		d.X.SetRow(r, row)
	}
	return d
}

func predict(t *testing.T, m model.Regressor, x *model.Frame) []float64 {
	t.Helper()
	dst := make([]float64, x.Len())
	if err := m.Predict(dst, x); err != nil {
		t.Fatal(err)
	}
	return dst
}

// A forest of one tree on all rows is a DecisionTreeRegressor.
func TestSingleTreeIsScikitLearns(t *testing.T) {
	p := readPeer(t)
	all := p.part(0, len(p.Y))
	for _, c := range p.Trees {
		t.Run(c.Name, func(t *testing.T) {
			train := p.part(0, p.Train)
			if c.Weighted {
				train.Weight = p.Weight[:p.Train]
			}
			o := c.Params
			o.NEstimators, o.Bootstrap = 1, new(false)
			if o.MinSamplesLeaf == 0 {
				o.MinSamplesLeaf = 1
			}
			m, err := New(o).Fit(t.Context(), train, model.Dataset{})
			if err != nil {
				t.Fatal(err)
			}
			if got := leaves(m.(*Model).trees.Trees[0]); got != c.Leaves {
				t.Errorf("%d leaves, want %d", got, c.Leaves)
			}
			wrong := 0
			for i, got := range predict(t, m, all.X) {
				if c.Ties && i >= p.Train {
					break
				}
				if math.Abs(got-c.Predictions[i]) > 1e-6*math.Abs(c.Predictions[i])+1e-3 {
					wrong++
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d predictions differ", wrong, all.Len())
			}
		})
	}
}

func leaves(t *tree.Tree) int { return (t.Len() + 1) / 2 }

// Forests draw their own random numbers, so that only their errors compare, as
// the mean of ten seeds here and twenty there: to 1 % of the absolute error, or
// three times the deviation of the difference of such means where that is more,
// and to 0.01 of the out-of-bag score.
func TestForestIsAsGoodAsScikitLearns(t *testing.T) {
	p := readPeer(t)
	test := p.part(p.Train, len(p.Y))
	for _, c := range p.Forests {
		var mean struct{ rmse, mae, oob float64 }
		const seeds = 10
		for seed := range uint64(seeds) {
			o := c.Params
			o.Seed, o.Extra = seed, c.Extra
			if o.MinSamplesLeaf == 0 {
				o.MinSamplesLeaf = 1
			}
			m, err := New(o).Fit(t.Context(), p.part(0, p.Train), model.Dataset{})
			if err != nil {
				t.Fatal(err)
			}
			got := predict(t, m, test.X)
			mean.rmse += rmse(got, test.Y) / seeds
			mean.mae += mae(got, test.Y) / seeds
			if score, _ := m.(*Model).OOB(); o.OOBScore {
				mean.oob += score / seeds
			}
		}
		t.Logf("%+v: RMSE %.2f, scikit-learn's %.2f; MAE %.2f, %.2f; OOB %.4f, %.4f",
			c.Params, mean.rmse, c.RMSE, mean.mae, c.MAE, mean.oob, c.OOB)
		room := max(0.01*c.MAE, 3*c.SD*math.Sqrt(1./seeds+1./20))
		if math.Abs(mean.rmse/c.RMSE-1) > 0.02 || math.Abs(mean.mae-c.MAE) > room || math.Abs(mean.oob-c.OOB) > 0.01 {
			t.Errorf("%+v, extra %v: not scikit-learn's", c.Params, c.Extra)
		}
	}
}

func mae(got, want []float64) float64 {
	sum := 0.0
	for i := range got {
		sum += math.Abs(got[i] - want[i])
	}
	return sum / float64(len(got))
}

func rmse(got, want []float64) float64 {
	sum := 0.0
	for i := range got {
		sum += (got[i] - want[i]) * (got[i] - want[i])
	}
	return math.Sqrt(sum / float64(len(got)))
}
