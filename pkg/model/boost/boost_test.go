package boost

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	for name, o := range map[string]Options{
		"defaults":          {NEstimators: 20},
		"sampling":          {NEstimators: 9, Subsample: 0.6, ColsampleByTree: 0.5, MaxDepth: new(3), EarlyStoppingRounds: 2, Jobs: 3, Seed: 2},
		"categories":        {NEstimators: 20, EnableCategorical: true},
		"single categories": {NEstimators: 20, EnableCategorical: true, MaxCatToOnehot: 9},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Learner(t, func() model.Learner { return New(o) },
				func(b []byte) (model.Regressor, error) { return Unmarshal(b) })
		})
	}
}

// sales returns rows of a chain's weekly sales in whole dollars: stores of
// different size, a season, noise. Its first columns are the store, the week
// and last weeks' sales, partly missing; the rest is noise.
func sales(rows, width int, seed uint64) model.Dataset {
	const stores = 45
	random := rand.New(rand.NewPCG(seed, 0))
	d := model.Dataset{X: model.NewFrame(make([]string, width), nil, rows), Y: make([]float64, rows)}
	for r := range rows {
		store, week := r%stores, r/stores
		season := 1 + math.Abs(float64(week%52)-26)/100
		noise := 0.96 + float64(0.08*random.Float64())
		d.Y[r] = math.Round(2e5 * float64(1+store*17%stores) / 5 * season * noise)
		for c := range width {
			v := float32(random.Float64())
			switch past := r - (c-1)*stores; {
			case c == 0:
				v = float32(store)
			case c == 1:
				v = float32(week % 52)
			case c < 8 && past >= 0:
				v = float32(d.Y[past])
			case c < 8:
				v = float32(math.NaN())
			case c%3 == 0:
				v = float32(int(12 * v))
			}
			d.X.Cols[c][r] = v
		}
	}
	return d
}

func fit(t interface{ Fatal(...any) }, o Options, train, valid model.Dataset) *Model {
	m, err := New(o).Fit(context.Background(), train, valid)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Model)
}

func stored(t interface{ Fatal(...any) }, m model.Regressor) []byte {
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// none is the empty valid set.
var none model.Dataset

func squaredError(t *testing.T, m *Model, d model.Dataset) float64 {
	t.Helper()
	p := make([]float64, d.X.Len())
	if err := m.Predict(p, d.X); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range d.Len() {
		miss := p[d.Row(i)] - d.Y[d.Row(i)]
		sum += miss * miss
	}
	return sum
}

// first returns the model of the first rounds only.
func (m *Model) first(rounds int) *Model {
	return &Model{m.base, m.loss, m.trees.First(rounds)}
}

// Without sampling, every round brings the training error down.
func TestTrainingErrorFalls(t *testing.T) {
	d := sales(500, 6, 1)
	all, last := fit(t, Options{NEstimators: 30}, d, none), math.Inf(1)
	for rounds := 1; rounds < 30; rounds++ {
		e := squaredError(t, all.first(rounds), d)
		if e >= last {
			t.Fatalf("round %d: error %v after %v", rounds, e, last)
		}
		last = e
	}
}

// An early stop keeps the rounds up to the lowest valid error after which none
// was lower for as long as patience lasts.
func TestEarlyStop(t *testing.T) {
	d := sales(900, 6, 1)
	train, valid := d, d
	for r := range int32(900) {
		if r < 600 {
			train.Rows = append(train.Rows, r)
		} else {
			valid.Rows = append(valid.Rows, r)
		}
	}
	const rounds = 60
	var curve [rounds]float64                         // valid error after each round
	o := Options{NEstimators: rounds, Subsample: 0.1} // few rows, for an error that jumps
	all := fit(t, o, train, none)
	for i := range curve {
		curve[i] = squaredError(t, all.first(i+1), valid)
	}
	seen := map[int]bool{}
	for _, patience := range []int{1, 2, 4, 8, 16} {
		want := 0
		for i := 1; i < rounds && i-want <= patience; i++ {
			if curve[i] < curve[want] {
				want = i
			}
		}
		o.EarlyStoppingRounds = patience
		got := fit(t, o, train, valid)
		if got.Rounds() != want+1 {
			t.Errorf("patience %d: %d rounds, want %d", patience, got.Rounds(), want+1)
		}
		if !bytes.Equal(stored(t, got), stored(t, all.first(want+1))) {
			t.Errorf("patience %d: the rounds are not those without an early stop", patience)
		}
		seen[want] = true
	}
	if len(seen) < 2 {
		t.Error("the error is too smooth to tell one patience from another")
	}
	if got := fit(t, o, train, none).Rounds(); got != rounds {
		t.Errorf("%d rounds without a valid set, want %d", got, rounds)
	}
}

// Half of the frame is the same as the other: taking it alone changes nothing,
// nor does the order of its rows.
func TestRowsAreAFrameOfTheirOwn(t *testing.T) {
	half := sales(300, 5, 1)
	double := model.Dataset{X: model.NewFrame(half.X.Names, nil, 600), Y: append(half.Y, half.Y...)}
	for c, col := range half.X.Cols {
		copy(double.X.Cols[c], col)
		copy(double.X.Cols[c][300:], col)
	}
	for r := range int32(300) {
		double.Rows = append(double.Rows, 599-r)
	}
	o := Options{NEstimators: 10}
	if !bytes.Equal(stored(t, fit(t, o, half, none)), stored(t, fit(t, o, double, none))) {
		t.Error("the models differ")
	}
}

func TestWeightIsARowTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := sales(120, 4, rapid.Uint64().Draw(t, "seed"))
		d.Weight = make([]float64, d.Len())
		var repeated []int32
		for r := range d.Weight {
			d.Weight[r] = float64(rapid.IntRange(0, 2).Draw(t, "weight"))
			for range int(d.Weight[r]) {
				repeated = append(repeated, int32(r))
			}
		}
		if len(repeated) == 0 {
			return
		}
		o := Options{NEstimators: 5, MaxDepth: new(3)}
		weighted := fit(t, o, d, none)
		d.Weight, d.Rows = nil, repeated
		again := fit(t, o, d, none)
		a, b := make([]float64, d.X.Len()), make([]float64, d.X.Len())
		if err := errors.Join(weighted.Predict(a, d.X), again.Predict(b, d.X)); err != nil {
			t.Fatal(err)
		}
		for r := range a {
			if math.Abs(a[r]-b[r]) > 1e-4*math.Abs(a[r]) {
				t.Fatalf("row %d: %v weighted, %v repeated", r, a[r], b[r])
			}
		}
	})
}

// Each round sees its share of rows and of columns, another one every time.
func TestSampling(t *testing.T) {
	d := sales(1000, 8, 1)
	m := fit(t, Options{NEstimators: 20, Subsample: 0.5, ColsampleByTree: 0.3}, d, none)
	columns := map[int32]bool{}
	for i, one := range m.trees.Trees {
		if rows := one.Cover[0]; rows < 400 || rows > 600 {
			t.Errorf("round %d has %v rows", i, rows)
		}
		own := map[int32]bool{}
		for _, f := range one.Feature {
			if f >= 0 {
				own[f], columns[f] = true, true
			}
		}
		if len(own) > 2 {
			t.Errorf("round %d has columns %v", i, own)
		}
	}
	if len(columns) != 8 {
		t.Errorf("all rounds together have columns %v", columns)
	}
}

func TestBaseScore(t *testing.T) {
	d := sales(100, 3, 1)
	sum := 0.0
	for _, y := range d.Y {
		sum += y
	}
	flat := Options{NEstimators: 1, Gamma: 1e30} // no split pays
	if got, want := fit(t, flat, d, none).base, float64(float32(sum/100)); got != want {
		t.Errorf("base %v, want the mean %v", got, want)
	}
	flat.BaseScore, flat.RegLambda = new(-7.0), new(0.0)
	m := fit(t, flat, d, none)
	if want := -7 + 0.3*(sum/100+7); m.base != -7 || math.Abs(m.PredictRow(make([]float32, 3))-want) > 1e-6*want {
		t.Errorf("base %v and answer %v, want -7 and %v", m.base, m.PredictRow(make([]float32, 3)), want)
	}
}

func TestImportancesFindWhatMatters(t *testing.T) {
	worth := fit(t, Options{NEstimators: 10}, sales(800, 12, 1), none).Importances()
	if signal := worth[0] + worth[1] + worth[2]; signal < 0.9 {
		t.Errorf("store, week and last week's sales are worth %.3f of %v", signal, worth)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"n_estimators is -1":          {NEstimators: -1},
		"n_estimators is 100001":      {NEstimators: 100_001},
		"learning_rate is 1.5":        {LearningRate: 1.5},
		"learning_rate is NaN":        {LearningRate: math.NaN()},
		"max_depth is -1":             {MaxDepth: new(-1)},
		"min_child_weight is -1":      {MinChildWeight: new(-1.0)},
		"reg_lambda is -1":            {RegLambda: new(-1.0)},
		"gamma is -1":                 {Gamma: -1},
		"subsample is 2":              {Subsample: 2},
		"colsample_bytree is -0.1":    {ColsampleByTree: -0.1},
		"early_stopping_rounds is -1": {EarlyStoppingRounds: -1},
		"base_score is +Inf":          {BaseScore: new(math.Inf(1))},
	} {
		_, err := New(o).Fit(t.Context(), sales(10, 2, 1), none)
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero value is refused: %v", err)
	}
}

func TestFitRefusesAnotherValidSet(t *testing.T) {
	o := Options{NEstimators: 2, EarlyStoppingRounds: 1}
	broken := sales(10, 2, 1)
	broken.Y[3] = math.NaN()
	for want, valid := range map[string]model.Dataset{
		"valid set has 3 features, but the training set has 2": sales(10, 3, 1),
		"target of row 3 is NaN":                               broken,
	} {
		_, err := New(o).Fit(t.Context(), sales(10, 2, 1), valid)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestFitStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := New(Options{NEstimators: maxTrees, Jobs: 2}).Fit(ctx, sales(500, 3, 1), none)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
