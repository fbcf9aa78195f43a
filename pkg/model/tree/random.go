package tree

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
)

// drawLevel returns the columns that a level looks at.
func (g *Grower) drawLevel(random *rand.Rand) []int32 {
	return draw(random, g.features, g.params.ColsampleByLevel)
}

// drawNode returns the columns that a node of the level looks at, nil for all.
func (g *Grower) drawNode(random *rand.Rand) []int32 {
	if drawn := draw(random, g.columns, g.params.ColsampleByNode); len(drawn) < len(g.features) {
		return drawn
	}
	return nil
}

// draw returns a share of the columns, ascending, as XGBoost rounds it.
func draw(random *rand.Rand, columns []int32, share float64) []int32 {
	if share >= 1 {
		return columns
	}
	n := max(int(share*float64(len(columns))), 1)
	drawn := slices.Clone(columns)
	random.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	slices.Sort(drawn[:n])
	return drawn[:n]
}

// uniform returns a number of [0, 1) that belongs to the node and the feature:
// it does not depend on what else was looked at.
func (s *scorer) uniform(feature int32) float64 {
	return float64(mix(s.seed^mix(uint64(feature)))>>11) / (1 << 53)
}

// scanRandom cuts a feature at one place, uniform between its smallest and its
// largest value in the node (Geurts, Ernst and Wehenkel, Extremely randomized
// trees, 2006), and takes the better side for missing values. A bin of several
// values lies where its middle is. Where there is but one bin, missing values
// are all there is to tell apart.
func (s *scorer) scanRandom(feature int32, h *histogram, occupied []uint8) split {
	if len(occupied) == 0 {
		return split{}
	}
	lo, hi := s.bins.Lo[feature], s.bins.Hi[feature]
	first, last := occupied[0], occupied[len(occupied)-1]
	from, to := float64(lo[first]), float64(hi[last])
	at := from + float64(s.uniform(feature)*(to-from))
	cut := 0
	left := h[first]
	for cut+2 < len(occupied) {
		if code := occupied[cut+1]; float64(lo[code])+float64(hi[code]) > 2*at {
			break
		}
		cut++
		left = left.plus(h[occupied[cut]])
	}
	one := split{feature: feature, last: occupied[cut], next: model.MissingBin, at: math.MaxFloat32}
	if len(occupied) > 1 {
		one.next = occupied[cut+1]
		one.at = above(min(max(at, float64(hi[one.last])), float64(lo[one.next])), lo[one.next])
	}
	return s.missingSide(one, left, h[model.MissingBin])
}

// above returns the lowest float32 above at, or limit if that is lower.
func above(at float64, limit float32) float32 {
	t := float32(at)
	if float64(t) <= at {
		t = math.Nextafter32(t, math.MaxFloat32)
	}
	return min(t, limit)
}

// scanRandomSet sends every category of the node to a random side.
func (s *scorer) scanRandomSet(feature int32, h *histogram, occupied []uint8) split {
	if len(occupied) == 0 {
		return split{}
	}
	random := rand.New(rand.NewPCG(s.seed, uint64(feature)))
	one := split{feature: feature, right: new([4]uint64)}
	left, sides := sums{}, [2]int{}
	for i, code := range occupied {
		side := random.IntN(2)
		if i > 0 && i == len(occupied)-1 && sides[1-side] == 0 {
			side = 1 - side // neither is empty
		}
		sides[side]++
		if side == 0 {
			left = left.plus(h[code])
		} else {
			one.right[code>>6] |= 1 << (code & 63)
		}
	}
	return s.missingSide(one, left, h[model.MissingBin])
}

// missingSide completes a split of known values, of which left go left, by the
// side of the missing ones.
func (s *scorer) missingSide(one split, left, missing sums) split {
	one.left, one.gain = left, s.gain(left)
	if missing.hn == 0 {
		one.defaultLeft = 2*s.rows(left) > s.rows(s.total)
	} else if gain := s.gain(left.plus(missing)); gain > one.gain {
		one.left, one.gain, one.defaultLeft = left.plus(missing), gain, true
	}
	return one
}
