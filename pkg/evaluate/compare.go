package evaluate

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Test says whether a model's errors differ from another's by more than chance.
type Test struct {
	Model, Against string
	Key            sales.Key // nil: all series together
	// Comparison is of absolute errors over the scale of their series: its Mean is
	// below 0 where Model is better.
	metrics.Comparison
	// Holm is P for having asked for every series of a model (Holm 1979); NaN for
	// all together.
	Holm float64
}

// Compare tests each model of the Result against one of them: over all series,
// whose mean error in each period makes one series (metrics.Pooled), and series by
// series. The horizon of the tests is the longest of the rows. A model that is
// none of the Result is a fault.Usage.
func (r Result) Compare(against string) ([]Test, error) {
	at := slices.Index(r.Models, against)
	if at < 0 {
		return nil, fault.New(fault.Usage, "%s is none of the compared models", against).
			WithHint("they are: %s", strings.Join(r.Models, ", "))
	}
	n := len(r.Rows) / len(r.Models)
	rows := func(m int) []Row { return r.Rows[m*n : (m+1)*n] }
	layout := newLayout(rows(at))
	var out []Test
	for m := range r.Models {
		if m != at {
			out = append(out, layout.tests(rows(m), rows(at))...)
		}
	}
	return out, nil
}

// layout is the rows of one model in the order of tests: by key, and for each key
// by date and cutoff.
type layout struct {
	keys    []sales.Key
	slots   int     // dates and cutoffs that any key has
	place   [][]int // [key][slot]: the row, -1 where the key has none
	horizon int
}

// slot is when a row was forecast for when.
type slot struct{ date, cutoff sales.Period }

func newLayout(rows []Row) layout {
	var l layout
	var slots []slot
	for _, row := range rows {
		slots = append(slots, slot{row.Date, row.Cutoff})
		l.keys = append(l.keys, row.Key)
		l.horizon = max(l.horizon, row.Horizon)
	}
	order := func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.cutoff, b.cutoff))
	}
	slices.SortFunc(slots, order)
	slots = slices.Compact(slots)
	slices.SortFunc(l.keys, sales.Key.Compare)
	l.keys = slices.CompactFunc(l.keys, sales.Key.Equal)
	l.slots = len(slots)
	for range l.keys {
		l.place = append(l.place, slices.Repeat([]int{-1}, len(slots)))
	}
	for i, row := range rows {
		k, _ := slices.BinarySearchFunc(l.keys, row.Key, sales.Key.Compare)
		s, _ := slices.BinarySearchFunc(slots, slot{row.Date, row.Cutoff}, order)
		l.place[k][s] = i
	}
	return l
}

// tests compares a model's rows with another's.
func (l layout) tests(a, b []Row) []Test {
	all := Test{Model: a[0].Model, Against: b[0].Model, Holm: math.NaN()}
	differences := make([][]float64, len(l.keys))
	tests := make([]Test, len(l.keys))
	p := make([]float64, len(l.keys))
	for k, key := range l.keys {
		differences[k] = l.differences(k, a, b)
		own := slices.DeleteFunc(slices.Clone(differences[k]), math.IsNaN)
		tests[k] = Test{Model: all.Model, Against: all.Against, Key: key, Comparison: metrics.DieboldMariano(own, l.horizon, -1)}
		p[k] = tests[k].P
	}
	for k, adjusted := range metrics.Holm(p) {
		tests[k].Holm = adjusted
	}
	all.Comparison = metrics.DieboldMariano(metrics.Pooled(differences), l.horizon, -1)
	return append([]Test{all}, tests...)
}

// differences returns one number a slot, NaN where the key has no row, or no scale.
func (l layout) differences(k int, a, b []Row) []float64 {
	out := slices.Repeat([]float64{math.NaN()}, l.slots)
	for s, i := range l.place[k] {
		if i >= 0 && a[i].Scale > 0 {
			lost := metrics.AbsoluteLoss(a[i].Actual, a[i].Forecast) - metrics.AbsoluteLoss(b[i].Actual, b[i].Forecast)
			out[s] = lost / a[i].Scale
		}
	}
	return out
}
