package tree

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/model"
)

func TestSplitIsTheBestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(25).Draw(t, "problem")
		p.params.MaxDepth = 1
		grown := p.grow(t, nil)
		want := p.bestGain()
		if grown.Len() == 1 {
			if want > 1e-4 {
				t.Fatalf("no split, but one gains %v", want)
			}
			return
		}
		col := p.frame.Cols[grown.Feature[0]]
		got, ok := p.gainOf(func(r int) bool { return grown.next(0, col[r]) == grown.Left[0] })
		if !ok || math.Abs(got-want) > 1e-4*max(want, 1) {
			t.Fatalf("the split gains %v (allowed %v), the best %v", got, ok, want)
		}
		if math.Abs(float64(grown.Gain[0])-got) > 1e-4*max(got, 1) {
			t.Fatalf("the split gains %v, the tree says %v", got, grown.Gain[0])
		}
	})
}

// Raw thresholds send every row where its bin sent it: a leaf's answer and
// cover are those of the rows that reach it, and its limits hold.
func TestLeavesAnswerForTheRowsThatReachThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(600).Draw(t, "problem")
		grown := p.grow(t, func(g *Grower) { g.keepRows = 20 })
		g, h, n := make([]float64, grown.Len()), make([]float64, grown.Len()), make([]int, grown.Len())
		for _, s := range p.samples {
			node := int32(0)
			for {
				g[node] += s.Gradient
				h[node] += s.Weight
				if s.Weight > 0 {
					n[node]++
				}
				if grown.Feature[node] == Leaf {
					break
				}
				node = grown.next(node, p.frame.Cols[grown.Feature[node]][s.Row])
			}
		}
		for i := range grown.Feature {
			if float64(grown.Cover[i]) != h[i] {
				t.Fatalf("node %d: cover %v, but rows of weight %v reach it", i, grown.Cover[i], h[i])
			}
			if grown.Feature[i] == Leaf && h[i] > 0 {
				want := float32(-g[i] / (h[i] + p.params.Lambda))
				if p.params.XGBoost && h[i] < p.params.MinChildWeight {
					want = 0 // as XGBoost does
				}
				if math.Abs(float64(grown.Value[i]-want)) > 1e-6 {
					t.Fatalf("leaf %d answers %v, its rows want %v", i, grown.Value[i], want)
				}
			}
			if i > 0 && (n[i] < max(p.params.MinSamplesLeaf, 1) || h[i] < p.params.MinChildWeight) {
				t.Fatalf("node %d has %d rows of weight %v", i, n[i], h[i])
			}
			if grown.Feature[i] != Leaf && n[i] < p.params.MinSamplesSplit {
				t.Fatalf("node %d of %d rows is split", i, n[i])
			}
		}
		if limit := p.params.MaxDepth; limit > 0 && grown.Depth() > limit {
			t.Fatalf("depth %d", grown.Depth())
		}
	})
}

// Histograms by subtraction, from all rows, on one goroutine or eight, rows in
// another order: the sums are exact, so the tree is the same.
func TestTreeDoesNotDependOnTheWayOfCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(500).Draw(t, "problem")
		for i := range p.samples { // any numbers will do
			p.samples[i].Gradient *= 1 / 3.0
		}
		want := p.grow(t, func(g *Grower) { g.keepRows = math.MaxInt })
		p.samples = rapid.Permutation(p.samples).Draw(t, "order")
		for _, jobs := range []int{1, 2, 8} {
			p.params.Jobs = jobs
			for _, keepRows := range []int{1, 30} {
				got := p.grow(t, func(g *Grower) { g.keepRows = keepRows })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%d jobs, histograms from %d rows on:\n%s", jobs, keepRows, diff)
				}
			}
		}
	})
}

func TestWeightIsARowTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(60).Draw(t, "problem")
		p.params.MinSamplesLeaf, p.params.MinSamplesSplit = 1, 2
		weighted := p.grow(t, nil)
		var repeated []Sample
		for _, s := range p.samples {
			for range int(s.Weight) {
				repeated = append(repeated, Sample{Row: s.Row, Gradient: s.Gradient / s.Weight, Weight: 1})
			}
		}
		p.samples = repeated
		other := p.grow(t, nil)
		if !slices.Equal(weighted.Cover, other.Cover) || !slices.Equal(weighted.Feature, other.Feature) {
			t.Fatalf("weighted %+v\nrepeated %+v", weighted, other)
		}
		for i := range weighted.Value {
			if math.Abs(float64(weighted.Value[i]-other.Value[i])) > 1e-5 {
				t.Fatalf("node %d answers %v, with rows repeated %v", i, weighted.Value[i], other.Value[i])
			}
		}
	})
}

// Rows without a value behave like those with a high one, then like those with
// a low one.
func TestMissingValuesGoWhereTheyBelong(t *testing.T) {
	nan := float32(math.NaN())
	for _, xgboost := range []bool{false, true} {
		for _, c := range []struct {
			gradients []float64
			want      float32 // the answer for a missing value
		}{
			{[]float64{-1, -1, -5, -5, -5}, 5},
			{[]float64{-1, -1, -5, -5, -1}, 1},
			{[]float64{-1, -1, -1, -1, -5}, 5}, // alone on its side
		} {
			p := problem{frame: model.NewFrame([]string{"x"}, nil, 5), params: Params{MaxDepth: 1, XGBoost: xgboost}}
			p.frame.Cols[0] = []float32{1, 2, 3, 4, nan}
			for r, g := range c.gradients {
				p.samples = append(p.samples, Sample{Row: int32(r), Gradient: g, Weight: 1})
			}
			grown := p.grow(t, nil)
			for r, g := range c.gradients {
				if got := grown.PredictAt(p.frame.Cols, r); got != float32(-g) {
					t.Errorf("gradients %v: row %d answers %v", c.gradients, r, got)
				}
			}
			if got := grown.Predict([]float32{nan}); got != c.want {
				t.Errorf("gradients %v: a missing value answers %v, want %v", c.gradients, got, c.want)
			}
		}
	}
}

// Where nothing was missing, CART sends missing values with the majority and
// XGBoost to the right.
func TestMissingValuesThatWereNeverSeen(t *testing.T) {
	p := problem{frame: model.NewFrame([]string{"x"}, nil, 5)}
	p.frame.Cols[0] = []float32{1, 1, 1, 1, 2}
	for r, g := range []float64{-3, -3, -3, -3, -7} {
		p.samples = append(p.samples, Sample{Row: int32(r), Gradient: g, Weight: 1})
	}
	for xgboost, want := range map[bool]float32{false: 3, true: 7} {
		p.params.XGBoost = xgboost
		if got := p.grow(t, nil).Predict([]float32{float32(math.NaN())}); got != want {
			t.Errorf("XGBoost %v: answers %v, want %v", xgboost, got, want)
		}
	}
}

// The middle between two values belongs to the lower one for CART, and to the
// upper one for XGBoost, which cuts at values.
func TestThresholds(t *testing.T) {
	a := float32(1)
	b := math.Nextafter32(a, 2)
	for _, c := range []struct {
		values  []float32
		xgboost bool
		x       float32
		want    float32
	}{
		{[]float32{1, 2}, false, 1.5, 3},
		{[]float32{1, 2}, false, math.Nextafter32(1.5, 2), 7},
		{[]float32{1, 2}, true, math.Nextafter32(2, 1), 3},
		{[]float32{1, 2}, true, 2, 7},
		{[]float32{a, b}, false, a, 3},
		{[]float32{a, b}, false, b, 7},
		{[]float32{-3e38, 3e38}, false, 0, 3},
	} {
		p := problem{frame: model.NewFrame([]string{"x"}, nil, 2), params: Params{XGBoost: c.xgboost}}
		copy(p.frame.Cols[0], c.values)
		p.samples = []Sample{{0, -3, 1}, {1, -7, 1}}
		if got := p.grow(t, nil).Predict([]float32{c.x}); got != c.want {
			t.Errorf("values %v, XGBoost %v: %v answers %v, want %v", c.values, c.xgboost, c.x, got, c.want)
		}
	}
}

func TestGammaAndLearningRate(t *testing.T) {
	p := problem{frame: model.NewFrame([]string{"x"}, nil, 2), params: Params{XGBoost: true, LearningRate: 0.5}}
	p.frame.Cols[0][1] = 1
	p.samples = []Sample{{0, -2, 1}, {1, 2, 1}} // a gain of 8
	if got := p.grow(t, nil).Predict([]float32{0}); got != 1 {
		t.Errorf("answers %v, want half of 2", got)
	}
	for gamma, want := range map[float64]int{8: 3, 8.1: 1} {
		p.params.Gamma = gamma
		if got := p.grow(t, nil).Len(); got != want {
			t.Errorf("gamma %v: %d nodes, want %d", gamma, got, want)
		}
	}
}

// Looking at one feature a node, the tree uses all of them sooner or later, and
// is not stopped by those that are constant.
func TestMaxFeatures(t *testing.T) {
	const rows = 200
	p := noise(rows, 4)
	clear(p.frame.Cols[3])
	all := p.grow(t, nil)
	p.params.MaxFeatures = 1
	grown := p.grow(t, nil)
	if grown.Len() != 2*rows-1 {
		t.Errorf("%d nodes, want a leaf a row", grown.Len())
	}
	used := make([]int, 4)
	for _, f := range grown.Feature {
		if f != Leaf {
			used[f]++
		}
	}
	if min(used[0], used[1], used[2]) < rows/6 || used[3] != 0 {
		t.Errorf("features are used %v times", used)
	}
	if cmp.Equal(all, grown) {
		t.Error("the tree on all features is the same")
	}
}

// One grower after the other column sets: its buffers follow.
func TestSetFeatures(t *testing.T) {
	p := noise(1000, 4)
	p.frame.Cols[3] = p.frame.Cols[1]
	bins, err := p.frame.Bins()
	if err != nil {
		t.Fatal(err)
	}
	g := NewGrower(bins, p.params)
	for _, features := range [][]int32{{2}, {1, 3}, {0, 2, 3}, nil, {3}} {
		g.SetFeatures(features)
		grown, err := g.Grow(t.Context(), p.samples, nil)
		if err != nil {
			t.Fatal(err)
		}
		used := map[int32]bool{}
		for _, f := range grown.Feature[:100] {
			used[f] = f != Leaf
		}
		for f := range int32(4) {
			want := features == nil || slices.Contains(features, f)
			if f == 3 && used[1] {
				want = false // of equal columns the first
			}
			if used[f] != want {
				t.Errorf("grown on columns %v: column %d split: %v", features, f, used[f])
			}
		}
	}
}

func TestGrowStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := noise(1000, 3)
	bins, err := p.frame.Bins()
	if err != nil {
		t.Fatal(err)
	}
	for _, jobs := range []int{1, 4} {
		p.params.Jobs = jobs
		if _, err := NewGrower(bins, p.params).Grow(ctx, p.samples, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%d jobs: error %v, want %v", jobs, err, context.Canceled)
		}
	}
}
