package tree

import (
	"cmp"
	"math"
)

// Params say how a tree is grown. The zero value grows CART without limits.
type Params struct {
	MaxDepth        int     // splits above a leaf at most, 0 for no limit
	MinSamplesSplit int     // rows that a node needs to be split
	MinSamplesLeaf  int     // rows on either side of a split at least
	MinChildWeight  float64 // weight on either side of a split at least
	Lambda          float64 // L2 penalty on leaf values
	Alpha           float64 // L1 penalty on leaf values
	MaxDeltaStep    float64 // largest leaf value before LearningRate, 0 for no limit
	Gamma           float64 // gain that a split needs, with XGBoost only
	LearningRate    float64 // factor of the leaf values, 0 for 1
	// MinImpurityDecrease is the gain that a split needs for each unit of weight of
	// all rows, with CART only.
	MinImpurityDecrease float64
	MaxFeatures         int     // features that a node looks at, 0 for all; more while those are constant
	Features            []int32 // columns to grow on, nil for all
	// ColsampleByLevel is the share of the features that a level draws, and
	// ColsampleByNode the share of those that a node of it draws; 0 for all. At
	// least one is drawn.
	ColsampleByLevel, ColsampleByNode float64
	// RandomSplits has each feature looked at cut at one random place, as
	// extremely randomized trees do.
	RandomSplits bool
	// Categorical says which columns are split by sets of their categories, see
	// the function of that name; nil for none.
	Categorical     []bool
	MaxCatToOnehot  int // with fewer categories each is tried against all others, 0 for 4
	MaxCatThreshold int // categories that the shorter way of an ordered split counts at most, 0 for 64
	// XGBoost has gains rounded, ties resolved and thresholds placed as XGBoost's
	// hist method does, where CART has exact gains and thresholds in the middle.
	XGBoost bool
	Jobs    int // goroutines, at least 1; the tree does not depend on it

	minLeaf int64
	minGain float64 // what MinImpurityDecrease comes to for the rows at hand
}

// withDefaults fills in what zero values stand for.
func (p Params) withDefaults() Params {
	p.minLeaf = int64(max(p.MinSamplesLeaf, 1))
	p.LearningRate = cmp.Or(p.LearningRate, 1)
	p.ColsampleByLevel = cmp.Or(p.ColsampleByLevel, 1)
	p.ColsampleByNode = cmp.Or(p.ColsampleByNode, 1)
	p.MaxCatToOnehot = cmp.Or(p.MaxCatToOnehot, 4)
	p.MaxCatThreshold = cmp.Or(p.MaxCatThreshold, 64)
	return p
}

// leaf returns the best answer for rows of gradient g and weight h: the minimum
// of the loss's second-order expansion, Chen and Guestrin (2016), eq. 5, with the
// gradient softly thresholded by the L1 penalty. XGBoost gives rows of too little
// weight no answer at all.
func (p *Params) leaf(g, h float64) float64 {
	if h <= 0 || p.XGBoost && h < p.MinChildWeight {
		return 0
	}
	v := -p.soft(g) / (h + p.Lambda)
	if limit := p.MaxDeltaStep; limit > 0 && math.Abs(v) > limit {
		return math.Copysign(limit, v)
	}
	return v
}

// soft moves g towards 0 by Alpha, and no further.
func (p *Params) soft(g float64) float64 {
	switch {
	case p.Alpha == 0:
		return g
	case g > p.Alpha:
		return g - p.Alpha
	case g < -p.Alpha:
		return g + p.Alpha
	}
	return 0
}

// score returns what rows of gradient g and weight h are worth as a leaf, twice
// the loss that the leaf takes away.
func (p *Params) score(g, h float64) float64 {
	if p.XGBoost {
		return float64(p.score32(g, h))
	}
	if p.MaxDeltaStep > 0 {
		v := p.leaf(g, h)
		return -(float64(2*g*v) + float64((h+p.Lambda)*v*v)) - float64(2*p.Alpha*math.Abs(v))
	}
	g = p.soft(g)
	return g * g / (h + p.Lambda)
}

// score32 is score with the roundings of XGBoost's split evaluator, which decide
// between splits that are worth the same. Like it, it leaves the L1 penalty out of
// a score under MaxDeltaStep.
func (p *Params) score32(g, h float64) float32 {
	if p.MaxDeltaStep > 0 {
		v, g := float32(p.leaf(g, h)), float32(g)
		return -(float32(2*g*v) + float32((float32(h)+float32(p.Lambda))*float32(v*v)))
	}
	g = p.soft(g)
	return float32(g*g) / float32(h+p.Lambda)
}
