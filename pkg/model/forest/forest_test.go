package forest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	for _, o := range []Options{
		{NEstimators: 7},
		{NEstimators: 5, MaxFeatures: 0.5, MaxDepth: 4, Jobs: 3, Seed: 2},
		{NEstimators: 5, MinSamplesLeaf: 1, OOBScore: true, MaxSamples: 0.5},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
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

func fit(t interface{ Fatal(...any) }, o Options, d model.Dataset) *Model {
	m, err := New(o).Fit(context.Background(), d, model.Dataset{})
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

// The bytes are the same for any number of goroutines, and the same as ever.
func TestGolden(t *testing.T) {
	d := sales(1500, 9, 1)
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{NEstimators: 10}, "bbfb5b759f48d53d"},
		{Options{NEstimators: 9, MaxFeatures: 0.4, MinSamplesLeaf: 1, MaxDepth: 9, Seed: 3}, "41fed3c598b26256"},
		{Options{NEstimators: 10, Extra: true}, "b19dd4713e0095af"},
		{Options{NEstimators: 9, Extra: true, Bootstrap: new(true), MaxSamples: 0.6, MaxFeatures: Sqrt, OOBScore: true}, "8cc25a1ddea01b4c"},
	} {
		for _, jobs := range []int{1, 2, 8} {
			c.options.Jobs = jobs
			got := fmt.Sprintf("%x", sha256.Sum256(stored(t, fit(t, c.options, d))))[:16]
			if got != c.want {
				t.Errorf("%+v: bytes have hash %s, want %s", c.options, got, c.want)
			}
		}
	}
}

func TestSeedMatters(t *testing.T) {
	d := sales(200, 4, 1)
	if bytes.Equal(stored(t, fit(t, Options{NEstimators: 2}, d)), stored(t, fit(t, Options{NEstimators: 2, Seed: 1}, d))) {
		t.Error("another seed makes the same forest")
	}
}

func TestPredictionsStayWithinTheTargets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := sales(rapid.IntRange(1, 300).Draw(t, "rows"), 5, rapid.Uint64().Draw(t, "seed"))
		m := fit(t, Options{NEstimators: 5, MaxFeatures: MaxFeatures(rapid.Float64Range(0, 1).Draw(t, "max features"))}, d)
		other := sales(100, 5, rapid.Uint64().Draw(t, "other"))
		lo, hi := slices.Min(d.Y), slices.Max(d.Y)
		for r := range other.Len() {
			x := make([]float32, 5)
			other.X.Row(x, r)
			if got := m.PredictRow(x); got < lo-lo/1e6 || got > hi+hi/1e6 {
				t.Fatalf("%v is not within %v and %v", got, lo, hi)
			}
		}
	})
}

// A subset of the rows makes the forest that a frame of these rows alone makes.
func TestRowsAreAFrameOfTheirOwn(t *testing.T) {
	d := sales(400, 2, 1) // few distinct values: the bins do not differ
	copied := model.Dataset{X: model.NewFrame(d.X.Names, nil, 0)}
	for r := int32(0); r < 400; r += 3 {
		d.Rows = append(d.Rows, r)
		copied.Y = append(copied.Y, d.Y[r])
		for c := range copied.X.Cols {
			copied.X.Cols[c] = append(copied.X.Cols[c], d.X.Cols[c][r])
		}
	}
	if o := (Options{NEstimators: 5}); !bytes.Equal(stored(t, fit(t, o, d)), stored(t, fit(t, o, copied))) {
		t.Error("the forests differ")
	}
}

// Without bootstrap the order of the rows is nothing, and a weight of two is a
// row twice.
func TestOrderAndWeights(t *testing.T) {
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
		o := Options{NEstimators: 1, Bootstrap: new(false), MinSamplesLeaf: 1}
		weighted := fit(t, o, d)
		d.Weight, d.Rows = nil, rapid.Permutation(repeated).Draw(t, "order")
		again := fit(t, o, d)
		a, b := make([]float64, d.X.Len()), make([]float64, d.X.Len())
		if err := errors.Join(weighted.Predict(a, d.X), again.Predict(b, d.X)); err != nil {
			t.Fatal(err)
		}
		// A row that was not learned from may miss a value where none was missing: it
		// goes with the more rows, and a row of weight 2 is one.
		for _, r := range repeated {
			if math.Abs(a[r]-b[r]) > 1e-6*math.Abs(a[r]) {
				t.Fatalf("row %d: %v weighted, %v repeated", r, a[r], b[r])
			}
		}
	})
}

func TestBootstrapDrawsAsManyRowsAsThereAre(t *testing.T) {
	d := sales(1000, 2, 1)
	m := fit(t, Options{NEstimators: 20}, d)
	full := fit(t, Options{NEstimators: 1, Bootstrap: new(false)}, d)
	if got := full.trees.Trees[0].Cover[0]; got != 1000 {
		t.Errorf("without bootstrap a tree has %v rows", got)
	}
	for i, one := range m.trees.Trees {
		if one.Cover[0] != 1000 {
			t.Errorf("tree %d has drawn %v rows", i, one.Cover[0])
		}
		if i > 0 && slices.Equal(one.Threshold, m.trees.Trees[i-1].Threshold) {
			t.Errorf("trees %d and %d are the same", i-1, i)
		}
	}
}

func TestImportancesFindWhatMatters(t *testing.T) {
	d := sales(800, 12, 1)
	worth := fit(t, Options{NEstimators: 10}, d).Importances()
	if signal := worth[0] + worth[1] + worth[2]; signal < 0.9 {
		t.Errorf("store, week and last week's sales are worth %.3f of %v", signal, worth)
	}
}

// A share of less than a feature is one, and not all.
func TestANodeLooksAtOneFeatureAtLeast(t *testing.T) {
	d := sales(300, 4, 1)
	small := stored(t, fit(t, Options{NEstimators: 3, MaxFeatures: 0.01}, d))
	if one := stored(t, fit(t, Options{NEstimators: 3, MaxFeatures: 0.25}, d)); !bytes.Equal(small, one) {
		t.Error("a hundredth of four features is not one")
	}
	if all := stored(t, fit(t, Options{NEstimators: 3}, d)); bytes.Equal(small, all) {
		t.Error("a hundredth of four features is all of them")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"n_estimators is 100001":  {NEstimators: 100_001},
		"n_estimators is -1":      {NEstimators: -1},
		"max_depth is -2":         {MaxDepth: -2},
		"min_samples_leaf is -1":  {MinSamplesLeaf: -1},
		"min_samples_split is -1": {MinSamplesSplit: -1},
		"max_features is 1.5":     {MaxFeatures: 1.5},
		"max_features is NaN":     {MaxFeatures: MaxFeatures(math.NaN())},
	} {
		_, err := New(o).Fit(t.Context(), sales(10, 2, 1), model.Dataset{})
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero value is refused: %v", err)
	}
}

func TestFitStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := New(Options{NEstimators: maxTrees, Jobs: 2}).Fit(ctx, sales(500, 3, 1), model.Dataset{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestUnmarshalRefusesAnotherAlgorithm(t *testing.T) {
	data := stored(t, fit(t, Options{NEstimators: 1}, sales(50, 2, 1)))
	if _, err := Unmarshal(append([]byte("SCGB"), data[4:]...)); !fault.Is(err, fault.Integrity) {
		t.Errorf("error %v", err)
	}
}
