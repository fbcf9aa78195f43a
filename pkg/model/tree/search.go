package tree

import (
	"context"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
)

// keepRows is the number of rows from which on a node keeps its histograms, so
// that those of its larger child follow by subtraction. Below it, looking at
// the rows is cheaper than looking at all bins.
const keepRows = 512

// keptBytes is about how much memory the kept histograms of a level may take.
const keptBytes = 64 << 20

// wholeGroup is the number of columns of a group from which on all are counted
// together: one by one those of a word are read a second time.
const wholeGroup = 3

// keptBytes returns the size of a node's kept histograms.
func (g *Grower) keptBytes() int64 {
	return int64(g.planes()*len(g.bins.Groups)) * 8 * codes * model.GroupWidth
}

// planes returns the number of planes of a kept histogram.
func (g *Grower) planes() int {
	if g.points.coarse {
		return 1
	}
	return 2
}

// search is what became of a feature at a node.
type search struct {
	split    split
	constant bool
}

// search finds the best split of every open node of the level.
func (g *Grower) search(ctx context.Context, level []family) error {
	kept, looked := g.kept[:0], g.looked[:0]
	for i := range level {
		f := &level[i]
		if f.keeps(g) {
			g.reserve(f)
			kept = append(kept, f)
			continue
		}
		for k := range f.nodes() {
			if f.pair[k].open {
				looked = append(looked, &f.pair[k])
			}
		}
	}
	g.kept, g.looked = kept, looked
	if err := g.searchKept(ctx, kept); err != nil {
		return err
	}
	for _, n := range looked {
		n.live = g.live.copyOf(n.live)
	}
	return g.each(ctx, len(looked), func(w *workspace, i int) { g.searchRows(w, looked[i]) })
}

// keeps reports whether the family's nodes get histograms of their own: the
// root of enough rows, and the children of a node that has them.
func (f *family) keeps(g *Grower) bool {
	if f.depth == 0 {
		return f.pair[0].open && len(g.order) >= g.keep && !g.choosy()
	}
	return f.parent != nil
}

// reserve gives histograms to the nodes of a family; the larger child takes
// over its parent's.
func (g *Grower) reserve(f *family) {
	f.pair[f.smaller()].kept = g.take()
	if !f.alone {
		f.pair[1-f.smaller()].kept = f.parent
	}
}

// smaller returns the index of the node with fewer rows.
func (f *family) smaller() int {
	if !f.alone && f.pair[1].hi-f.pair[1].lo < f.pair[0].hi-f.pair[0].lo {
		return 1
	}
	return 0
}

// take returns histograms of any content.
func (g *Grower) take() counted {
	need := g.planes() * len(g.bins.Groups)
	for last := len(g.free) - 1; last >= 0; last = len(g.free) - 1 {
		c := g.free[last]
		g.free = g.free[:last]
		if len(c) == need { // else points are coarse that were not, or the other way round
			return c
		}
	}
	return make(counted, need)
}

// release takes back the histograms of a node.
func (g *Grower) release(n *node) {
	if n.kept != nil {
		g.free = append(g.free, n.kept)
		n.kept = nil
	}
}

// searchKept finds the best splits of families that keep histograms: it brings
// the samples to be counted together, then takes group after group of columns,
// of which the processor's cache holds more than of all.
func (g *Grower) searchKept(ctx context.Context, kept []*family) error {
	if len(kept) == 0 {
		return nil
	}
	g.rows = slices.Grow(g.rows[:0], len(g.rowOf))[:len(g.rowOf)]
	for p := range g.planes() {
		g.values[p] = slices.Grow(g.values[p][:0], len(g.order))[:len(g.order)]
	}
	if err := g.each(ctx, len(kept), func(_ *workspace, i int) { g.gather(&kept[i].pair[kept[i].smaller()]) }); err != nil {
		return err
	}
	const places = 2 * model.GroupWidth
	g.found = slices.Grow(g.found[:0], places*len(kept)*len(g.groups))[:places*len(kept)*len(g.groups)]
	clear(g.found)
	err := g.each(ctx, len(kept)*len(g.groups), func(w *workspace, i int) {
		g.searchGroup(w, kept[i%len(kept)], g.groups[i/len(kept)], g.found[places*i:places*(i+1)])
	})
	if err != nil {
		return err
	}
	for _, f := range kept {
		for k := range f.nodes() {
			f.pair[k].live = g.live.copyOf(f.pair[k].live)
		}
	}
	for i := range g.found {
		f, s := kept[i/places%len(kept)], &g.found[i]
		switch k := i % 2; {
		case s.constant:
			f.pair[k].live.remove(s.split.feature)
		case s.split.better(&f.pair[k].best):
			f.pair[k].best = s.split
		}
	}
	return nil
}

// gather copies the rows and values of a node's samples to where they are counted.
func (g *Grower) gather(n *node) {
	samples, values := g.order[n.lo:n.hi], g.values[0][n.lo:n.hi]
	for at, i := range samples {
		values[at] = g.points.g[i]
	}
	if len(g.rowOf) > 0 {
		rows := g.rows[n.lo:n.hi]
		for at, i := range samples {
			rows[at] = g.rowOf[i]
		}
	}
	if !g.points.coarse {
		for at, i := range samples {
			g.values[1][n.lo+at] = g.points.at(i).hn
		}
	}
}

// searchGroup fills the histograms of a family for the features of one group,
// the smaller node's from its rows and the other's by subtraction, and finds the
// splits: two places a feature, one a node.
func (g *Grower) searchGroup(w *workspace, f *family, features []int32, found []search) {
	small := &f.pair[f.smaller()]
	live := 0
	for _, c := range features {
		if small.live.has(c) {
			live++
		}
	}
	if live == 0 {
		return
	}
	g.count(f, small, features, live >= wholeGroup)
	for j, c := range features {
		for k := range f.nodes() {
			if n := &f.pair[k]; n.open && n.live.has(c) {
				found[2*j+k] = g.searchCounted(w, n, c)
			}
		}
	}
}

// count fills the histograms of a family for the features of one group, of which
// all columns are counted or the live features only.
func (g *Grower) count(f *family, small *node, features []int32, whole bool) {
	group := int(features[0]) / model.GroupWidth
	rows := g.order[small.lo:small.hi]
	if len(g.rowOf) > 0 {
		rows = g.rows[small.lo:small.hi]
	}
	for p := range g.planes() {
		at := p*len(g.bins.Groups) + group
		b, values := &small.kept[at], g.values[p][small.lo:small.hi]
		first := model.GroupWidth * group
		for k, lo := range g.bins.Lo[first:min(first+model.GroupWidth, len(g.bins.Lo))] {
			b[k].reset(len(lo))
		}
		if whole {
			b.fill(g.bins.Groups[group], rows, values)
		}
		for _, c := range features {
			k := c % model.GroupWidth
			if !small.live.has(c) {
				continue
			}
			if !whole {
				b[k].fill(g.bins.Codes[c], rows, values)
			}
			if f.parent != nil {
				f.parent[at][k].subtract(&b[k], len(g.bins.Lo[c]))
			}
		}
	}
}

// searchCounted finds the best split of a node for one feature from its kept
// histogram.
func (g *Grower) searchCounted(w *workspace, n *node, column int32) search {
	occupied := w.expand(&g.points, n.kept, column, len(g.bins.Lo[column]))
	defer w.clear(occupied)
	if w.constant(occupied) {
		return search{split{feature: column}, true}
	}
	if n.drawn != nil && !slices.Contains(n.drawn, column) {
		return search{}
	}
	s := g.scorer(n)
	return search{split: s.scan(w, column, &w.hist, occupied)}
}

// searchRows finds the best split of a node from its rows.
func (g *Grower) searchRows(w *workspace, n *node) {
	s := g.scorer(n)
	features := g.features
	if n.drawn != nil {
		features = n.drawn
	}
	tries := len(features)
	if g.choosy() {
		features, tries = w.shuffle(features, n.seed), g.params.MaxFeatures
		slices.Sort(features[:min(tries, len(features))]) // all of these are looked at: group by group
	}
	w.gather(g, g.order[n.lo:n.hi])
	limit := float32(math.Inf(1))
	if len(w.rows) <= limitRows && s.limited() && !g.choosy() {
		limit = s.limit(w.sums)
	}
	varied := false // whether a feature differed among the rows
	for i, column := range features {
		if i >= tries && varied { // scikit-learn's rule
			return
		}
		if !n.live.has(column) {
			continue
		}
		if g.look(w, &s, column, &n.best) {
			n.live.remove(column)
			continue
		}
		varied = true
		if n.best.feature == column {
			s.hurdle.raise(n.best.gain)
		}
		if n.best.gain >= limit {
			return // of equal gains that of the lowest feature counts
		}
	}
}

// bitset is a set of features.
type bitset []uint64

func (b bitset) has(f int32) bool { return b[f>>6]>>(f&63)&1 != 0 }
func (b bitset) remove(f int32)   { b[f>>6] &^= 1 << (f & 63) }

// bitsets hands out sets of so many words, all of them anew for every tree.
type bitsets struct {
	words int
	pages [][]uint64
	free  int // sets that were handed out
}

// perPage is the number of sets in a page of memory.
const perPage = 1024

// next returns a set of any content.
func (b *bitsets) next() bitset {
	page, at := b.free/perPage, b.free%perPage*b.words
	if page == len(b.pages) {
		b.pages = append(b.pages, make([]uint64, perPage*b.words))
	}
	b.free++
	return b.pages[page][at : at+b.words : at+b.words]
}

// all returns the set of all features.
func (b *bitsets) all() bitset {
	s := b.next()
	for i := range s {
		s[i] = ^uint64(0)
	}
	return s
}

// copyOf returns a set like s.
func (b *bitsets) copyOf(s bitset) bitset {
	c := b.next()
	copy(c, s)
	return c
}
