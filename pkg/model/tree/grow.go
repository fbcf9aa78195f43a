package tree

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/salesctl/salesctl/pkg/model"
)

// Params say how a tree is grown. The zero value grows CART without limits.
type Params struct {
	MaxDepth        int     // splits above a leaf at most, 0 for no limit
	MinSamplesSplit int     // rows that a node needs to be split
	MinSamplesLeaf  int     // rows on either side of a split at least
	MinChildWeight  float64 // weight on either side of a split at least
	Lambda          float64 // L2 penalty on leaf values
	Gamma           float64 // gain that a split needs, with XGBoost only
	LearningRate    float64 // factor of the leaf values, 0 for 1
	MaxFeatures     int     // features that a node looks at, 0 for all; more while those are constant
	Features        []int32 // columns to grow on, nil for all
	// XGBoost has gains rounded, ties resolved and thresholds placed as XGBoost's
	// hist method does, where CART has exact gains and thresholds in the middle.
	XGBoost bool
	Jobs    int // goroutines, at least 1; the tree does not depend on it

	minLeaf int64
}

// keepRows is the number of rows from which on a node keeps its histograms, so
// that those of its larger child follow by subtraction. Below it, looking at
// the rows is cheaper than looking at all bins.
const keepRows = 512

// Grower grows trees on the same bins. It keeps its buffers from tree to tree
// and serves one goroutine at a time.
type Grower struct {
	bins     *model.Bins
	params   Params
	features []int32

	rows, spare []entry // the rows of the level at hand, and those of the next
	scale       scale
	keepRows    int // the constant, but for tests
	keep        int // keepRows, or more where so many rows would take too much memory
	free        [][]histogram
	found       []split // one a kept node and feature
	work        []*workspace
}

// node is a node of the level at hand.
type node struct {
	id     int32
	lo, hi int // its rows
	total  sums
	open   bool        // may be split
	kept   []histogram // one a feature, nil if not kept
	seed   uint64      // of the choice of features
	best   split
}

// family is what is searched together: two siblings, or the root alone.
type family struct {
	nodes  []node
	parent []histogram // nil if not kept
	depth  int
}

// NewGrower returns a Grower of trees on bins.
func NewGrower(bins *model.Bins, p Params) *Grower {
	p.minLeaf = int64(max(p.MinSamplesLeaf, 1))
	if p.LearningRate == 0 {
		p.LearningRate = 1
	}
	g := &Grower{bins: bins, params: p, keepRows: keepRows, work: make([]*workspace, max(p.Jobs, 1))}
	for i := range g.work {
		g.work[i] = new(workspace)
	}
	g.SetFeatures(p.Features)
	return g
}

// SetFeatures changes the columns to grow on, nil for all.
func (g *Grower) SetFeatures(features []int32) {
	if features == nil {
		for c := range g.bins.Lo {
			features = append(features, int32(c))
		}
	}
	if len(features) != len(g.features) {
		g.free = nil // their length is that of features
	}
	g.features = features
}

// Grow returns the tree for the samples, each a different row of the bins.
// random serves MaxFeatures and may be nil without it.
func (g *Grower) Grow(ctx context.Context, samples []Sample, random *rand.Rand) (*Tree, error) {
	g.rows, g.scale = fixed(g.rows[:0], samples)
	g.spare = append(g.spare[:0], g.rows...)
	g.keep = max(g.keepRows, len(g.rows)/32)
	var total sums
	for i := range g.rows {
		total.add(&g.rows[i])
	}
	t := new(Tree)
	root := g.newNode(t, 0, total, 0, random)
	level := []family{{nodes: []node{root}}}
	for len(level) > 0 {
		if err := g.search(ctx, level); err != nil {
			return nil, err
		}
		level = g.divide(t, level, random)
	}
	return t, nil
}

// newNode adds a leaf to the tree and returns it as a node of depth depth,
// whose rows begin at lo.
func (g *Grower) newNode(t *Tree, lo int, total sums, depth int, random *rand.Rand) node {
	p := &g.params
	h := float64(total.h) * g.scale.h
	var value float32
	if total.h > 0 {
		value = float32(-float64(total.g)*g.scale.g/(h+p.Lambda)) * float32(p.LearningRate)
	}
	n := node{id: t.add(value, float32(h)), lo: lo, hi: lo + int(total.n), total: total}
	n.open = (p.MaxDepth <= 0 || depth < p.MaxDepth) &&
		total.n >= max(2*p.minLeaf, int64(p.MinSamplesSplit)) && h >= 2*p.MinChildWeight
	if n.open && g.choosy() {
		n.seed = random.Uint64()
	}
	return n
}

// choosy reports whether nodes look at some of the features only.
func (g *Grower) choosy() bool {
	return g.params.MaxFeatures > 0 && g.params.MaxFeatures < len(g.features)
}

// search finds the best split of every open node of the level.
func (g *Grower) search(ctx context.Context, level []family) error {
	var kept, looked []*family
	for i := range level {
		f := &level[i]
		if f.keeps(g) {
			g.reserve(f)
			kept = append(kept, f)
		} else {
			looked = append(looked, f)
		}
	}
	width := len(g.features)
	g.found = append(g.found[:0], make([]split, 2*width*len(kept))...)
	err := g.each(ctx, width*len(kept), func(w *workspace, i int) {
		g.searchKept(w, kept[i/width], i%width, g.found[2*i:2*i+2])
	})
	if err != nil {
		return err
	}
	for i := range g.found {
		f := kept[i/(2*width)]
		if k := i % 2; k < len(f.nodes) && g.found[i].better(&f.nodes[k].best) {
			f.nodes[k].best = g.found[i]
		}
	}
	return g.each(ctx, len(looked), func(w *workspace, i int) {
		for k := range looked[i].nodes {
			if n := &looked[i].nodes[k]; n.open {
				g.searchRows(w, n)
			}
		}
	})
}

// keeps reports whether the family's nodes get histograms of their own: the
// root of enough rows, and the children of a node that has them.
func (f *family) keeps(g *Grower) bool {
	if f.depth == 0 {
		return f.nodes[0].open && len(g.rows) >= g.keep && !g.choosy()
	}
	return f.parent != nil
}

// reserve gives histograms to the nodes of a family; the larger child takes
// over its parent's.
func (g *Grower) reserve(f *family) {
	f.nodes[f.smaller()].kept = g.take()
	if len(f.nodes) == 2 {
		f.nodes[1-f.smaller()].kept = f.parent
	}
}

// smaller returns the index of the node with fewer rows.
func (f *family) smaller() int {
	if len(f.nodes) == 2 && f.nodes[1].total.n < f.nodes[0].total.n {
		return 1
	}
	return 0
}

// take returns histograms, one a feature, of any content.
func (g *Grower) take() []histogram {
	if last := len(g.free) - 1; last >= 0 {
		h := g.free[last]
		g.free = g.free[:last]
		return h
	}
	return make([]histogram, len(g.features))
}

// searchKept fills the histograms of a family for one feature, the smaller
// node's from its rows and the other's by subtraction, and finds the splits.
func (g *Grower) searchKept(w *workspace, f *family, feature int, found []split) {
	column := g.features[feature]
	small := &f.nodes[f.smaller()]
	h := &small.kept[feature]
	*h = histogram{}
	codes := g.bins.Codes[column]
	rows := g.rows[small.lo:small.hi]
	for i := range rows {
		e := &rows[i]
		h[codes[e.row]].add(e)
	}
	if len(f.nodes) == 2 {
		rest := &f.parent[feature]
		for code := range rest {
			rest[code] = rest[code].minus(h[code])
		}
	}
	for k := range f.nodes {
		if n := &f.nodes[k]; n.open {
			s := g.params.scorer(n.total, g.scale)
			found[k] = s.scan(column, &n.kept[feature], w.bins(&n.kept[feature]))
		}
	}
}

// searchRows finds the best split of a node from its rows.
func (g *Grower) searchRows(w *workspace, n *node) {
	s := g.params.scorer(n.total, g.scale)
	features, tries := g.features, len(g.features)
	if g.choosy() {
		features, tries = w.shuffle(features, n.seed), g.params.MaxFeatures
	}
	rows := g.rows[n.lo:n.hi]
	varied := false // whether a feature differed among the rows
	for i, column := range features {
		if i >= tries && varied { // scikit-learn's rule
			return
		}
		occupied := w.fill(rows, g.bins, column)
		if sp := s.scan(column, &w.hist, occupied); sp.better(&n.best) {
			n.best = sp
		}
		varied = varied || len(occupied) > 1 || len(occupied) == 1 && w.hist[model.MissingBin].n > 0
		w.clear(occupied)
	}
}

// divide splits the nodes that have a split worth it and returns the level
// below, rows in place.
func (g *Grower) divide(t *Tree, level []family, random *rand.Rand) []family {
	var below []family
	for i := range level {
		f := &level[i]
		for k := range f.nodes {
			n := &f.nodes[k]
			s := g.params.scorer(n.total, g.scale)
			if n.open && s.accept(n.best.gain) {
				if child, open := g.split(t, n, &s, f.depth+1, random); open {
					below = append(below, child)
					continue
				}
			}
			g.release(n)
		}
	}
	g.rows, g.spare = g.spare, g.rows
	return below
}

// split makes n an inner node and returns its children and whether one of them
// may be split again; only then their rows are put in order.
func (g *Grower) split(t *Tree, n *node, s *scorer, depth int, random *rand.Rand) (family, bool) {
	b := &n.best
	left := g.newNode(t, n.lo, b.left, depth, random)
	right := g.newNode(t, left.hi, n.total.minus(b.left), depth, random)
	t.Feature[n.id], t.Left[n.id], t.Value[n.id] = b.feature, left.id, 0
	t.Threshold[n.id], t.DefaultLeft[n.id], t.Gain[n.id] = s.threshold(g.bins, b), b.defaultLeft, b.gain
	if !left.open && !right.open {
		return family{}, false
	}
	g.partition(n, left.hi)
	f := family{nodes: []node{left, right}, depth: depth}
	if n.kept != nil && int(n.total.n) >= g.keep {
		f.parent, n.kept = n.kept, nil
	}
	g.release(n)
	return f, true
}

// partition copies the rows of n to the spare buffer, those of the left side
// to the front, either side in its old order; middle is where the right begins.
func (g *Grower) partition(n *node, middle int) {
	codes := g.bins.Codes[n.best.feature]
	l, r := n.lo, middle
	for _, e := range g.rows[n.lo:n.hi] {
		code := codes[e.row]
		toLeft := code <= n.best.last
		if code == model.MissingBin {
			toLeft = n.best.defaultLeft
		}
		if toLeft {
			g.spare[l] = e
			l++
		} else {
			g.spare[r] = e
			r++
		}
	}
}

// release takes back the histograms of a node.
func (g *Grower) release(n *node) {
	if n.kept != nil {
		g.free = append(g.free, n.kept)
		n.kept = nil
	}
}

// each calls do for 0 to n-1 on as many goroutines as there are workspaces, and
// stops early when ctx is cancelled.
func (g *Grower) each(ctx context.Context, n int, do func(w *workspace, i int)) error {
	var next atomic.Int64
	loop := func(w *workspace) {
		for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
			do(w, i)
		}
	}
	var others sync.WaitGroup
	for k := 1; k < min(len(g.work), n); k++ {
		others.Go(func() { loop(g.work[k]) })
	}
	loop(g.work[0])
	others.Wait()
	return ctx.Err()
}
