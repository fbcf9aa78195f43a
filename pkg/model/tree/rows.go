package tree

import (
	"encoding/binary"
	"math/bits"

	"github.com/salesctl/salesctl/pkg/model"
)

// fewRows is the number of rows up to which a column is sorted rather than
// counted: a histogram costs by the bin as well.
const fewRows = 16

// limitRows is the number of rows up to which the search of a node ends with a
// split that no other can beat. Where there are more, some feature is unlikely to
// have it, and telling what it gains costs more.
const limitRows = 8

// gathered is the rows of a node that a workspace holds.
type gathered struct {
	rows   []int32
	sums   []sums                 // of each row
	group  int32                  // of the columns that are loaded, -1 for none
	codes  []uint64               // of each row in the group's columns, a byte each
	differ uint64                 // the bits in which the codes do
	two    uint64                 // the lowest bits of columns of two bins that differ, none missing
	ones   [model.GroupWidth]sums // of the rows in the second bin of such a column
	sorted [fewRows]uint16        // codes of one column, ascending, each with the place of its row
}

// gather has the workspace hold the rows of the samples, and their sums.
func (w *workspace) gather(g *Grower, samples []int32) {
	w.rows, w.sums, w.group = w.rows[:0], w.sums[:0], -1
	for _, i := range samples {
		w.rows = append(w.rows, g.row(i))
		w.sums = append(w.sums, g.points.at(i))
	}
}

// load reads the codes of a group of columns for the gathered rows. They lie far
// apart, so that all columns are read at once, and those of two bins are summed
// while at it: most of these are mostly 0, as one-hot columns are.
func (w *workspace) load(g *Grower, group int32) {
	w.group, w.codes, w.differ = group, w.codes[:0], 0
	from := g.bins.Groups[group]
	first := binary.LittleEndian.Uint64(from[model.GroupWidth*int(w.rows[0]):])
	for _, row := range w.rows {
		word := binary.LittleEndian.Uint64(from[model.GroupWidth*int(row):])
		w.codes = append(w.codes, word)
		w.differ |= word ^ first
	}
	w.two = g.two[group] & w.differ &^ (w.differ >> 1) // a missing code differs in more bits
	if w.two == 0 {
		return
	}
	w.ones = [model.GroupWidth]sums{}
	for i, word := range w.codes {
		for ones := word & w.two; ones != 0; ones &= ones - 1 {
			sum := &w.ones[bits.TrailingZeros64(ones)>>3]
			*sum = sum.plus(w.sums[i])
		}
	}
}

// look finds the best split of the gathered rows for a feature and has best hold
// it, if it is better. It reports whether the rows differ in nothing.
func (g *Grower) look(w *workspace, s *scorer, feature int32, best *split) (constant bool) {
	group, k := feature/model.GroupWidth, uint(feature%model.GroupWidth)
	few := len(w.rows) <= fewRows
	if s.ordered(feature) && (few || g.two[group] != 0) {
		if group != w.group {
			w.load(g, group)
		}
		switch {
		case uint8(w.differ>>(8*k)) == 0:
			return true
		case uint8(w.two>>(8*k)) != 0:
			s.scanTwo(feature, w.ones[k], best)
			return false
		case few && w.sort(k):
			s.scanSorted(w, feature, best)
			return false
		}
	}
	occupied := w.count(s.bins.Codes[feature], len(s.bins.Lo[feature]))
	if constant = w.constant(occupied); !constant {
		if found := s.scan(w, feature, &w.hist, occupied); found.better(best) {
			*best = found
		}
	}
	w.clear(occupied)
	return constant
}

// limited reports whether limit tells of the splits: it knows of nothing that keeps
// rows together, and of CART's score alone.
func (p *Params) limited() bool {
	return !p.XGBoost && !p.RandomSplits && p.minLeaf == 1 && p.MinChildWeight == 0 &&
		p.Lambda == 0 && p.Alpha == 0 && p.MaxDeltaStep == 0
}

// limit returns the gain that no split of the rows is above: that of the best way to
// cut them in two by whatever feature, which is a cut of the rows in the order of
// their answers (Fisher, 1958).
func (s *scorer) limit(rows []sums) float32 {
	var order [limitRows]struct {
		answer float64
		sums
	}
	for i, v := range rows {
		answer := float64(v.g) / float64(v.hn>>s.bits)
		at := i
		for ; at > 0 && order[at-1].answer > answer; at-- {
			order[at] = order[at-1]
		}
		order[at].answer, order[at].sums = answer, v
	}
	var best float32
	var left sums
	for i := range len(rows) - 1 {
		left = left.plus(order[i].sums)
		best = max(best, s.gain(left))
	}
	return best
}

// sort puts the gathered rows in the order of their codes of column k of the
// group. It reports false where one is missing.
func (w *workspace) sort(k uint) bool {
	for i, word := range w.codes {
		code := uint8(word >> (8 * k))
		if code == model.MissingBin {
			return false
		}
		key := uint16(code)<<8 | uint16(i)
		at := i
		for ; at > 0 && w.sorted[at-1] > key; at-- {
			w.sorted[at] = w.sorted[at-1]
		}
		w.sorted[at] = key
	}
	return true
}

// scanSorted is scanOrdered for rows in the order of their codes, none missing.
func (s *scorer) scanSorted(w *workspace, feature int32, best *split) {
	var left, most sums
	u, gained, cut := s.hurdle, float32(0), 0
	sorted := w.sorted[:len(w.rows)]
	for i, key := range sorted[:len(sorted)-1] {
		left = left.plus(w.sums[key&0xff])
		if key>>8 == sorted[i+1]>>8 || u.missed(left) {
			continue
		}
		if gain := s.gain(left); gain > gained {
			gained, cut, most = gain, i, left
			u.raise(gain)
		}
	}
	if gained > best.gain || gained == best.gain && gained > 0 && feature < best.feature {
		*best = split{
			gain: gained, feature: feature, left: most, defaultLeft: s.crowd(most),
			last: uint8(sorted[cut] >> 8), next: uint8(sorted[cut+1] >> 8),
		}
	}
}

// scanTwo is scanOrdered for two bins, none missing; right is the sum of the
// second.
func (s *scorer) scanTwo(feature int32, right sums, best *split) {
	left := s.total.minus(right)
	if s.hurdle.missed(left) {
		return
	}
	found := split{gain: s.gain(left), feature: feature, next: 1, left: left, defaultLeft: s.crowd(left)}
	if found.better(best) {
		*best = found
	}
}

// crowd returns where missing values go when there are none to learn from: CART
// follows the crowd, XGBoost goes right.
func (s *scorer) crowd(left sums) bool { return !s.XGBoost && 2*s.rows(left) > s.rows(s.total) }
