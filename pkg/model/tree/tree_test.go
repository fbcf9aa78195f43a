package tree

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// More rows than a block holds, each of which must get every tree's answer.
func TestEachGoesThroughRowsAndTrees(t *testing.T) {
	e := Ensemble{Width: 2, Trees: []*Tree{stump(0, 100, 1, 2, false), stump(1, 0, 10, 20, true)}}
	x := model.NewFrame([]string{"a", "b"}, nil, 3*blockRows+5)
	want := make([]float32, x.Len())
	for r := range want {
		x.SetRow(r, []float32{float32(r), float32(r%3) - 1})
		want[r] = e.Trees[0].PredictAt(x.Cols, r)*100 + e.Trees[1].PredictAt(x.Cols, r)
	}
	got := make([]float32, x.Len())
	if err := e.Each(x, len(got), func(row int, v float32) { got[row] = got[row]*100 + v }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEachRefusesWrongSizes(t *testing.T) {
	e := Ensemble{Width: 2}
	never := func(int, float32) { t.Error("a row was answered") }
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
