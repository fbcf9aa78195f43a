package tree

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Sample is a row to grow on. Gradient is the derivative of the loss with
// respect to the prediction times the row's weight; for the squared loss it is
// weight * (prediction - target).
type Sample struct {
	Row      int32
	Gradient float64
	Weight   float64 // second derivative; rows of weight 0 are left out
}

// sums are what a histogram holds of a set of rows, in fixed point: the gradient,
// and packed into one number the weight and, in its lowest bits, the rows.
type sums struct{ g, hn int64 }

func (s sums) plus(o sums) sums  { return sums{s.g + o.g, s.hn + o.hn} }
func (s sums) minus(o sums) sums { return sums{s.g - o.g, s.hn - o.hn} }

// scale turns fixed point back into numbers.
type scale struct {
	g, h  float64
	bits  uint    // of sums.hn that hold the rows
	noise float64 // a gain that rounding alone can make
}

// rows returns the number of rows that sums count.
func (sc *scale) rows(v sums) int64 { return v.hn & (1<<sc.bits - 1) }

// weight returns the weight of sums in the unit of the samples.
func (sc *scale) weight(v sums) float64 { return float64(v.hn>>sc.bits) * sc.h }

// gradient returns the gradient of sums in the unit of the samples.
func (sc *scale) gradient(v sums) float64 { return float64(v.g) * sc.g }

// points are samples in fixed point.
//
// Exact ones keep the sum of all gradients in 60 bits, where a float64 has 53,
// and that of the weights in what 62 bits leave beside the rows: 49 for 6,435 of
// them. Coarse ones, for many rows of one weight, have gradient and row count in
// the two halves of one number, which halves the work: with n rows a gradient
// loses at most the share n/2^30 of the mean absolute gradient, for the choice of
// splits only.
type points struct {
	scale
	g      []int64 // one a sample; a coarse one has its row in the lower half
	hn     []int64 // one a sample; empty if one is every sample's
	one    int64
	coarse bool
	unit   float64 // of exact gradients
}

// Coarse points are for so many rows.
const (
	coarseFrom = 1 << 17
	coarseTo   = 1 << 26
)

// set rewrites samples, of which many is the number from which on points may be
// coarse.
func (p *points) set(samples []Sample, many int) {
	var g, h float64
	same := true
	for i := range samples {
		g += math.Abs(samples[i].Gradient)
		h += samples[i].Weight
		same = same && samples[i].Weight == samples[0].Weight
	}
	p.coarse = same && len(samples) >= many && len(samples) < coarseTo
	p.bits = uint(bits.Len(uint(len(samples))))
	p.h = unit(h, 62-int(p.bits))
	p.unit = unit(g, 60)
	p.scale.g = p.unit
	if p.coarse {
		p.scale.g = unit(g, 30)
	}
	p.noise = 1e-15 * g * (1e-15 * g / h)
	inverse := 1 / p.scale.g // exact
	p.g, p.hn = slices.Grow(p.g[:0], len(samples))[:len(samples)], p.hn[:0]
	for i := range samples {
		p.g[i] = int64(math.RoundToEven(samples[i].Gradient * inverse))
		if p.coarse {
			p.g[i] = p.g[i]<<32 + 1
		}
	}
	if same && len(samples) > 0 {
		p.one = p.fixedWeight(&samples[0])
		return
	}
	p.one = 0
	for i := range samples {
		p.hn = append(p.hn, p.fixedWeight(&samples[i]))
	}
}

// fixedWeight returns the weight of a row, and the row itself, in fixed point; 0
// for one of no weight.
func (p *points) fixedWeight(s *Sample) int64 {
	if h := int64(math.RoundToEven(s.Weight / p.h)); h > 0 {
		return h<<p.bits + 1
	}
	return 0
}

// exact returns a gradient in units of p.unit.
func (p *points) exact(gradient float64) int64 {
	return int64(math.RoundToEven(gradient * (1 / p.unit)))
}

// at returns sample i.
func (p *points) at(i int32) sums {
	switch {
	case p.coarse:
		return p.widen(p.g[i])
	case len(p.hn) == 0:
		return sums{p.g[i], p.one}
	}
	return sums{p.g[i], p.hn[i]}
}

// widen takes a sum of coarse points apart.
func (p *points) widen(v int64) sums { return sums{v >> 32, int64(uint32(v)) * p.one} }

// unit returns the power of two that is the last bit of fixed point numbers whose
// absolute values sum to total and whose sum takes so many bits. Its exponent is
// held where units and their inverses are normal numbers.
func unit(total float64, bits int) float64 {
	_, exp := math.Frexp(total)
	return math.Ldexp(1, max(exp-bits, -1000))
}

// NewRand returns the random numbers of member i of an ensemble. The streams of
// two members, or of two seeds, have nothing in common.
func NewRand(seed uint64, i int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(bits.ReverseBytes64(uint64(i))^seed)))
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, Fast
// Splittable Pseudorandom Number Generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// largest bounds targets and weights, so that no sum or product of them leaves
// the range of a float32.
const largest = 1e18

// Samples returns the rows of a dataset with the gradients of the squared loss
// at base, the weighted mean of the targets as a float32: CART's criterion is
// the gain of a single step from there. Rows of weight 0 are left out.
func Samples(d model.Dataset) (rows []Sample, base float64, err error) {
	if err := d.Validate(); err != nil {
		return nil, 0, err
	}
	var sum, weight float64
	for i := range d.Len() {
		r := d.Row(i)
		y, w := d.Y[r], d.WeightOf(r)
		if max(math.Abs(y), w) > largest {
			return nil, 0, fault.New(fault.Invalid, "row %d has target %v and weight %v, but %v is the limit", r, y, w, largest).
				WithHint("give the target in a larger unit")
		}
		sum += float64(w * y)
		weight += w
	}
	if !(weight > 0) {
		return nil, 0, fault.New(fault.Invalid, "there are no rows to learn from").WithHint("give rows whose weight is above 0")
	}
	base = float64(float32(sum / weight))
	for i := range d.Len() {
		r := d.Row(i)
		if w := d.WeightOf(r); w > 0 {
			rows = append(rows, Sample{Row: int32(r), Gradient: w * (base - d.Y[r]), Weight: w})
		}
	}
	return rows, base, nil
}
