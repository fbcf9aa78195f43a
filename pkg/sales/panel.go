package sales

import (
	"fmt"
	"math"
	"slices"
)

// Observation is one period of one series as it was loaded.
type Observation struct {
	Key     Key
	Static  []string // by the panel's StaticNames
	Period  Period
	Target  float64   // NaN: the period is known, its target is missing
	Columns []float64 // by the panel's ColumnNames; NaN is missing
}

// Series is one key's history, a value for every period from Start on, without
// gaps: a missing period is NaN.
type Series struct {
	Key       Key
	Static    []string
	Frequency Frequency
	Start     Period
	Target    []float64   // one a period
	Columns   [][]float64 // [column][period], each as long as Target
}

// Len returns the number of periods.
func (s Series) Len() int { return len(s.Target) }

// Period returns the period at index i, which may lie outside the series.
func (s Series) Period(i int) Period { return s.Frequency.Add(s.Start, i) }

// Index returns the index of the period, which may lie outside the series.
func (s Series) Index(p Period) int { return s.Frequency.Steps(s.Start, p) }

// At returns the target of the period, NaN outside the series.
func (s Series) At(p Period) float64 {
	if i := s.Index(p); i >= 0 && i < len(s.Target) {
		return s.Target[i]
	}
	return math.NaN()
}

// ColumnsAt returns the columns of the period at index i.
func (s Series) ColumnsAt(i int) []float64 {
	out := make([]float64, len(s.Columns))
	for c := range s.Columns {
		out[c] = s.Columns[c][i]
	}
	return out
}

// Actuals returns how many periods stand up to and with the newest actual: the
// targets after it are all missing.
func (s Series) Actuals() int {
	n := len(s.Target)
	for n > 0 && math.IsNaN(s.Target[n-1]) {
		n--
	}
	return n
}

// Origin returns the period of the newest actual, the one before Start where
// there is none.
func (s Series) Origin() Period { return s.Period(s.Actuals() - 1) }

// Slice returns the periods from index i up to but not with j, sharing memory.
func (s Series) Slice(i, j int) Series {
	out := s
	out.Start = s.Period(i)
	out.Target = s.Target[i:j:j]
	out.Columns = make([][]float64, len(s.Columns))
	for c := range s.Columns {
		out.Columns[c] = s.Columns[c][i:j:j]
	}
	return out
}

// Extended returns a copy with n missing periods added at the end, to be filled.
func (s Series) Extended(n int) Series {
	out := s
	out.Target = slices.Concat(s.Target, missing(n))
	out.Columns = make([][]float64, len(s.Columns))
	for c := range s.Columns {
		out.Columns[c] = slices.Concat(s.Columns[c], missing(n))
	}
	return out
}

// Until returns the periods up to and with p, sharing memory.
func (s Series) Until(p Period) Series {
	return s.Slice(0, min(max(s.Index(p)+1, 0), len(s.Target)))
}

// Since returns the periods from p on, sharing memory.
func (s Series) Since(p Period) Series {
	return s.Slice(min(max(s.Index(p), 0), len(s.Target)), len(s.Target))
}

// Schema names what a chain's data holds.
type Schema struct {
	Frequency   Frequency `json:"frequency"`
	KeyNames    []string  `json:"keys"`    // one a part of a key
	ColumnNames []string  `json:"columns"` // one a column of a series
	StaticNames []string  `json:"static"`  // one a static value of a series
}

// Column returns the index of the named column, -1 where there is none.
func (s Schema) Column(name string) int { return slices.Index(s.ColumnNames, name) }

// Panel is the history of a chain. Its series are in the order of their keys.
type Panel struct {
	Schema
	Series []Series
}

// NewPanel lays observations out by key and period; their order does not
// matter. Two observations of one period, or a date that is no period, are an
// error.
func NewPanel(schema Schema, obs []Observation) (Panel, error) {
	p := Panel{Schema: schema}
	sorted := slices.Clone(obs)
	slices.SortStableFunc(sorted, func(a, b Observation) int {
		if c := a.Key.Compare(b.Key); c != 0 {
			return c
		}
		return int(a.Period) - int(b.Period)
	})
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Key.Equal(sorted[0].Key) {
			n++
		}
		s, err := newSeries(schema, sorted[:n])
		if err != nil {
			return Panel{}, err
		}
		p.Series = append(p.Series, s)
		sorted = sorted[n:]
	}
	return p, nil
}

// newSeries lays out the observations of one key, sorted by period.
func newSeries(p Schema, obs []Observation) (Series, error) {
	first, last := obs[0], obs[len(obs)-1]
	n := p.Frequency.Steps(first.Period, last.Period) + 1
	s := Series{Key: first.Key, Static: last.Static, Frequency: p.Frequency, Start: first.Period}
	s.Target = missing(n)
	s.Columns = make([][]float64, len(p.ColumnNames))
	for c := range s.Columns {
		s.Columns[c] = missing(n)
	}
	for i, o := range obs {
		if p.Frequency.Of(o.Period) != o.Period {
			return Series{}, fmt.Errorf("%s %s is not the end of a %s (%s)", o.Key, o.Period, p.Frequency.Noun(), p.Frequency)
		}
		if i > 0 && o.Period == obs[i-1].Period {
			return Series{}, fmt.Errorf("%s has two values for %s", o.Key, o.Period)
		}
		if len(o.Columns) != len(p.ColumnNames) {
			return Series{}, fmt.Errorf("%s %s has %d columns, want %d", o.Key, o.Period, len(o.Columns), len(p.ColumnNames))
		}
		at := s.Index(o.Period)
		s.Target[at] = o.Target
		for c, v := range o.Columns {
			s.Columns[c][at] = v
		}
	}
	return s, nil
}

func missing(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// Find returns the series of the key.
func (p Panel) Find(k Key) (Series, bool) {
	i, ok := slices.BinarySearchFunc(p.Series, k, func(s Series, k Key) int { return s.Key.Compare(k) })
	if !ok {
		return Series{}, false
	}
	return p.Series[i], true
}

// Keys returns the keys in order.
func (p Panel) Keys() []Key {
	keys := make([]Key, len(p.Series))
	for i, s := range p.Series {
		keys[i] = s.Key
	}
	return keys
}

// Until returns the panel with only the periods up to and with last, sharing
// memory; series that start later are left out.
func (p Panel) Until(last Period) Panel {
	return p.each(func(s Series) Series { return s.Until(last) })
}

// Actuals returns the panel cut, series by series, after the newest actual,
// sharing memory; series without one are left out.
func (p Panel) Actuals() Panel {
	return p.each(func(s Series) Series { return s.Slice(0, s.Actuals()) })
}

func (p Panel) each(f func(Series) Series) Panel {
	out := p
	out.Series = make([]Series, 0, len(p.Series))
	for _, s := range p.Series {
		if s = f(s); s.Len() > 0 {
			out.Series = append(out.Series, s)
		}
	}
	return out
}

// Start returns the first period of all series, 0 for an empty panel.
func (p Panel) Start() Period {
	var start Period
	for i, s := range p.Series {
		if i == 0 || s.Start < start {
			start = s.Start
		}
	}
	return start
}

// Origin returns the newest actual of all series, 0 for an empty panel.
func (p Panel) Origin() Period {
	var origin Period
	for i, s := range p.Series {
		if o := s.Origin(); i == 0 || o > origin {
			origin = o
		}
	}
	return origin
}

// Len returns the number of periods over all series.
func (p Panel) Len() int {
	n := 0
	for _, s := range p.Series {
		n += s.Len()
	}
	return n
}
