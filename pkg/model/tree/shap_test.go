package tree

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

// randomTree draws a tree over width features whose covers add up, with splits by
// numbers and by categories, and features that come again further down.
// empty also makes children that no row went to, which XGBoost cannot explain.
func randomTree(random *rand.Rand, width, depth int, empty bool) *Tree {
	t := new(Tree)
	t.Categories = make([][]uint64, 0)
	t.add(0, 1000)
	for node := int32(0); int(node) < t.Len(); node++ {
		if t.depthOf(node) >= depth || node > 0 && random.IntN(4) == 0 {
			t.Value[node] = float32(random.NormFloat64())
			continue
		}
		t.Feature[node] = int32(random.IntN(width))
		t.DefaultLeft[node] = random.IntN(2) == 0
		if random.IntN(3) == 0 {
			t.Categories[node] = []uint64{random.Uint64()}
		} else {
			t.Threshold[node] = float32(random.NormFloat64())
		}
		share := float32(0.1 + 0.8*random.Float64())
		if empty && random.IntN(8) == 0 {
			share = float32(random.IntN(2)) // no row of the training went one of the ways
		}
		left := t.add(0, t.Cover[node]*share)
		t.add(0, t.Cover[node]-t.Cover[left])
		t.Left[node] = left
	}
	return t
}

func (t *Tree) depthOf(node int32) int {
	depth := 0
	for parent, left := range t.Left {
		if left > 0 && (left == node || left+1 == node) {
			return t.depthOf(int32(parent)) + 1
		}
	}
	return depth
}

// conditional is the answer where only the features of the set are known:
// elsewhere a node's children answer by their covers.
func (t *Tree) conditional(node int32, x []float32, known uint) float64 {
	f := t.Feature[node]
	if f < 0 {
		return float64(t.Value[node])
	}
	if known>>f&1 == 1 {
		return t.conditional(t.next(node, x[f]), x, known)
	}
	left := t.Left[node]
	share := t.share(left)
	return share*t.conditional(left, x, known) + (1-share)*t.conditional(left+1, x, known)
}

// shapley is the definition, over all subsets of the features: Shapley (1953).
func (t *Tree) shapley(x []float32, feature int) float64 {
	width := len(x)
	sum := 0.0
	for set := uint(0); set < 1<<width; set++ {
		if set>>feature&1 == 1 {
			continue
		}
		n := bits.OnesCount(set)
		weight := math.Gamma(float64(n+1)) * math.Gamma(float64(width-n)) / math.Gamma(float64(width+1))
		sum += weight * (t.conditional(0, x, set|1<<feature) - t.conditional(0, x, set))
	}
	return sum
}

func TestContributionsAreShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		width := rapid.IntRange(1, 5).Draw(t, "width")
		e := &Ensemble{Width: width, Trees: []*Tree{randomTree(random, width, 6, true), randomTree(random, width, 3, true)}}
		x := make([]float32, width)
		for f := range x {
			if x[f] = float32(random.NormFloat64()); random.IntN(5) == 0 {
				x[f] = float32(math.NaN())
			} else if random.IntN(3) == 0 {
				x[f] = float32(random.IntN(70))
			}
		}
		got := make([]float64, width+1)
		if err := NewExplainer(e).Add(got, x, 1); err != nil {
			t.Fatal(err)
		}
		sum, answer := got[width], 0.0
		for f := range x {
			want := e.Trees[0].shapley(x, f) + e.Trees[1].shapley(x, f)
			if math.Abs(got[f]-want) > 1e-12 {
				t.Fatalf("feature %d: %v, want %v", f, got[f], want)
			}
			sum += got[f]
		}
		for _, tree := range e.Trees {
			answer += float64(tree.Predict(x))
		}
		if math.Abs(sum-answer) > 1e-12 {
			t.Fatalf("sum %v, answer %v", sum, answer)
		}
	})
}

// A deep tree over few features meets each of them again and again.
func TestContributionsOfADeepTreeAdd(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	e := &Ensemble{Width: 3, Trees: []*Tree{randomTree(random, 3, 14, true)}}
	x := []float32{0.3, float32(math.NaN()), -2}
	got := make([]float64, 4)
	if err := NewExplainer(e).Add(got, x, 1); err != nil {
		t.Fatal(err)
	}
	if sum, want := got[0]+got[1]+got[2]+got[3], float64(e.Trees[0].Predict(x)); math.Abs(sum-want) > 1e-9 {
		t.Errorf("sum %v, answer %v", sum, want)
	}
}

// chained returns a tree of so many splits, each below the one before.
func chained(splits, width int) *Tree {
	t := lone(0)
	for i := range splits {
		node := int32(max(2*i, 0)) // the right child of the last split
		t.Feature[node], t.Threshold[node], t.Left[node] = int32(i%width), float32(i), int32(t.Len())
		t.add(1, 1)
		t.add(2, float32(splits-i))
	}
	return t
}

// A way takes no more memory than it says, and a model that would take too much of
// it is refused: a file may hold a tree of any shape.
func TestExplainerOfChains(t *testing.T) {
	for _, c := range []struct{ splits, width int }{{1, 1}, {40, 1}, {40, 3}, {12, 12}, {20, 100}} {
		e := &Ensemble{Width: c.width, Trees: []*Tree{chained(c.splits, c.width)}}
		x := slices.Repeat([]float32{1e9}, c.width) // down to the end
		got := make([]float64, c.width+1)
		if err := NewExplainer(e).Add(got, x, 1); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range got {
			sum += v
		}
		if math.Abs(sum-float64(e.Trees[0].Predict(x))) > 1e-9 {
			t.Errorf("%+v: sum %v, answer %v", c, sum, e.Trees[0].Predict(x))
		}
	}
	e := &Ensemble{Width: 5000, Trees: []*Tree{chained(5000, 5000)}}
	if err := NewExplainer(e).Add(make([]float64, 5001), make([]float32, 5000), 1); !fault.Is(err, fault.Invalid) {
		t.Errorf("5000 levels of 5000 features: %v", err)
	}
}

func TestExplainerRefusesWidths(t *testing.T) {
	e := NewExplainer(&Ensemble{Width: 2})
	for _, err := range []error{e.Add(make([]float64, 3), make([]float32, 1), 1), e.Add(make([]float64, 2), make([]float32, 2), 1)} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("error %v", err)
		}
	}
}
