package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

const (
	goldenRows  = 3    // rows of the row predictor
	goldenSteps = 8    // periods of each forecaster
	goldenSlack = 1e-9 // relative; processors may round differently
)

// golden is one series and what the pipeline answered for it when it was
// trained. A file that answers otherwise is not what was written, or this
// program computes otherwise than the one that wrote it.
type golden struct {
	Key     sales.Key            `json:"key"`
	Static  []string             `json:"static,omitempty"`
	Start   sales.Period         `json:"start"`
	Target  numbers              `json:"target"`
	Columns []numbers            `json:"columns"`
	Rows    []goldenRow          `json:"rows"`
	Paths   map[string][]float64 `json:"paths"` // by forecaster
}

// goldenRow is the parts' answers for one period of the series.
type goldenRow struct {
	Period sales.Period `json:"period"`
	Parts  []float64    `json:"parts"`
}

// numbers is written with null for NaN, which JSON lacks.
type numbers []float64

// MarshalJSON writes NaN as null.
func (n numbers) MarshalJSON() ([]byte, error) {
	out := make([]*float64, len(n))
	for i := range n {
		if !math.IsNaN(n[i]) {
			out[i] = &n[i]
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads null as NaN.
func (n *numbers) UnmarshalJSON(b []byte) error {
	var in []*float64
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*n = make(numbers, len(in))
	for i, v := range in {
		(*n)[i] = math.NaN()
		if v != nil {
			(*n)[i] = *v
		}
	}
	return nil
}

// newGolden takes the series with the most periods, the first of equals: on it
// every model answers for itself, where a new one has only the fallback.
func newGolden(p sales.Panel) golden {
	s := slices.MaxFunc(p.Series, func(a, b sales.Series) int { return cmp.Compare(a.Len(), b.Len()) })
	g := golden{Key: s.Key, Static: s.Static, Start: s.Start, Target: s.Target, Paths: map[string][]float64{}}
	for _, c := range s.Columns {
		g.Columns = append(g.Columns, c)
	}
	return g
}

// fits refuses a series that is none of the schema, on which no model can be asked.
func (g golden) fits(schema sales.Schema) error {
	short := func(c numbers) bool { return len(c) != len(g.Target) }
	if len(g.Key) != len(schema.KeyNames) || len(g.Static) != len(schema.StaticNames) ||
		len(g.Columns) != len(schema.ColumnNames) || slices.ContainsFunc(g.Columns, short) {
		return damaged("its golden series is not of its schema")
	}
	return nil
}

// panel returns the golden series as a history.
func (g golden) panel(schema sales.Schema) sales.Panel {
	s := sales.Series{Key: g.Key, Static: g.Static, Frequency: schema.Frequency, Start: g.Start, Target: g.Target}
	for _, c := range g.Columns {
		s.Columns = append(s.Columns, c)
	}
	return sales.Panel{Schema: schema, Series: []sales.Series{s}}
}

// past returns the golden series as the whole chain.
func (g golden) past(schema sales.Schema, t *trees) past {
	p := g.panel(schema)
	return past{p.Series[0], t.encoder.Chain(p, p.Start(), p.Origin())}
}

// path returns what the forecaster answers for the golden series.
func (g golden) path(schema sales.Schema, f sales.Observer) ([]float64, error) {
	observed, err := f.Observe(g.panel(schema))
	if err != nil {
		return nil, err
	}
	forecasts, err := observed.Forecast(context.Background(), sales.Request{Steps: goldenSteps})
	if err != nil {
		return nil, err
	}
	var out []float64
	for _, point := range forecasts[0].Points {
		out = append(out, point.Mean)
	}
	return out, nil
}

// checkForecaster refuses a forecaster that does not answer as it did.
func (g golden) checkForecaster(schema sales.Schema, name string, f sales.Observer) error {
	got, err := g.path(schema, f)
	if err != nil {
		return fault.New(fault.Integrity, "the pipeline's %s cannot answer its golden series: %w", name, err)
	}
	return g.compare(name, got, g.Paths[name])
}

// rows returns what the row predictor answers for the newest golden periods.
func (g golden) rows(schema sales.Schema, t *trees) ([]goldenRow, error) {
	history := g.past(schema, t)
	s := history.Series
	use := make([]int, len(t.models)) // all of them
	for i := range use {
		use[i] = i
	}
	var out []goldenRow
	for i := max(1, s.Len()-goldenRows); i < s.Len(); i++ {
		row := goldenRow{Period: s.Period(i), Parts: make([]float64, len(t.models))}
		if err := t.answer(row.Parts, use, history, row.Period, s.ColumnsAt(i)); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// checkRows refuses a row predictor that does not answer as it did.
func (g golden) checkRows(schema sales.Schema, t *trees) error {
	got, err := g.rows(schema, t)
	if err != nil {
		return fault.New(fault.Integrity, "the pipeline's row predictor cannot answer its golden rows: %w", err)
	}
	if len(got) != len(g.Rows) {
		return damaged("its golden rows are not whole")
	}
	for i, row := range got {
		if err := g.compare("row predictor", row.Parts, g.Rows[i].Parts); err != nil {
			return err
		}
	}
	return nil
}

func (g golden) compare(name string, got, want []float64) error {
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = math.Abs(got[i]-want[i]) <= goldenSlack*math.Abs(want[i])
	}
	if same {
		return nil
	}
	return fault.New(fault.Integrity, "the pipeline's %s does not give its golden answers: %v, want %v", name, got, want).
		WithHint("run `salesctl train` again, or use the salesctl that wrote the file")
}
