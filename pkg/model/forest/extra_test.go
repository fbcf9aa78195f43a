package forest

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

func TestSuiteOfExtraTrees(t *testing.T) {
	for name, o := range map[string]Options{
		"defaults":  {NEstimators: 7, Extra: true},
		"bootstrap": {NEstimators: 5, Extra: true, Bootstrap: new(true), OOBScore: true, MaxFeatures: Sqrt, MaxSamples: 0.7},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Learner(t, func() model.Learner { return New(o) },
				func(b []byte) (model.Regressor, error) { return Unmarshal(b) })
		})
	}
}

// Extremely randomized trees see all rows unless they are told otherwise, and cut
// where no two rows' middle is.
func TestExtraTreesCutAnywhere(t *testing.T) {
	d := sales(400, 5, 1)
	m := fit(t, Options{NEstimators: 10, Extra: true}, d)
	parts := map[float64]bool{}
	for _, one := range m.trees.Trees {
		if one.Cover[0] != 400 {
			t.Errorf("a tree has seen %v rows", one.Cover[0])
		}
		for i, f := range one.Feature {
			if f == 0 { // the store, a whole number
				_, part := math.Modf(float64(one.Threshold[i]))
				parts[math.Round(100*part)] = true
			}
		}
	}
	if len(parts) < 50 {
		t.Errorf("hundredths of the thresholds are %v", parts)
	}
}

func TestMaxFeatures(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  int
	}{
		{`1`, 7, 7}, {`1.0`, 7, 7}, {`0.5`, 7, 3}, {`0.01`, 7, 1}, {`2`, 7, 2}, {`99`, 7, 7},
		{`"sqrt"`, 17, 4}, {`"log2"`, 17, 4}, {`"log2"`, 1, 1}, {`"sqrt"`, 2, 1},
	} {
		var m MaxFeatures
		if err := json.Unmarshal([]byte(c.text), &m); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(m)
		if got := m.of(c.width); got != c.want || err != nil || !m.valid() {
			t.Errorf("%s of %d is %d, want %d", c.text, c.width, got, c.want)
		}
		var back MaxFeatures
		if err := json.Unmarshal(again, &back); err != nil || back != m {
			t.Errorf("%s becomes %s", c.text, again)
		}
	}
	for _, text := range []string{`"sqr"`, `-1`, `-2`, `true`, `[1]`, `"0.5"`} {
		var m MaxFeatures
		if err := json.Unmarshal([]byte(text), &m); !fault.Is(err, fault.Config) || !strings.Contains(fault.HintOf(err), "sqrt or log2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestForestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"max_features is 2.5":                  {MaxFeatures: 2.5},
		"max_features is -0.5":                 {MaxFeatures: -0.5},
		`criterion is "absolute_error"`:        {Criterion: "absolute_error"},
		"min_impurity_decrease is -1":          {MinImpurityDecrease: -1},
		"max_samples is 1.5":                   {MaxSamples: 1.5},
		"max_samples is -1":                    {MaxSamples: -1},
		"max_samples is 0.5, but without":      {MaxSamples: 0.5, Extra: true},
		"oob_score is true, but without":       {OOBScore: true, Bootstrap: new(false)},
		"oob_score is true, but without boots": {OOBScore: true, Extra: true},
	} {
		_, err := New(o).Fit(t.Context(), sales(10, 2, 1), model.Dataset{})
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestMaxSamplesIsHowManyATreeDraws(t *testing.T) {
	d := sales(300, 3, 1)
	for samples, want := range map[float64]float32{0.5: 150, 40: 40, 1000: 300, 0.001: 1} {
		for _, one := range fit(t, Options{NEstimators: 3, MaxSamples: samples}, d).trees.Trees {
			if one.Cover[0] != want {
				t.Errorf("max_samples %v draws %v rows", samples, one.Cover[0])
			}
		}
	}
}

// The estimate is what a second look at the draws gives, for any number of
// goroutines, and weights of rows do not mix them up.
func TestOutOfBag(t *testing.T) {
	d := sales(1500, 5, 1)
	d.Weight = make([]float64, d.X.Len())
	for r := range d.Weight {
		d.Weight[r] = float64(r % 4)
	}
	d.Rows = make([]int32, 700)
	for i := range d.Rows {
		d.Rows[i] = int32(1499 - 2*i)
	}
	o := Options{NEstimators: 12, OOBScore: true, Seed: 5, Jobs: 3}
	m := fit(t, o, d)
	score, got := m.OOB()
	weighty := slices.DeleteFunc(slices.Clone(d.Rows), func(r int32) bool { return r%4 == 0 })
	sum, n := make([]float64, len(weighty)), make([]float64, len(weighty))
	for k, one := range m.trees.Trees {
		for i, times := range o.withDefaults().draw(tree.NewRand(5, k), len(weighty)) {
			if times == 0 {
				sum[i] += float64(one.PredictAt(d.X.Cols, int(weighty[i])))
				n[i]++
			}
		}
	}
	known := 0
	for i, r := range d.Rows {
		at := slices.Index(weighty, r)
		if at < 0 || n[at] == 0 {
			if !math.IsNaN(got[i]) {
				t.Errorf("row %d: %v", r, got[i])
			}
			continue
		}
		known++
		if want := m.base + sum[at]/n[at]; got[i] != want {
			t.Fatalf("row %d: %v, want %v", r, got[i], want)
		}
	}
	if known < 400 || score < 0.5 || score > 1 {
		t.Errorf("%d rows have an answer, with a score of %v", known, score)
	}
	o.Jobs = 1
	if again, _ := fit(t, o, d).OOB(); again != score {
		t.Errorf("one goroutine's score is %v, three's %v", again, score)
	}
	o.OOBScore = false
	if score, p := fit(t, o, d).OOB(); !math.IsNaN(score) || p != nil {
		t.Errorf("without oob_score: %v", score)
	}
}

// Where there is nothing to learn, the out-of-bag score says so, which the error
// on the training rows does not.
func TestOutOfBagOfNoiseIsNone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	d := model.Dataset{X: model.NewFrame([]string{"a", "b"}, nil, 500), Y: make([]float64, 500)}
	for r := range d.Y {
		d.X.SetRow(r, []float32{random.Float32(), random.Float32()})
		d.Y[r] = random.Float64()
	}
	if score, _ := fit(t, Options{NEstimators: 50, OOBScore: true}, d).OOB(); score > 0.05 {
		t.Errorf("score %v", score)
	}
}

func TestPredictRowAllocatesNothing(t *testing.T) {
	d := sales(500, 6, 1)
	m := fit(t, Options{NEstimators: 20, Extra: true}, d)
	x := make([]float32, 6)
	d.X.Row(x, 77)
	if n := testing.AllocsPerRun(100, func() { m.PredictRow(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
