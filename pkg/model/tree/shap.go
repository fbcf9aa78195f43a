package tree

import (
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Explainer computes the contributions of features to the answers of an ensemble:
// exact Shapley values under the distribution of rows that the trees themselves
// hold, path-dependent TreeSHAP (Lundberg, Erion and Lee, Consistent Individualized
// Feature Attribution for Tree Ensembles, 2018, algorithm 2). It keeps a buffer
// and serves one goroutine at a time.
type Explainer struct {
	ensemble *Ensemble
	means    [][]float64 // of each tree and node, the mean answer below it
	inverse  []float64   // 1/i at i, for as many elements as a way has
	path     []element   // the way's elements, each level's copy behind the one above
}

// element is a feature on the way from the root, under the names of the paper.
type element struct {
	feature int32
	zero    float64 // share of the ways that get through where the feature is unknown
	one     float64 // 1 where the row's value leads this way, else 0
	weight  float64 // of the subsets of as many features as its place says
}

// NewExplainer returns an Explainer of the ensemble.
func NewExplainer(e *Ensemble) *Explainer {
	x := &Explainer{ensemble: e, means: make([][]float64, len(e.Trees))}
	deepest := 0
	for i, t := range e.Trees {
		x.means[i] = t.means()
		deepest = max(deepest, t.Depth())
	}
	if size := pathSize(deepest, e.Width); size <= maxPath {
		x.path = make([]element, size)
		x.inverse = make([]float64, min(deepest, e.Width)+2)
		for i := range x.inverse {
			x.inverse[i] = 1 / float64(i)
		}
	}
	return x
}

// maxPath is the most elements that an Explainer keeps, 128 MiB of them: those of
// 2900 splits one below another, or of 140,000 on 30 features.
const maxPath = 1 << 22

// pathSize returns how many elements the ways through so many levels take: at each
// level stands a copy of the way so far, which has one for the root and one for each
// feature, behind all but the last element of the copy above.
func pathSize(levels, width int) int {
	most := min(levels, width)
	return most*(most+1)/2 + (levels-most)*most + most + 1
}

// means returns, for every node, the mean of the answers below it, weighted by
// cover: what the tree says where nothing more is known.
func (t *Tree) means() []float64 {
	mean := make([]float64, t.Len())
	for i := t.Len() - 1; i >= 0; i-- { // children come after their parent
		if t.Feature[i] < 0 {
			mean[i] = float64(t.Value[i])
			continue
		}
		left := t.Left[i]
		share := t.share(left)
		mean[i] = float64(share*mean[left]) + float64((1-share)*mean[left+1])
	}
	return mean
}

// share returns the part of the node's rows that went to the left child.
func (t *Tree) share(left int32) float64 {
	l, r := float64(t.Cover[left]), float64(t.Cover[left+1])
	if l+r <= 0 {
		return 0.5
	}
	return l / (l + r)
}

// Add adds factor times the contributions of the features x to dst, one a feature,
// and behind them the mean answer: their sum is factor times the sum of the trees'
// answers.
func (e *Explainer) Add(dst []float64, x []float32, factor float64) error {
	width := e.ensemble.Width
	if len(x) != width || len(dst) != width+1 {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d, with room for %d contributions", width, len(x), len(dst)).
			WithHint("give the columns that the model was trained on, in the same order, and room for one number more")
	}
	if e.path == nil {
		return fault.New(fault.Invalid, "the trees are too deep to explain").
			WithHint("limit them by max_depth, or by min_samples_leaf or min_child_weight")
	}
	for i, t := range e.ensemble.Trees {
		dst[width] += float64(factor * e.means[i][0])
		w := walk{tree: t, x: x, dst: dst, factor: factor, inverse: e.inverse}
		w.descend(0, e.path, 0, 1, 1, Leaf)
	}
	return nil
}

// Contributions writes those of each row of X to dst, the Width+1 numbers of a row
// side by side: factor times the trees' answers, and base on top of their mean.
func (e *Ensemble) Contributions(dst []float64, X *model.Frame, base, factor float64) error {
	if X.Width() != e.Width || len(dst) != X.Len()*(e.Width+1) {
		return fault.New(fault.Invalid, "model was trained on %d features, but got %d; there is room for %d contributions of %d rows",
			e.Width, X.Width(), len(dst), X.Len()).
			WithHint("give the columns that the model was trained on, in the same order, and room for one number more a row")
	}
	clear(dst)
	explainer, row := NewExplainer(e), make([]float32, e.Width)
	for r := range X.Len() {
		X.Row(row, r)
		of := dst[r*(e.Width+1) : (r+1)*(e.Width+1)]
		of[e.Width] = base
		if err := explainer.Add(of, row, factor); err != nil {
			return err
		}
	}
	return nil
}

// walk is the way through one tree for one row.
type walk struct {
	tree   *Tree
	x      []float32
	dst    []float64
	factor float64

	inverse []float64 // of i, at i
}

// descend goes on at a node, whose parent's path is the first length elements of
// path, and which was reached over a feature with the shares zero and one. Where
// neither the row nor any other gets to, there is nothing to share out.
func (w *walk) descend(node int32, path []element, length int, zero, one float64, feature int32) {
	if zero == 0 && one == 0 {
		return
	}
	own := path[length : 2*length+1] // this node's copy, behind the parent's
	copy(own, path[:length])
	w.extend(own, zero, one, feature)
	t := w.tree
	if t.Feature[node] < 0 {
		w.settle(own, float64(t.Value[node]))
		return
	}
	split := t.Feature[node]
	left := t.Left[node]
	hot := t.next(node, w.x[split])
	cold := left + left + 1 - hot
	hotShare := t.share(left)
	if hot != left {
		hotShare = 1 - hotShare
	}
	incomingZero, incomingOne := 1.0, 1.0
	n := len(own)
	for i := 1; i < n; i++ {
		if own[i].feature == split { // met before: its element is taken back
			incomingZero, incomingOne = own[i].zero, own[i].one
			w.unwind(own, i)
			n--
			break
		}
	}
	w.descend(hot, path[length:], n, hotShare*incomingZero, incomingOne, split)
	w.descend(cold, path[length:], n, (1-hotShare)*incomingZero, 0, split)
}

// settle adds a leaf's answer to the features on the way to it. What unwinding a
// feature of one = 0 leaves is, times zero, the same for all of them (Yang, Fast
// TreeSHAP, 2021): it is summed once.
func (w *walk) settle(path []element, answer float64) {
	last := len(path) - 1
	away := 0.0
	for i := range last {
		away -= float64(path[i].weight * (float64(last+1) * w.inverse[last-i]))
	}
	for i := 1; i <= last; i++ {
		e := &path[i]
		brought := away
		if e.one != 0 {
			brought = w.unwoundSum(path, e.zero) * (e.one - e.zero)
		}
		w.dst[e.feature] += float64(w.factor * (brought * answer))
	}
}

// extend writes the last element of the path and weighs the subsets anew.
func (w *walk) extend(path []element, zero, one float64, feature int32) {
	last := len(path) - 1
	path[last] = element{feature: feature, zero: zero, one: one}
	if last == 0 {
		path[0].weight = 1
	}
	size := w.inverse[last+1]
	for i := last - 1; i >= 0; i-- {
		was := path[i].weight * size
		if one != 0 {
			path[i+1].weight += float64(was * float64(i+1))
		}
		path[i].weight = zero * (was * float64(last-i))
	}
}

// unwind undoes the extension by element at; the path's last place is then free.
func (w *walk) unwind(path []element, at int) {
	last := len(path) - 1
	one, zero := path[at].one, path[at].zero
	size := float64(last + 1)
	next := path[last].weight
	for i := last - 1; i >= 0; i-- {
		if one != 0 {
			was := path[i].weight
			path[i].weight = next * (size * w.inverse[i+1])
			next = was - float64(path[i].weight*zero*(float64(last-i)*w.inverse[last+1]))
		} else {
			path[i].weight = path[i].weight * (size * w.inverse[last-i]) / zero
		}
	}
	for i := at; i < last; i++ {
		path[i].feature, path[i].zero, path[i].one = path[i+1].feature, path[i+1].zero, path[i+1].one
	}
}

// unwoundSum returns the sum of the weights that unwind of an element of the share
// zero, and of one = 1, would leave.
func (w *walk) unwoundSum(path []element, zero float64) float64 {
	last := len(path) - 1
	size := float64(last + 1)
	step := zero * w.inverse[last+1]
	next, sum := path[last].weight, 0.0
	for i := last - 1; i >= 0; i-- {
		weight := next * (size * w.inverse[i+1])
		sum += weight
		next = path[i].weight - float64(weight*(step*float64(last-i)))
	}
	return sum
}
