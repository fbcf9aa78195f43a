package evaluate

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// planOneStep lays out a fold for each tested period: its cutoff is the period
// before, and all share the fit at the first cutoff.
func planOneStep(p sales.Panel, tested []RowID, holiday func(sales.Period) bool) (*plan, error) {
	tested, err := checkTested(p, tested)
	if err != nil {
		return nil, err
	}
	noun := p.Frequency.Noun()
	// All stop at the first tested period, also the series that are tested later:
	// one store's week tells about the same week of the others.
	first := tested[0].Period
	fit := p.Frequency.Add(first, -1)
	pl := &plan{
		panel:   p,
		observe: true,
		holiday: holiday,
		horizon: fmt.Sprintf("1 %s after the cutoff", noun),
		known: fmt.Sprintf("fitted up to %s; actuals up to the %s before each row; the row's own columns, not its target",
			fit, noun),
	}
	if n := untested(p, tested); n > 0 {
		pl.warn("rows from %s on that are not tested: %d; they are history for later rows, but nothing is fitted on them", first, n)
	}
	missing := 0
	for len(tested) > 0 {
		n := 1
		for n < len(tested) && tested[n].Period == tested[0].Period {
			n++
		}
		f := fold{cutoff: p.Frequency.Add(tested[0].Period, -1), fit: fit}
		missing += pl.addTested(&f, tested[:n])
		pl.folds = append(pl.folds, f)
		tested = tested[n:]
	}
	pl.warnSkipped()
	if missing > 0 {
		pl.warn("test rows not scored for want of an actual: %d", missing)
	}
	return pl, nil
}

// checkTested returns the tested rows by period and key, each once.
func checkTested(p sales.Panel, tested []RowID) ([]RowID, error) {
	if len(tested) == 0 {
		return nil, fault.New(fault.Invalid, "there are no test rows")
	}
	tested = slices.Clone(tested)
	slices.SortFunc(tested, func(a, b RowID) int {
		if a.Period != b.Period {
			return int(a.Period) - int(b.Period)
		}
		return a.Key.Compare(b.Key)
	})
	tested = slices.CompactFunc(tested, func(a, b RowID) bool { return a.Period == b.Period && a.Key.Equal(b.Key) })
	for _, r := range tested {
		if p.Frequency.Of(r.Period) != r.Period {
			return nil, fault.New(fault.Invalid, "test row %s %s is not the end of a %s (%s)",
				r.Key, r.Period, p.Frequency.Noun(), p.Frequency)
		}
		if _, ok := p.Find(r.Key); !ok {
			return nil, fault.New(fault.Invalid, "test row %s %s: there is no such series", r.Key, r.Period)
		}
	}
	if start := p.Start(); tested[0].Period <= start {
		return nil, fault.New(fault.Invalid, "test row %s %s: the data starts at %s, there is nothing before it to learn from",
			tested[0].Key, tested[0].Period, start)
	}
	return tested, nil
}

// untested counts the actuals from the first tested period on that are not
// tested themselves.
func untested(p sales.Panel, tested []RowID) int {
	n := 0
	for _, s := range p.Series {
		from := max(s.Index(tested[0].Period), 0)
		for i := from; i < s.Len(); i++ {
			if !math.IsNaN(s.Target[i]) {
				n++
			}
		}
	}
	for _, r := range tested {
		if s, _ := p.Find(r.Key); !math.IsNaN(s.At(r.Period)) {
			n--
		}
	}
	return n
}

// addTested gives the fold the cells of its tested rows and their columns as the
// future, and returns how many have no actual. Periods of theirs between the
// newest actual and the cutoff belong to the future too: a request starts after
// the newest actual.
func (pl *plan) addTested(f *fold, rows []RowID) (missing int) {
	future := sales.Panel{Schema: pl.panel.Schema}
	for _, r := range rows {
		s, _ := pl.panel.Find(r.Key)
		before := len(f.cells)
		if math.IsNaN(s.At(r.Period)) {
			missing++
			continue
		}
		pl.addCells(f, s, []sales.Period{r.Period})
		if len(f.cells) > before {
			future.Series = append(future.Series, withoutTarget(s.Slice(s.Until(f.cutoff).Actuals(), s.Index(r.Period)+1)))
		}
	}
	f.future = &future
	return missing
}

// withoutTarget returns a copy of the series in which every target is missing.
func withoutTarget(s sales.Series) sales.Series {
	s.Target = slices.Repeat([]float64{math.NaN()}, s.Len())
	return s
}
