package features

import (
	"fmt"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Encoder makes the rows of one Set for one Schema. It never changes after Fit
// and is safe for concurrent use.
type Encoder struct {
	state    state
	rhythm   rhythm
	calendar *calendar.Calendar
	moving   []int     // the calendar's holidays that move by weeks
	features []Feature // those that were kept, in the order of a row
}

// Fit lays out the features for the panel's schema and learns what belongs to
// the state from the rows that Options.Rows picks. A feature that looks ahead
// is a fault.Config. Columns that are the same in all those rows are dropped;
// the warnings name them.
func Fit(p sales.Panel, opts Options) (e *Encoder, warnings []string, err error) {
	opts = opts.withDefaults(p.Frequency.Unit)
	if err := checkGroups(opts.Groups); err != nil {
		return nil, nil, err
	}
	st := newState(p, opts)
	if st.Basis == Auto {
		if st.Basis, err = chooseBasis(p, st, opts.Rows); err != nil {
			return nil, nil, err
		}
	}
	if e, err = build(st); err != nil {
		return nil, nil, err
	}
	groups := opts.Groups
	if len(groups) == 0 {
		groups = DefaultGroups(st.Basis)
	}
	e.keep(slices.DeleteFunc(e.features, func(f Feature) bool { return !slices.Contains(groups, f.Group) }))
	table := e.transform(p, opts.Rows)
	if len(table.Learn) == 0 {
		return nil, nil, fault.New(fault.Invalid, "fit features: none of %d rows can be learned from", len(table.Index)).
			WithHint("load more sales with `salesctl etl`, or choose a later date")
	}
	if warnings = e.dropConstants(table); e.Width() == 0 {
		return nil, nil, fault.New(fault.Config, "fit features: of the groups %v, the %s set has no feature that differs between rows", groups, st.Set).
			WithHint("ask for more, as %s", Lags)
	}
	return e, warnings, nil
}

// newState takes from the panel what needs no computation.
func newState(p sales.Panel, opts Options) state {
	st := state{
		Version: version, Set: opts.Set, Basis: opts.Basis, Target: opts.Target,
		Frequency: p.Frequency.String(), KeyNames: p.KeyNames, ColumnNames: p.ColumnNames, StaticNames: p.StaticNames,
		Keys: make([][]string, len(p.KeyNames)), Statics: make([][]string, len(p.StaticNames)),
		Lags: opts.Lags, Windows: opts.Windows,
	}
	var keys, statics [][]string // by series
	last := -1
	eachRow(p, opts.Rows, func(at Index, _ int) {
		if at.Series != last {
			last = at.Series
			keys, statics = append(keys, p.Series[last].Key), append(statics, p.Series[last].Static)
		}
	})
	for c := range st.Keys {
		st.Keys[c] = categories(keys, c)
	}
	for c := range st.Statics {
		st.Statics[c] = categories(statics, c)
	}
	for _, h := range opts.Own {
		st.Own = append(st.Own, ownHoliday{h.Name, h.Flagged, h.Dates})
	}
	return st
}

// categories returns the different values at index c, in the order of keys.
func categories(of [][]string, c int) []string {
	var all []string
	for _, values := range of {
		if c < len(values) {
			all = append(all, values[c])
		}
	}
	slices.SortFunc(all, func(a, b string) int { return sales.Key{a}.Compare(sales.Key{b}) })
	return slices.Compact(all)
}

// build makes an Encoder of a state, with all of the state's features.
func build(st state) (*Encoder, error) {
	if err := st.check(); err != nil {
		return nil, err
	}
	f, err := sales.ParseFrequency(st.Frequency)
	if err != nil {
		return nil, err
	}
	own := make([]calendar.Holiday, len(st.Own))
	for i, h := range st.Own {
		own[i] = calendar.Holiday{Name: h.Name, Flagged: h.Flagged, Dates: h.Dates}
	}
	e := &Encoder{state: st, rhythm: rhythmOf(f.Unit), calendar: calendar.New(f, own)}
	e.moving = movingHolidays(e.calendar)
	e.features = e.layout()
	return e, checkAll(e.features, st.Set)
}

// chooseBasis is Auto's rule.
func chooseBasis(p sales.Panel, st state, rows Filter) (Basis, error) {
	st.Basis = Seasonal
	e, err := build(st)
	if err != nil {
		return "", err
	}
	all, seasonal, years := 0, 0, newPlaced()
	eachRow(p, rows, func(at Index, _ int) {
		all++
		if v := e.look(p.Series[at.Series], nil, at.Period, nil, years); v.seasonal() {
			seasonal++
		}
	})
	if seasonal >= 30 && 5*seasonal >= all {
		return Seasonal, nil
	}
	return Level, nil
}

// dropConstants keeps the features that differ between the rows to learn from.
func (e *Encoder) dropConstants(t Table) (warnings []string) {
	var kept []Feature
	var dropped []string
	for c, f := range e.features {
		if constant(t.X.Cols[c], t.Learn) {
			dropped = append(dropped, f.Name)
			continue
		}
		kept = append(kept, f)
	}
	e.keep(kept)
	if len(dropped) > 0 {
		warnings = append(warnings, fmt.Sprintf("dropped from the %s features, the same in every row: %s", e.state.Set, strings.Join(dropped, ", ")))
	}
	if short := len(t.Index) - len(t.Learn); short > 0 {
		warnings = append(warnings, fmt.Sprintf("%d of %d rows have too little history to be learned from", short, len(t.Index)))
	}
	return warnings
}

// keep makes features the columns of a row.
func (e *Encoder) keep(features []Feature) {
	e.features = features
	e.state.Kept = e.Names()
}

// constant reports whether the column has one value in all the rows.
func constant(col []float32, rows []int32) bool {
	first := col[rows[0]]
	for _, r := range rows {
		if v := col[r]; v != first && (v == v || first == first) { // NaN everywhere is constant too
			return false
		}
	}
	return true
}

// Set returns the set that the encoder makes.
func (e *Encoder) Set() Set { return e.state.Set }

// Basis returns what targets are divided by, never Auto.
func (e *Encoder) Basis() Basis { return e.state.Basis }

// Target returns what models learn of the target.
func (e *Encoder) Target() Target { return e.state.Target }

// Features returns the columns of a row, in order.
func (e *Encoder) Features() []Feature { return slices.Clone(e.features) }

// Width returns the number of columns of a row.
func (e *Encoder) Width() int { return len(e.features) }

// Names returns the columns' names, in order.
func (e *Encoder) Names() []string {
	names := make([]string, len(e.features))
	for i, f := range e.features {
		names[i] = f.Name
	}
	return names
}

// Kinds returns the columns' kinds, in order.
func (e *Encoder) Kinds() []model.Kind {
	kinds := make([]model.Kind, len(e.features))
	for i, f := range e.features {
		kinds[i] = f.Kind
	}
	return kinds
}

// Row writes the features of the period into dst, which is Width long. known
// holds the period's own columns, by the schema's ColumnNames; nil is nothing
// known. The chain is that of the panel which the history is of; nil means that
// nothing is known of the others. Both may hold the period and later ones; they
// are not read.
func (e *Encoder) Row(dst []float32, history sales.Series, chain *Chain, period sales.Period, known []float64) error {
	if len(dst) != e.Width() {
		return fmt.Errorf("a row has %d features, there is room for %d", e.Width(), len(dst))
	}
	if known != nil && len(known) != len(e.state.ColumnNames) {
		return fmt.Errorf("%d columns are given, the features were made for %d", len(known), len(e.state.ColumnNames))
	}
	if history.Frequency != e.calendar.Frequency() {
		return fmt.Errorf("the history is %s, the features were made for %s", history.Frequency, e.calendar.Frequency())
	}
	v := e.look(history, chain, period, known, placed{})
	e.write(dst, &v)
	return nil
}

// write fills a row in from a view.
func (e *Encoder) write(dst []float32, v *view) {
	for i := range e.features {
		dst[i] = float32(e.features[i].of(v))
	}
}

// Scale returns what the period's target is divided by: a prediction is
// Target.Undo of the model's answer and Scale. It is positive and depends on nothing but the
// history before the period; NaN where that holds no target.
func (e *Encoder) Scale(history sales.Series, period sales.Period) float64 {
	return e.look(history, nil, period, nil, placed{}).scale
}
