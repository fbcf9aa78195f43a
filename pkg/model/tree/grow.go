package tree

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/salesctl/salesctl/pkg/model"
)

// Grower grows trees on the same bins. It keeps its buffers from tree to tree
// and serves one goroutine at a time.
type Grower struct {
	bins     *model.Bins
	params   Params
	features []int32
	groups   [][]int32 // the features of each group of columns that has some
	two      []uint64  // of each group of columns: the lowest bits of those of two bins

	samples []Sample
	points  points
	rowOf   []int32   // row of each sample; nil if sample i is row i
	order   []int32   // samples, those of a node of the level at hand side by side
	spare   []int32   // the same for the next level
	leaves  []int32   // leaf of each sample
	answers []float32 // of each node of the tree, were it a leaf

	level, below []family
	kept         []*family // of the level
	looked       []*node   // of the level
	divisions    []division

	columns    []int32 // that the nodes of the next level choose from
	live       bitsets
	keepRows   int // the constants, but for tests
	coarseFrom int
	keep       int // keepRows, or more where so many rows would take too much memory
	free       []counted
	rows       []int32    // of the samples of the nodes that are counted
	values     [2][]int64 // of the same, for either plane
	found      []search
	work       []*workspace
}

// node is a node of the level at hand.
type node struct {
	id     int32
	lo, hi int // its samples in Grower.order
	total  sums
	open   bool    // may be split
	kept   counted // nil if not kept
	seed   uint64  // of its random choices
	drawn  []int32 // features that it may look at, ascending; nil for all
	live   bitset  // features that are not known to be constant
	best   split
}

// family is what is searched together: two siblings, or the root alone.
type family struct {
	pair   [2]node
	alone  bool
	parent counted // nil if not kept
	depth  int
}

// nodes returns the nodes of the family.
func (f *family) nodes() []node {
	if f.alone {
		return f.pair[:1]
	}
	return f.pair[:]
}

// NewGrower returns a Grower of trees on bins.
func NewGrower(bins *model.Bins, p Params) *Grower {
	g := &Grower{
		bins: bins, params: p.withDefaults(), keepRows: keepRows, coarseFrom: coarseFrom,
		work: make([]*workspace, max(p.Jobs, 1)), live: bitsets{words: (len(bins.Lo) + 63) / 64},
		two: make([]uint64, len(bins.Groups)),
	}
	for c, lo := range bins.Lo {
		if len(lo) == 2 {
			g.two[c/model.GroupWidth] |= 1 << (8 * (c % model.GroupWidth))
		}
	}
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
	g.features = features
	groups := make([][]int32, len(g.bins.Groups))
	for _, c := range features {
		groups[c/model.GroupWidth] = append(groups[c/model.GroupWidth], c)
	}
	g.groups = slices.DeleteFunc(groups, func(columns []int32) bool { return columns == nil })
}

// Grow returns the tree for the samples, each a different row of the bins.
// random serves MaxFeatures, RandomSplits and the shares of features, and may be
// nil without them.
func (g *Grower) Grow(ctx context.Context, samples []Sample, random *rand.Rand) (*Tree, error) {
	total := g.begin(samples)
	g.params.minGain = g.params.MinImpurityDecrease * g.points.weight(total)
	t := new(Tree)
	g.columns = g.drawLevel(random)
	root := g.newNode(t, 0, len(g.order), total, 0, random)
	root.live = g.live.all()
	g.level = append(g.level[:0], family{pair: [2]node{root}, alone: true})
	for len(g.level) > 0 {
		if err := g.search(ctx, g.level); err != nil {
			return nil, err
		}
		if err := g.divide(ctx, t, random); err != nil {
			return nil, err
		}
	}
	if g.points.coarse {
		g.sharpen(t)
	}
	return t, nil
}

// begin puts the samples in place and returns the sums of all.
func (g *Grower) begin(samples []Sample) sums {
	n := len(samples)
	g.samples = samples
	g.points.set(samples, g.coarseFrom)
	g.leaves = slices.Grow(g.leaves[:0], n)[:n]
	g.rowOf, g.order = g.rowOf[:0], g.order[:0]
	inPlace := true
	var total sums
	for i := range samples {
		row := samples[i].Row
		g.rowOf = append(g.rowOf, row)
		inPlace = inPlace && int(row) == i
		g.leaves[i] = Leaf
		if v := g.points.at(int32(i)); v.hn > 0 {
			g.order = append(g.order, int32(i))
			total = total.plus(v)
		}
	}
	if inPlace {
		g.rowOf = g.rowOf[:0]
	}
	g.spare = slices.Grow(g.spare[:0], n)[:len(g.order)]
	g.live.free, g.answers = 0, g.answers[:0]
	g.params.minGain = g.params.MinImpurityDecrease * g.points.weight(total)
	g.keep = max(g.keepRows, int(int64(n)*g.keptBytes()/keptBytes))
	return total
}

// row returns the row of a sample.
func (g *Grower) row(sample int32) int32 {
	if len(g.rowOf) == 0 {
		return sample
	}
	return g.rowOf[sample]
}

// newNode adds a leaf to the tree and returns it as a node of depth depth, of the
// samples from lo to hi in the order of its level.
func (g *Grower) newNode(t *Tree, lo, hi int, total sums, depth int, random *rand.Rand) node {
	p, sc := &g.params, &g.points.scale
	h := sc.weight(total)
	value := float32(p.leaf(sc.gradient(total), h)) * float32(p.LearningRate)
	g.answers = append(g.answers, value)
	n := node{id: t.add(value, float32(h)), lo: lo, hi: hi, total: total}
	n.open = (p.MaxDepth <= 0 || depth < p.MaxDepth) &&
		int64(hi-lo) >= max(2*p.minLeaf, int64(p.MinSamplesSplit)) && h >= 2*p.MinChildWeight
	if n.open {
		n.drawn = g.drawNode(random)
	}
	if n.open && (g.choosy() || p.RandomSplits) {
		n.seed = random.Uint64()
	}
	return n
}

// choosy reports whether nodes look at some of the features only.
func (g *Grower) choosy() bool {
	return g.params.MaxFeatures > 0 && g.params.MaxFeatures < len(g.features)
}

// division is the samples of a node on their way to its children, or at their
// leaf.
type division struct {
	node   *node
	middle int   // where the samples of the right child begin
	left   int32 // child, the right one is next to it; 0 if the node is a leaf
	final  bool  // both children are leaves
}

// divide splits the nodes that have a split worth it and turns to the level
// below, samples in place.
func (g *Grower) divide(ctx context.Context, t *Tree, random *rand.Rand) error {
	g.below, g.divisions = g.below[:0], g.divisions[:0]
	g.columns = g.drawLevel(random)
	for i := range g.level {
		f := &g.level[i]
		for k := range f.nodes() {
			n := &f.pair[k]
			d := division{node: n}
			if n.open {
				if s := g.scorer(n); s.accept(n.best.gain) {
					d = g.split(t, n, &s, f.depth+1, random)
				}
			}
			g.divisions = append(g.divisions, d)
			g.release(n)
		}
	}
	err := g.each(ctx, len(g.divisions), func(_ *workspace, i int) { g.move(&g.divisions[i]) })
	g.order, g.spare = g.spare, g.order
	g.level, g.below = g.below, g.level
	return err
}

// split makes n an inner node and adds its children to the level below, unless
// both are leaves.
func (g *Grower) split(t *Tree, n *node, s *scorer, depth int, random *rand.Rand) division {
	b := &n.best
	middle := n.lo + int(g.points.rows(b.left))
	left := g.newNode(t, n.lo, middle, b.left, depth, random)
	right := g.newNode(t, middle, n.hi, n.total.minus(b.left), depth, random)
	t.Feature[n.id], t.Left[n.id], t.Value[n.id] = b.feature, left.id, 0
	t.Threshold[n.id], t.DefaultLeft[n.id], t.Gain[n.id] = s.threshold(g.bins, b), b.defaultLeft, b.gain
	if b.categorical() {
		t.setCategories(n.id, categories(g.bins, b))
	}
	d := division{node: n, middle: middle, left: left.id, final: !left.open && !right.open}
	if d.final {
		return d
	}
	left.live, right.live = n.live, n.live
	g.below = append(g.below, family{pair: [2]node{left, right}, depth: depth})
	if n.kept != nil && n.hi-n.lo >= g.keep {
		g.below[len(g.below)-1].parent, n.kept = n.kept, nil
	}
	return d
}

// move brings the samples of a node to the side that they go to, or to their
// leaf.
func (g *Grower) move(d *division) {
	n := d.node
	if d.left == 0 {
		g.settle(g.order[n.lo:n.hi], n.id)
		return
	}
	g.partition(n, d.middle)
	if d.final {
		g.settle(g.spare[n.lo:d.middle], d.left)
		g.settle(g.spare[d.middle:n.hi], d.left+1)
	}
}

// partition copies the samples of n to the spare buffer, those of the left side
// to the front, either side in its old order; middle is where the right begins.
func (g *Grower) partition(n *node, middle int) {
	column := g.bins.Codes[n.best.feature]
	l, r := n.lo, middle
	if n.hi-n.lo < codes/4 { // not worth a table
		for _, i := range g.order[n.lo:n.hi] {
			if n.best.goesLeft(column[g.row(i)]) {
				g.spare[l] = i
				l++
			} else {
				g.spare[r] = i
				r++
			}
		}
		return
	}
	var goesLeft [codes]uint8
	n.best.sides(&goesLeft)
	for _, i := range g.order[n.lo:n.hi] {
		// Without a branch: which way a row goes is anyone's guess.
		left := int(goesLeft[column[g.row(i)]])
		g.spare[r+(l-r)&-left] = i
		l += left
		r += 1 - left
	}
}

// settle notes the leaf of the samples.
func (g *Grower) settle(samples []int32, leaf int32) {
	for _, i := range samples {
		g.leaves[i] = leaf
	}
}

// sharpen computes the answers of a tree that was grown on coarse points again,
// from the exact gradients of the samples that came through each node.
func (g *Grower) sharpen(t *Tree) {
	exact, rows := make([]int64, t.Len()), make([]int64, t.Len())
	for i, leaf := range g.leaves {
		if leaf != Leaf {
			exact[leaf] += g.points.exact(g.samples[i].Gradient)
			rows[leaf]++
		}
	}
	for i := t.Len() - 1; i >= 0; i-- {
		left := t.Left[i]
		if left > 0 {
			exact[i], rows[i] = exact[left]+exact[left+1], rows[left]+rows[left+1]
		}
		weight := g.points.weight(sums{hn: rows[i] * g.points.one})
		g.answers[i] = float32(g.params.leaf(float64(exact[i])*g.points.unit, weight)) * float32(g.params.LearningRate)
		if left == 0 {
			t.Value[i] = g.answers[i]
		}
	}
}

// Leaves returns the leaf that each sample of the last Grow came to, in the
// order of the samples; Leaf for those of weight 0. It holds until the next
// Grow.
func (g *Grower) Leaves() []int32 { return g.leaves }

// Answers returns what each node of the last tree would answer, were it a leaf. It
// holds until the next Grow.
func (g *Grower) Answers() []float32 { return g.answers }

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
