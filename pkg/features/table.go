package features

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Index names a row: the series, by its index in the panel, and the period.
type Index struct {
	Series int
	Period sales.Period
}

// Table is the rows of a panel that have a target, by key and then period.
type Table struct {
	X      *model.Frame
	Y      []float64 // what a model learns; one a row
	Target Target    // how the target became Y
	Scale  []float64 // as Encoder.Scale gives it; one a row
	Actual []float64 // the target in its own unit; one a row
	Index  []Index   // one a row
	Learn  []int32   // the rows to learn from, ascending
}

// Transform makes the rows of a panel. Periods without a target are left out. A
// panel with other keys or columns than those of Fit is a fault.Conflict.
func (e *Encoder) Transform(p sales.Panel) (Table, error) {
	st := e.state
	if p.Frequency.String() != st.Frequency || !slices.Equal(p.KeyNames, st.KeyNames) ||
		!slices.Equal(p.ColumnNames, st.ColumnNames) || !slices.Equal(p.StaticNames, st.StaticNames) {
		return Table{}, fault.New(fault.Conflict, "the features were made for %s, the data is %s",
			describe(st.Frequency, st.KeyNames, st.ColumnNames, st.StaticNames),
			describe(p.Frequency.String(), p.KeyNames, p.ColumnNames, p.StaticNames)).
			WithHint("train again with `salesctl train`")
	}
	return e.transform(p, nil), nil
}

// describe words a schema.
func describe(frequency string, keys, columns, statics []string) string {
	return fmt.Sprintf("%s by %q with columns %q and static %q", frequency, keys, columns, statics)
}

// transform makes the rows that the filter picks.
func (e *Encoder) transform(p sales.Panel, rows Filter) Table {
	n := 0
	eachRow(p, rows, func(Index, int) { n++ })
	t := Table{
		X: model.NewFrame(e.Names(), e.Kinds(), n), Target: e.state.Target,
		Y: make([]float64, n), Scale: make([]float64, n), Actual: make([]float64, n),
		Index: make([]Index, 0, n), Learn: make([]int32, 0, n),
	}
	row := make([]float32, e.Width())
	known := make([]float64, len(p.ColumnNames))
	chain, years := e.Chain(p, p.Start(), p.Origin()), newPlaced()
	var v view // one for all rows: it is large
	eachRow(p, rows, func(at Index, i int) {
		s, r := p.Series[at.Series], len(t.Index)
		for c := range known {
			known[c] = s.Columns[c][i]
		}
		v = e.look(s, chain, at.Period, known, years)
		e.write(row, &v)
		t.X.SetRow(r, row)
		t.Actual[r], t.Scale[r] = s.Target[i], v.scale
		t.Y[r] = t.Target.of(s.Target[i], v.scale)
		t.Index = append(t.Index, at)
		if e.teaches(&v) {
			t.Learn = append(t.Learn, int32(r))
		}
	})
	return t
}

// teaches reports whether a model should learn from the row: its scale is the
// basis itself and not a substitute.
func (e *Encoder) teaches(v *view) bool {
	if e.state.Basis == Seasonal {
		return v.seasonal()
	}
	return !math.IsNaN(v.scale)
}

// eachRow calls f for every period with a target that the filter picks, by key
// and then period; i is the period's index in its series.
func eachRow(p sales.Panel, rows Filter, f func(at Index, i int)) {
	for s, series := range p.Series {
		for i, y := range series.Target {
			at := Index{s, series.Period(i)}
			if !math.IsNaN(y) && rows.picks(at) {
				f(at, i)
			}
		}
	}
}

// Dataset returns the rows to learn from.
func (t Table) Dataset() model.Dataset { return model.Dataset{X: t.X, Y: t.Y, Rows: t.Learn} }

// Where returns the rows to learn from among those that the filter picks. All
// datasets of a table share its frame.
func (t Table) Where(rows Filter) model.Dataset {
	d := t.Dataset()
	d.Rows = make([]int32, 0, len(t.Learn))
	for _, r := range t.Learn {
		if rows.picks(t.Index[r]) {
			d.Rows = append(d.Rows, r)
		}
	}
	return d
}
