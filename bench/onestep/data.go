package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"iter"
	"math"

	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// memory is an etl.Loader that keeps what it is given.
type memory struct {
	schema       sales.Schema
	observations []sales.Observation
}

// Remembered says that nothing was loaded before.
func (m *memory) Remembered(context.Context) (sales.Source, bool, error) {
	return sales.Source{}, false, nil
}

// Load keeps the lines.
func (m *memory) Load(_ context.Context, src sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error) {
	m.schema = src.Schema
	for line, err := range lines {
		if err != nil {
			return sales.Loaded{}, err
		}
		if line.Refused == "" {
			m.observations = append(m.observations, line.Observation)
		}
	}
	return sales.Loaded{}, nil
}

// sample reads the data set that ships with the program.
func sample(ctx context.Context) (sales.Panel, error) {
	var m memory
	in := etl.Input{Name: "walmart.csv", Reader: bytes.NewReader(testdata.Walmart)}
	if _, err := etl.Run(ctx, in, &m, etl.Options{Mapping: etl.DefaultMapping(), Sample: true}); err != nil {
		return sales.Panel{}, err
	}
	return sales.NewPanel(m.schema, m.observations)
}

// testRows reads the rows that nothing may be learned from.
func testRows() ([]evaluate.RowID, error) {
	records, err := csv.NewReader(bytes.NewReader(testdata.TestRows)).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []evaluate.RowID
	for _, r := range records[1:] {
		week, err := sales.ParsePeriod(r[1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, evaluate.RowID{Key: sales.Key{r[0]}, Period: week})
	}
	return rows, nil
}

// rowFilter picks rows of a panel.
type rowFilter func(sales.Key, sales.Period) bool

// among returns the filter that picks the rows.
func among(rows []evaluate.RowID) rowFilter {
	is := map[string]bool{}
	id := func(k sales.Key, p sales.Period) string { return k.String() + " " + p.String() }
	for _, r := range rows {
		is[id(r.Key, r.Period)] = true
	}
	return func(k sales.Key, p sales.Period) bool { return is[id(k, p)] }
}

// actuals returns the targets of the rows that the filter picks, by key and then
// period.
func actuals(p sales.Panel, picks rowFilter) []float64 {
	var y []float64
	for _, s := range p.Series {
		for i, v := range s.Target {
			if !math.IsNaN(v) && picks(s.Key, s.Period(i)) {
				y = append(y, v)
			}
		}
	}
	return y
}

// meanOf returns the means of pairs.
func meanOf(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range out {
		out[i] = (a[i] + b[i]) / 2
	}
	return out
}
