package features

import (
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/sales"
)

// Chain is what the series of a panel sold together, period by period, and what
// they sold on the same dates a year before. The sums of a period are taken over
// the series that have both, so that one that opened, closed or has not reported
// yet moves nothing. It never changes; nil stands for a chain of which nothing is
// known.
type Chain struct {
	frequency sales.Frequency
	start     sales.Period
	now, then []float64 // one a period from start; 0 where no series has both
}

// Chain sums up what rows of the periods from first to last look at. The sums of
// a period read nothing after it, and a row of a period looks only at sums of
// earlier ones, whatever the chain holds. Where no feature looks at the chain there
// is none.
func (e *Encoder) Chain(p sales.Panel, first, last sales.Period) *Chain {
	if !slices.ContainsFunc(e.features, func(f Feature) bool { return f.Group == Together }) {
		return nil
	}
	f := p.Frequency
	from := f.Add(first, -e.rhythm.trend)
	c := &Chain{frequency: f, start: from}
	n := max(f.Steps(from, last), 0)
	c.now, c.then = make([]float64, n), make([]float64, n)
	for i := range n {
		period := f.Add(from, i)
		ago := e.yearAgo(period, 1)
		for _, s := range p.Series {
			at := s.Index(period)
			y, before := s.At(period), ago.value(s.Target, at)
			if !math.IsNaN(y) && !math.IsNaN(before) {
				c.now[i] += y
				c.then[i] += before
			}
		}
	}
	return c
}

// at returns the sums of the period; false where no series has both or what was
// sold then is no measure.
func (c *Chain) at(p sales.Period) (now, then float64, ok bool) {
	if c == nil {
		return 0, 0, false
	}
	i := c.frequency.Steps(c.start, p)
	if i < 0 || i >= len(c.now) || !(c.now[i] > 0 && c.then[i] > 0) {
		return 0, 0, false
	}
	return c.now[i], c.then[i], true
}
