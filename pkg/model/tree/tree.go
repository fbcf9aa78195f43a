// Package tree grows and evaluates binary regression trees, the part that
// forests and boosting share. The way of the data:
//
//  1. model.Frame.Bins replaces every feature value by the number of its bin,
//     one byte a value.
//  2. A Grower takes the gradient and the weight of every row (Sample) in fixed
//     point, so that sums of them are exact: they do not depend on the order of
//     the rows or the number of goroutines, and a sibling's histogram is its
//     parent's minus the other's, to the last bit.
//  3. Level by level it fills a histogram a node and feature, sums of gradient,
//     weight and rows a bin, and takes the split with the largest gain. Rows
//     that lack the value go to the side where they gain more.
//  4. The result is a Tree: flat arrays in breadth-first order, with raw float32
//     thresholds that route every row it was grown on as its bins did.
//  5. An Ensemble is trees over the same features; Append writes it as bytes and
//     Read takes it back, trusting nothing it reads.
//
// Categorical columns are split by the order of their codes, unless
// Params.Categorical asks for sets of them.
package tree

// Tree is a binary regression tree as flat arrays, one entry a node. Node 0 is
// the root; the nodes of a level follow those of the level above, and the two
// children of a node stand side by side.
type Tree struct {
	Feature     []int32   // column that is compared, Leaf at a leaf
	Threshold   []float32 // below it a row goes left; 0 at a leaf
	Left        []int32   // left child, the right one is Left+1; 0 at a leaf
	DefaultLeft []bool    // where a missing value goes
	Value       []float32 // answer at a leaf; 0 elsewhere
	Cover       []float32 // sum of the weights of the rows that came through
	Gain        []float32 // what the split was worth; 0 at a leaf
	// Categories holds, where a node splits by categories, those that go right:
	// bit c%64 of word c/64 for category c. All others go left, those never seen
	// with them, as in XGBoost. It is nil at other nodes, and nil without any such
	// split.
	Categories [][]uint64
}

// Leaf is the Feature of a node without children.
const Leaf = -1

// Len returns the number of nodes.
func (t *Tree) Len() int { return len(t.Feature) }

// Predict returns the answer for the features x, NaN for missing ones.
func (t *Tree) Predict(x []float32) float32 {
	node := int32(0)
	for t.Feature[node] >= 0 {
		node = t.next(node, x[t.Feature[node]])
	}
	return t.Value[node]
}

// PredictAt is Predict for row r of columns.
func (t *Tree) PredictAt(cols [][]float32, r int) float32 {
	node := int32(0)
	for t.Feature[node] >= 0 {
		node = t.next(node, cols[t.Feature[node]][r])
	}
	return t.Value[node]
}

// next returns the child to which the value v sends a row.
func (t *Tree) next(node int32, v float32) int32 {
	left := t.Left[node]
	if t.Categories != nil && t.Categories[node] != nil {
		return left + t.side(node, v)
	}
	switch {
	case v < t.Threshold[node]:
		return left
	case v == v || !t.DefaultLeft[node]:
		return left + 1
	}
	return left
}

// Depth returns the number of splits on the longest way to a leaf.
func (t *Tree) Depth() int {
	depth := make([]int, t.Len())
	deepest := 0
	for i, left := range t.Left {
		if left > 0 {
			depth[left], depth[left+1] = depth[i]+1, depth[i]+1
			deepest = max(deepest, depth[i]+1)
		}
	}
	return deepest
}

// Top returns the tree that is grown where MaxDepth is depth, at least 1: levels are
// grown one after the other, without regard to those below. answers are those of the
// nodes of t, see Grower.Answers.
func (t *Tree) Top(depth int, answers []float32) *Tree {
	top := new(Tree)
	level := make([]int, t.Len())
	for i, left := range t.Left {
		if level[i] > depth {
			break // so are all that follow
		}
		if left > 0 {
			level[left], level[left+1] = level[i]+1, level[i]+1
		}
		node := top.add(answers[i], t.Cover[i])
		if left == 0 || level[i] == depth {
			continue
		}
		top.Feature[node], top.Threshold[node], top.Left[node], top.Value[node] = t.Feature[i], t.Threshold[i], left, 0
		top.DefaultLeft[node], top.Gain[node] = t.DefaultLeft[i], t.Gain[i]
		if set := t.set(node); set != nil {
			top.setCategories(node, set)
		}
	}
	return top
}

// add appends a leaf and returns its number.
func (t *Tree) add(value, cover float32) int32 {
	t.Feature = append(t.Feature, Leaf)
	t.Threshold = append(t.Threshold, 0)
	t.Left = append(t.Left, 0)
	t.DefaultLeft = append(t.DefaultLeft, false)
	t.Value = append(t.Value, value)
	t.Cover = append(t.Cover, cover)
	t.Gain = append(t.Gain, 0)
	if t.Categories != nil {
		t.Categories = append(t.Categories, nil)
	}
	return int32(len(t.Feature) - 1)
}
