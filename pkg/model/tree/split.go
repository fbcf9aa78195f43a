package tree

import (
	"math"
	"math/rand/v2"

	"github.com/salesctl/salesctl/pkg/model"
)

// split is a way to cut a node's rows in two. The zero split is none.
type split struct {
	gain        float32
	feature     int32
	last        uint8 // last bin of the left side
	next        uint8 // first bin of the right side, MissingBin if there is none
	defaultLeft bool
	at          float32 // threshold of a random split
	left        sums
	right       *[4]uint64 // bins of a categorical split's right side, a bit each; nil for a threshold
}

func (s *split) categorical() bool { return s.right != nil }

// goesLeft reports whether rows of a code of the split's feature go left.
func (s *split) goesLeft(code uint8) bool {
	switch {
	case code == model.MissingBin:
		return s.defaultLeft
	case s.right == nil:
		return code <= s.last
	}
	return s.right[code>>6]>>(code&63)&1 == 0
}

// sides writes a 1 for the codes of the split's feature that go left.
func (s *split) sides(left *[codes]uint8) {
	for code := range left {
		if s.goesLeft(uint8(code)) {
			left[code] = 1
		}
	}
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
	*scale
	total  sums
	parent float64 // score of the node as it is
	hurdle hurdle  // of no gain
	bins   *model.Bins
	seed   uint64
}

func (g *Grower) scorer(n *node) scorer {
	s := scorer{Params: &g.params, scale: &g.points.scale, total: n.total, bins: g.bins, seed: n.seed}
	s.parent = s.score(n.total)
	s.hurdle = s.newHurdle()
	return s
}

func (s *scorer) score(v sums) float64 { return s.Params.score(s.gradient(v), s.weight(v)) }

// gain returns what it is worth to send left to one side and the rest to the
// other, 0 if that is not allowed.
func (s *scorer) gain(left sums) float32 {
	right := s.total.minus(left)
	if s.rows(left) < s.minLeaf || s.rows(right) < s.minLeaf {
		return 0
	}
	if s.MinChildWeight > 0 && (s.weight(left) < s.MinChildWeight || s.weight(right) < s.MinChildWeight) {
		return 0
	}
	if s.XGBoost {
		return float32(s.score(left)) + float32(s.score(right)) - float32(s.parent)
	}
	return float32(s.score(left) + s.score(right) - s.parent)
}

// hurdle tells splits that cannot gain more than a known one from those that may,
// in the units of the fixed point and without a division, of which gain takes two.
// It leaves more room than gain's float32 can round away.
type hurdle struct {
	total  sums
	bits   uint
	lambda float64
	parent float64
	unit   float64 // of gains
	bar    float64
}

func (s *scorer) newHurdle() hurdle {
	u := hurdle{total: s.total, bits: s.bits, lambda: s.Lambda / s.h, parent: s.parent, unit: s.h / (s.g * s.g), bar: math.Inf(-1)}
	if s.Alpha != 0 || s.MaxDeltaStep != 0 {
		u.unit = math.Inf(-1) // the score is another: nothing is missed
	}
	u.raise(0)
	return u
}

// raise gives the hurdle the height of a gain, if that is higher.
func (u *hurdle) raise(gain float32) { u.bar = max(u.bar, (float64(gain)+u.parent)*(1-1e-6)*u.unit) }

// missed reports whether sending left to one side gains less; where it says yes,
// gain would too.
func (u *hurdle) missed(left sums) bool {
	lg, lh := float64(left.g), float64(left.hn>>(u.bits&63))+u.lambda
	rg, rh := float64(u.total.g-left.g), float64((u.total.hn-left.hn)>>(u.bits&63))+u.lambda
	return lg*lg*rh+rg*rg*lh < u.bar*lh*rh
}

// accept reports whether a gain is worth a split. A gain below the rounding of
// the samples, or of its own terms, is none.
func (s *scorer) accept(gain float32) bool {
	if s.XGBoost {
		return gain > 1e-6 && float64(gain) >= s.Gamma // kRtEps in XGBoost's split evaluator
	}
	return float64(gain) > max(1e-12*s.parent, s.noise) && float64(gain) >= s.minGain
}

// scan returns the best split of a feature over the occupied bins of its
// histogram, which ascend and leave out the missing one. One that the hurdle tells
// from the best so far need not be found.
func (s *scorer) scan(w *workspace, feature int32, h *histogram, occupied []uint8) split {
	switch {
	case s.ordered(feature):
		return s.scanOrdered(feature, h, occupied)
	case !s.RandomSplits:
		return s.scanSets(w, feature, h, occupied)
	case s.categorical(feature):
		return s.scanRandomSet(feature, h, occupied)
	}
	return s.scanRandom(feature, h, occupied)
}

// ordered reports whether all thresholds of a feature are tried.
func (p *Params) ordered(feature int32) bool { return !p.RandomSplits && !p.categorical(feature) }

func (p *Params) categorical(feature int32) bool {
	return p.Categorical != nil && p.Categorical[feature]
}

// scanOrdered looks for the best threshold of a feature over the occupied bins of its
// histogram, which ascend and leave out the missing one. Of equal gains the
// lowest threshold with missing values to the right comes first, then the
// highest with missing values to the left: XGBoost's order.
func (s *scorer) scanOrdered(feature int32, h *histogram, occupied []uint8) split {
	var best split
	var left sums
	u := s.hurdle
	forward := occupied
	if h[model.MissingBin].hn == 0 && len(occupied) > 0 {
		forward = occupied[:len(occupied)-1] // none would be left for the right side
	}
	for i, code := range forward {
		left = left.plus(h[code])
		if u.missed(left) {
			continue
		}
		if gain := s.gain(left); gain > best.gain {
			next := uint8(model.MissingBin)
			if i+1 < len(occupied) {
				next = occupied[i+1]
			}
			best = split{gain: gain, feature: feature, last: code, next: next, left: left}
			u.raise(gain)
		}
	}
	if h[model.MissingBin].hn == 0 {
		best.defaultLeft = s.crowd(best.left)
		return best
	}
	left = s.total
	for i := len(occupied) - 1; i > 0; i-- {
		left = left.minus(h[occupied[i]])
		if u.missed(left) {
			continue
		}
		if gain := s.gain(left); gain > best.gain {
			best = split{gain: gain, feature: feature, last: occupied[i-1], next: occupied[i], defaultLeft: true, left: left}
			u.raise(gain)
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
	case sp.categorical():
		return 0
	case s.RandomSplits:
		return sp.at
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

// constant reports whether the rows of the histogram differ in nothing.
func (w *workspace) constant(occupied []uint8) bool {
	return len(occupied) == 0 || len(occupied) == 1 && w.hist[model.MissingBin].hn == 0
}

// shuffle returns a copy of the features in random order.
func (w *workspace) shuffle(features []int32, seed uint64) []int32 {
	w.order = append(w.order[:0], features...)
	w.random.Seed(seed, 0)
	rand.New(&w.random).Shuffle(len(w.order), func(i, j int) { w.order[i], w.order[j] = w.order[j], w.order[i] })
	return w.order
}
