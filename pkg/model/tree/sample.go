package tree

import (
	"math"
	"math/bits"
	"math/rand/v2"

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

// entry is a Sample in fixed point.
type entry struct {
	g, h int64
	row  int32
}

// sums are what a histogram holds of a set of rows.
type sums struct {
	g, h, n int64 // gradient and weight in fixed point, rows
}

func (s *sums) add(e *entry) {
	s.g += e.g
	s.h += e.h
	s.n++
}

func (s sums) plus(o sums) sums  { return sums{s.g + o.g, s.h + o.h, s.n + o.n} }
func (s sums) minus(o sums) sums { return sums{s.g - o.g, s.h - o.h, s.n - o.n} }

// scale turns fixed point back into numbers.
type scale struct {
	g, h  float64
	noise float64 // a gain that rounding alone can make
}

// fixed rewrites samples in fixed point, with as many bits behind the point as
// keep the sum over all rows in an int64: about 60 bits less those of the row
// count, where a float64 has 53.
func fixed(dst []entry, samples []Sample) ([]entry, scale) {
	var g, h float64
	for i := range samples {
		g += math.Abs(samples[i].Gradient)
		h += samples[i].Weight
	}
	gUnit, hUnit := unit(g), unit(h)
	for i := range samples {
		s := &samples[i]
		e := entry{g: int64(math.RoundToEven(s.Gradient / gUnit)), h: int64(math.RoundToEven(s.Weight / hUnit)), row: s.Row}
		if e.h > 0 {
			dst = append(dst, e)
		}
	}
	return dst, scale{g: gUnit, h: hUnit, noise: 1e-15 * g * (1e-15 * g / h)}
}

// unit returns the power of two that is the last bit of fixed point numbers
// whose absolute values sum to total. Its exponent is held where units and
// their inverses are normal numbers.
func unit(total float64) float64 {
	_, exp := math.Frexp(total)
	return math.Ldexp(1, max(exp-60, -1000))
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
