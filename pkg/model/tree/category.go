package tree

import (
	"cmp"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// MaxCategory is the largest code of a category that trees are split by.
const MaxCategory = 1<<16 - 1

// Categorical returns which columns of f are of that kind, for Params, nil if
// none is. Values of theirs that are no whole number from 0 to MaxCategory are a
// fault of kind Invalid. Of more than model.MaxBins categories, neighbours share
// a bin and stay together.
func Categorical(f *model.Frame) ([]bool, error) {
	var columns []bool
	for c, col := range f.Cols {
		if f.Kind(c) != model.Categorical {
			continue
		}
		for r, v := range col {
			if v == v && !(v >= 0 && v <= MaxCategory && v == float32(int32(v))) {
				return nil, fault.New(fault.Invalid, "categorical feature #%d, row %d: %v is not the code of a category", c, r, v).
					WithHint("give whole numbers from 0 to %d, or NaN for a missing value", MaxCategory)
			}
		}
		if columns == nil {
			columns = make([]bool, len(f.Cols))
		}
		columns[c] = true
	}
	return columns, nil
}

// scanSets returns the best split of a categorical feature. Of few categories
// each is tried against the rest; of more, they are put in the order of the leaf
// that each would make, in which the best of all sets is a run from one end
// (Fisher, On Grouping for Maximum Homogeneity, 1958). XGBoost counts categories
// that the node lacks, CART does not.
func (s *scorer) scanSets(w *workspace, feature int32, h *histogram, occupied []uint8) split {
	bins := occupied
	if s.XGBoost {
		bins = w.all(len(s.bins.Lo[feature]))
	}
	if len(bins) < s.MaxCatToOnehot {
		return s.scanOneHot(feature, h, bins)
	}
	return s.scanPartition(feature, h, bins)
}

// scanOneHot tries every category alone on the right, missing values with the
// rest, then with it.
func (s *scorer) scanOneHot(feature int32, h *histogram, bins []uint8) split {
	var best split
	for _, code := range bins {
		for _, missing := range []sums{{}, h[model.MissingBin]} {
			left := s.total.minus(h[code]).minus(missing)
			if gain := s.gain(left); gain > best.gain {
				best = split{gain: gain, feature: feature, defaultLeft: missing.hn == 0, left: left, right: new([4]uint64)}
				best.right[code>>6] = 1 << (code & 63)
			}
		}
	}
	return best
}

// scanPartition tries the categories of the lowest answers on the right with
// missing values on the left, counting from the front, then the highest on the
// left with missing values on the right, counting from the back.
func (s *scorer) scanPartition(feature int32, h *histogram, bins []uint8) split {
	order := slices.Clone(bins)
	var answers [model.MaxBins]float32
	for _, code := range bins {
		answers[code] = float32(s.leaf(s.gradient(h[code]), s.weight(h[code])))
	}
	slices.SortStableFunc(order, func(a, b uint8) int { return cmp.Compare(answers[a], answers[b]) })
	steps := min(s.MaxCatThreshold, len(order)) - 1
	var best split
	size := 0 // of the right side
	left := s.total
	for i, code := range order[:max(steps, 0)] {
		left = left.minus(h[code])
		if gain := s.gain(left); gain > best.gain {
			best, size = split{gain: gain, feature: feature, defaultLeft: true, left: left}, i+1
		}
	}
	left = sums{}
	for i := len(order) - 1; i >= len(order)-steps; i-- {
		left = left.plus(h[order[i]])
		if gain := s.gain(left); gain > best.gain {
			best, size = split{gain: gain, feature: feature, left: left}, i
		}
	}
	if size > 0 {
		best.right = binSet(order[:size])
	}
	return best
}

// binSet returns the set of the bins, a bit each.
func binSet(bins []uint8) *[4]uint64 {
	set := new([4]uint64)
	for _, code := range bins {
		set[code>>6] |= 1 << (code & 63)
	}
	return set
}

// setCategories has a node split by the categories that set holds.
func (t *Tree) setCategories(node int32, set []uint64) {
	if t.Categories == nil {
		t.Categories = make([][]uint64, t.Len())
	}
	t.Categories[node] = set
}

// categories returns the set of the categories whose bins go right.
func categories(b *model.Bins, s *split) []uint64 {
	lo, hi := b.Lo[s.feature], b.Hi[s.feature]
	var set []uint64
	for code := range lo {
		if s.right[code>>6]>>(code&63)&1 == 0 {
			continue
		}
		for c := int(lo[code]); c <= int(hi[code]); c++ {
			for len(set) <= c>>6 {
				set = append(set, 0)
			}
			set[c>>6] |= 1 << (c & 63)
		}
	}
	return set
}

// set returns the categories that go right at a node, nil if it has a threshold.
func (t *Tree) set(node int32) []uint64 {
	if t.Categories == nil {
		return nil
	}
	return t.Categories[node]
}

// side returns 1 if v is to go right at a categorical split, else 0. Like
// XGBoost it cuts a fraction off.
func (t *Tree) side(node int32, v float32) int32 {
	set := t.set(node)
	switch {
	case v != v:
		if t.DefaultLeft[node] {
			return 0
		}
		return 1
	case !(v >= 0 && v <= MaxCategory) || int(v)>>6 >= len(set):
		return 0
	}
	return int32(set[int(v)>>6] >> (int(v) & 63) & 1)
}
