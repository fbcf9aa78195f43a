package boost

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/salesctl/salesctl/pkg/model"
)

// peer is what testdata/xgboost_peer.py wrote.
type peer struct {
	Train  int
	X      [][]*float32
	Y      []float64
	Weight []float64
	Cases  []struct {
		Name        string
		Params      Options
		Weighted    bool
		Thousands   bool // the target is in thousands
		Categorical bool // columns 0 and 2 are
		Predictions []float64
	}
	Stops []struct {
		Params Options
		Rounds int
	}
	Errors []struct {
		Params Options
		RMSE   float64
	}
}

func readPeer(t *testing.T) (p peer) {
	t.Helper()
	data, err := os.ReadFile("testdata/xgboost_peer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// part returns rows lo to hi as a dataset with a frame of its own, as XGBoost
// cuts at values of the training set only.
func (p peer) part(lo, hi int) model.Dataset {
	d := model.Dataset{X: model.NewFrame(make([]string, len(p.X[0])), nil, hi-lo), Y: p.Y[lo:hi]}
	for r, row := range p.X[lo:hi] {
		for c, v := range row {
			d.X.Cols[c][r] = float32(math.NaN())
			if v != nil {
				d.X.Cols[c][r] = *v
			}
		}
	}
	return d
}

// thousands returns the dataset with its target in thousands.
func thousands(d model.Dataset) model.Dataset {
	y := make([]float64, len(d.Y))
	for r := range y {
		y[r] = math.RoundToEven(d.Y[r]/1000*1000) / 1000
	}
	d.Y = y
	return d
}

// With a bin for every value the trees are XGBoost's, and so are the answers, to
// the last bit.
func TestAnswersAreXGBoosts(t *testing.T) {
	p := readPeer(t)
	test := p.part(p.Train, len(p.Y))
	for _, c := range p.Cases {
		t.Run(c.Name, func(t *testing.T) {
			train := p.part(0, p.Train)
			if c.Weighted {
				train.Weight = p.Weight[:p.Train]
			}
			if c.Thousands {
				train = thousands(train)
			}
			if c.Categorical {
				train.X.Kinds = []model.Kind{model.Categorical, model.Numeric, model.Categorical, model.Numeric, model.Numeric, model.Numeric}
			}
			m, err := New(c.Params).Fit(t.Context(), train, model.Dataset{})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float64, test.Len())
			if err := m.Predict(got, test.X); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.Predictions {
				if got[i] != want {
					t.Errorf("row %d: %v, want %v", i, got[i], want)
				}
			}
		})
	}
}

// Early stopping watches the objective's own loss, on the rows of the valid set.
func TestRoundsKeptAreXGBoosts(t *testing.T) {
	p := readPeer(t)
	train, valid := thousands(p.part(0, p.Train)), thousands(p.part(p.Train, len(p.Y)))
	train.Weight, valid.Weight = p.Weight[:p.Train], p.Weight[p.Train:]
	for _, c := range p.Stops {
		if got := fit(t, c.Params, train, valid).Rounds(); got != c.Rounds {
			t.Errorf("%s: %d rounds, want %d", c.Params.Objective, got, c.Rounds)
		}
	}
}

// formula is the function of the same name in testdata/xgboost_peer.py.
func formula(rows int) model.Dataset {
	d := model.Dataset{X: model.NewFrame(make([]string, 4), nil, rows), Y: make([]float64, rows)}
	for r := range rows {
		var u [5]float64
		for c, a := range [5]float64{0.6180339887498949, 0.7548776662466927, 0.5698402909980532, 0.8191725133961645, 0.7320508075688772} {
			_, u[c] = math.Modf(float64(r+1) * a)
			if c < 4 {
				d.X.Cols[c][r] = float32(u[c])
			}
		}
		d.Y[r] = 1000 + 300*u[0]*u[1] + 200*(u[2]-0.5)*(u[2]-0.5) + 40*u[4]
		if u[3] > 0.3 {
			d.Y[r] += 50
		}
	}
	return d
}

// With more values than bins the cuts are others, and so is chance; the errors
// are the same.
func TestErrorsAreXGBoosts(t *testing.T) {
	train, test := formula(2000), formula(3000)
	for r := range int32(1000) {
		test.Rows = append(test.Rows, 2000+r)
	}
	for _, c := range readPeer(t).Errors {
		const seeds = 5
		got := 0.0
		for seed := range uint64(seeds) {
			c.Params.Seed = seed
			got += math.Sqrt(squaredError(t, fit(t, c.Params, train, none), test)/1000) / seeds
		}
		t.Logf("RMSE %.3f, XGBoost's %.3f", got, c.RMSE)
		if math.Abs(got/c.RMSE-1) > 0.02 {
			t.Errorf("RMSE %.3f, XGBoost's %.3f", got, c.RMSE)
		}
	}
}
