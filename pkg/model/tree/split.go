package tree

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/salesctl/salesctl/pkg/model"
)

// histogram holds the sums of a node's rows for one feature, by bin; the last
// one is that of missing values.
type histogram [model.MissingBin + 1]sums

// split is a way to cut a node's rows in two. The zero split is none.
type split struct {
	gain        float32
	feature     int32
	last        uint8 // last bin of the left side
	next        uint8 // first bin of the right side, MissingBin if there is none
	defaultLeft bool
	left        sums
}

// better reports whether s is to be preferred over o: the larger gain, of equal
// ones the lower feature, so that the order of the search does not matter.
func (s *split) better(o *split) bool {
	return s.gain > o.gain || s.gain == o.gain && s.gain > 0 && s.feature < o.feature
}

// scorer computes the gain of splits of one node: the second-order gain of
// Chen and Guestrin, XGBoost: A Scalable Tree Boosting System (2016), eq. 7,
// without its factor of a half. Without regularisation it is the decrease of
// the squared error of CART.
type scorer struct {
	*Params
	scale  scale
	total  sums
	parent float64 // score of the node as it is
}

func (p *Params) scorer(total sums, sc scale) scorer {
	s := scorer{Params: p, scale: sc, total: total}
	s.parent = s.score(total)
	return s
}

func (s *scorer) score(v sums) float64 {
	g, h := float64(v.g)*s.scale.g, float64(v.h)*s.scale.h
	return g * g / (h + s.Lambda)
}

// gain returns what it is worth to send left to one side and the rest to the
// other, 0 if that is not allowed.
func (s *scorer) gain(left sums) float32 {
	right := s.total.minus(left)
	if left.n < s.minLeaf || right.n < s.minLeaf {
		return 0
	}
	if s.MinChildWeight > 0 && (float64(left.h)*s.scale.h < s.MinChildWeight || float64(right.h)*s.scale.h < s.MinChildWeight) {
		return 0
	}
	if s.XGBoost {
		return float32(s.score(left)) + float32(s.score(right)) - float32(s.parent)
	}
	return float32(s.score(left) + s.score(right) - s.parent)
}

// accept reports whether a gain is worth a split. A gain below the rounding of
// the samples, or of its own terms, is none.
func (s *scorer) accept(gain float32) bool {
	if s.XGBoost {
		return gain > 1e-6 && float64(gain) >= s.Gamma // kRtEps in XGBoost's split evaluator
	}
	return float64(gain) > max(1e-12*s.parent, s.scale.noise)
}

// scan returns the best split of a feature over the occupied bins of its
// histogram, which ascend and leave out the missing one. Of equal gains the
// lowest threshold with missing values to the right comes first, then the
// highest with missing values to the left: XGBoost's order.
func (s *scorer) scan(feature int32, h *histogram, occupied []uint8) split {
	var best split
	var left sums
	for i, code := range occupied {
		left = left.plus(h[code])
		if gain := s.gain(left); gain > best.gain {
			next := uint8(model.MissingBin)
			if i+1 < len(occupied) {
				next = occupied[i+1]
			}
			best = split{gain: gain, feature: feature, last: code, next: next, left: left}
		}
	}
	if h[model.MissingBin].n == 0 {
		// Nothing to learn from: CART then follows the crowd, XGBoost goes right.
		best.defaultLeft = !s.XGBoost && 2*best.left.n > s.total.n
		return best
	}
	left = s.total
	for i := len(occupied) - 1; i > 0; i-- {
		left = left.minus(h[occupied[i]])
		if gain := s.gain(left); gain > best.gain {
			best = split{gain: gain, feature: feature, last: occupied[i-1], next: occupied[i], defaultLeft: true, left: left}
		}
	}
	return best
}

// threshold returns the float32 below which a row goes left. XGBoost's is the
// value at which the next bin begins, whether or not the node has rows there;
// CART's the middle between the values on either side of the cut, moved up to
// where "less" means "not above the middle".
func (s *scorer) threshold(b *model.Bins, sp *split) float32 {
	lo, hi := b.Lo[sp.feature], b.Hi[sp.feature]
	switch {
	case s.XGBoost && sp.defaultLeft:
		return lo[sp.next]
	case s.XGBoost && int(sp.last)+1 < len(lo):
		return lo[sp.last+1]
	case s.XGBoost:
		top := hi[sp.last]
		return min(top+(abs(top)+1e-5), math.MaxFloat32) // the end of XGBoost's last bin
	case sp.next == model.MissingBin:
		return math.MaxFloat32 // every value to the left, model.Frame.Bins has none above it
	}
	middle := float64(hi[sp.last])/2 + float64(lo[sp.next])/2
	t := float32(middle)
	if float64(t) <= middle {
		t = math.Nextafter32(t, math.MaxFloat32)
	}
	return t
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }

// workspace is what one goroutine needs to look for splits.
type workspace struct {
	hist     histogram // all zero between calls
	used     [4]uint64 // bins of hist that are not zero, a bit each
	occupied [model.MaxBins]uint8
	order    []int32 // of the features
	random   rand.PCG
}

// fill puts rows into the workspace's histogram of the column and returns its
// occupied bins. The rows of a small node lie far apart: it reads them where all
// their columns stand side by side.
func (w *workspace) fill(rows []entry, b *model.Bins, column int32) []uint8 {
	codes, width := b.Rows[column:], len(b.Codes)
	for i := range rows {
		e := &rows[i]
		code := codes[int(e.row)*width]
		w.used[code>>6] |= 1 << (code & 63)
		w.hist[code].add(e)
	}
	occupied := w.occupied[:0]
	for i, word := range w.used {
		for ; word != 0; word &= word - 1 {
			if code := uint8(i<<6 + bits.TrailingZeros64(word)); code != model.MissingBin {
				occupied = append(occupied, code)
			}
		}
	}
	return occupied
}

// clear zeroes what fill wrote.
func (w *workspace) clear(occupied []uint8) {
	for _, code := range occupied {
		w.hist[code] = sums{}
	}
	w.hist[model.MissingBin] = sums{}
	w.used = [4]uint64{}
}

// bins lists the occupied bins of a histogram that was filled elsewhere.
func (w *workspace) bins(h *histogram) []uint8 {
	occupied := w.occupied[:0]
	for code := range h[:model.MissingBin] {
		if h[code].n != 0 {
			occupied = append(occupied, uint8(code))
		}
	}
	return occupied
}

// shuffle returns a copy of the features in random order.
func (w *workspace) shuffle(features []int32, seed uint64) []int32 {
	w.order = append(w.order[:0], features...)
	w.random.Seed(seed, 0)
	rand.New(&w.random).Shuffle(len(w.order), func(i, j int) { w.order[i], w.order[j] = w.order[j], w.order[i] })
	return w.order
}
