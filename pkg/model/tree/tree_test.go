package tree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// stump returns a tree that answers left below the threshold of a feature and
// right above it.
func stump(feature int32, threshold, left, right float32, defaultLeft bool) *Tree {
	return &Tree{
		Feature:     []int32{feature, Leaf, Leaf},
		Threshold:   []float32{threshold, 0, 0},
		Left:        []int32{1, 0, 0},
		DefaultLeft: []bool{defaultLeft, false, false},
		Value:       []float32{0, left, right},
		Cover:       []float32{3, 1, 2},
		Gain:        []float32{4, 0, 0},
	}
}

func TestPredict(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		x           float32
		defaultLeft bool
		want        float32
	}{
		{1.5, false, 20}, {1.25, false, 10}, {nan, false, 20}, {nan, true, 10},
		{inf, true, 20}, {-inf, false, 10}, {2, true, 20},
	} {
		s := stump(1, 1.5, 10, 20, c.defaultLeft)
		if got := s.Predict([]float32{9, c.x}); got != c.want {
			t.Errorf("%v, default left %v: answers %v, want %v", c.x, c.defaultLeft, got, c.want)
		}
		if got := s.PredictAt([][]float32{{0, 9}, {0, c.x}}, 1); got != c.want {
			t.Errorf("%v, default left %v: answers %v in columns, want %v", c.x, c.defaultLeft, got, c.want)
		}
	}
}

func TestDepth(t *testing.T) {
	var leaf Tree
	leaf.add(1, 1)
	if got := leaf.Depth(); got != 0 {
		t.Errorf("a leaf has depth %d", got)
	}
	deep := stump(0, 1, 2, 3, false)
	deep.Feature[2], deep.Left[2] = 0, 3
	deep.add(4, 1)
	deep.add(5, 1)
	if got := deep.Depth(); got != 2 {
		t.Errorf("a split below a split has depth %d", got)
	}
}

// Rows that fill blocks and rows that do not, each of which must get the answer that
// it gets alone, missing values, infinite ones and categories among them.
func TestEachEqualsSingleRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		width := rapid.IntRange(1, 12).Draw(t, "width")
		var trees []*Tree
		for range rapid.IntRange(0, 20).Draw(t, "trees") {
			grown := randomTree(random, width, rapid.IntRange(0, 12).Draw(t, "depth"), false)
			if rapid.Bool().Draw(t, "numbers only") {
				grown.Categories = nil
			}
			trees = append(trees, grown)
		}
		e := NewEnsemble(width, trees)
		x := model.NewFrame(make([]string, width), nil, rapid.SampledFrom([]int{0, 1, restRows - 1, restRows, 50, blockRows, 2*blockRows + 3}).Draw(t, "rows"))
		for _, col := range x.Cols {
			for r := range col {
				col[r] = oddValue(random)
			}
		}
		row := make([]float32, width)
		want, alone, got := make([][]float32, x.Len()), make([][]float32, x.Len()), make([][]float32, x.Len())
		for r := range want {
			for _, tree := range e.Trees {
				want[r] = append(want[r], tree.PredictAt(x.Cols, r))
			}
			for c := range row {
				row[c] = x.Cols[c][r]
			}
			e.EachTree(row, func(v float32) { alone[r] = append(alone[r], v) })
		}
		if err := e.Each(x, x.Len(), func(first int, values []float32) {
			for i, v := range values {
				got[first+i] = append(got[first+i], v)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("blocks: %s", diff)
		}
		if diff := cmp.Diff(want, alone); diff != "" {
			t.Errorf("row by row: %s", diff)
		}
	})
}

// oddValue draws a number, a category, an infinite or a missing value.
func oddValue(random *rand.Rand) float32 {
	switch random.IntN(8) {
	case 0:
		return float32(math.NaN())
	case 1:
		return float32(math.Inf(1))
	case 2:
		return float32(math.Inf(-1))
	case 3, 4:
		return float32(random.IntN(5))
	}
	return float32(random.NormFloat64())
}

func TestEachRefusesWrongSizes(t *testing.T) {
	e := Ensemble{Width: 2}
	never := func(int, []float32) { t.Error("a row was answered") }
	for _, width := range []int{0, 1, 3} {
		if err := e.Each(model.NewFrame(make([]string, width), nil, 1), 1, never); !fault.Is(err, fault.Invalid) {
			t.Errorf("width %d: error %v", width, err)
		}
	}
	if err := e.Each(model.NewFrame(make([]string, 2), nil, 3), 2, never); !fault.Is(err, fault.Invalid) {
		t.Errorf("3 rows into 2: error %v", err)
	}
}

func TestImportances(t *testing.T) {
	e := Ensemble{Width: 3, Trees: []*Tree{stump(0, 1, 2, 3, false), stump(2, 1, 2, 3, false), stump(2, 5, 2, 3, false)}}
	e.Trees[0].Gain[0] = 8
	if diff := cmp.Diff([]float64{0.5, 0, 0.5}, e.Importances()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.25, 0.25, 0.25, 0.25}, (&Ensemble{Width: 4}).Importances()); diff != "" {
		t.Errorf("without a split: %s", diff)
	}
}

func TestRandomStreamsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		for i := range 20 {
			seen[NewRand(seed, i).Uint64()] = true
		}
	}
	if len(seen) != 400 {
		t.Errorf("400 streams begin with %d different numbers", len(seen))
	}
	if NewRand(7, 3).Uint64() != NewRand(7, 3).Uint64() {
		t.Error("a stream is not repeated")
	}
}

// BenchmarkEach is the answer of a boosted model for 10,000 rows.
func BenchmarkEach(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, depth := range []int{6, 16} {
		var trees []*Tree
		for range 100 {
			t := randomTree(random, 56, depth, false)
			t.Categories = nil
			trees = append(trees, t)
		}
		e := NewEnsemble(56, trees)
		x := noise(10_000, e.Width).frame
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			sum := float32(0)
			for b.Loop() {
				if err := e.Each(x, x.Len(), func(_ int, values []float32) { sum += values[0] }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The upper levels of a tree, with the answers of their nodes, are the tree of that
// depth, grown on exact points and on coarse ones.
func TestTopIsTheTreeOfThatDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(80).Draw(t, "problem")
		if rapid.Bool().Draw(t, "weights of one") {
			for i := range p.samples {
				p.samples[i].Weight = 1
			}
		}
		coarse := rapid.SampledFrom([]int{1, coarseFrom}).Draw(t, "coarse from")
		p.params.MaxDepth = 0
		var grower *Grower
		whole := p.grow(t, func(g *Grower) { g.coarseFrom, grower = coarse, g })
		for depth := 1; depth < 6; depth++ {
			p.params.MaxDepth = depth
			want := p.grow(t, func(g *Grower) { g.coarseFrom = coarse })
			if diff := cmp.Diff(want, whole.Top(depth, grower.Answers())); diff != "" {
				t.Fatalf("depth %d: %s", depth, diff)
			}
		}
	})
}
