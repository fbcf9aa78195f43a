package features_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

var fridays = sales.Frequency{Ends: time.Friday}

// sample is the data set that ships with the program.
func sample(t testing.TB) sales.Panel {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var obs []sales.Observation
	for _, r := range records[1:] {
		day, err := time.Parse("02-01-2006", r[1])
		if err != nil {
			t.Fatal(err)
		}
		o := sales.Observation{Key: sales.Key{r[0]}, Period: sales.Date(day.Date()), Target: number(t, r[2])}
		for _, cell := range r[3:] {
			o.Columns = append(o.Columns, number(t, cell))
		}
		obs = append(obs, o)
	}
	p, err := sales.NewPanel(sales.Schema{
		Frequency: fridays, KeyNames: []string{"store"},
		ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
	}, obs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// some is the first stores of the sample, for tests that take many steps.
func some(t testing.TB, stores int) sales.Panel {
	p := sample(t)
	p.Series = p.Series[:stores]
	return p
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fit is features.Fit for options that must do.
func fit(t testing.TB, p sales.Panel, o features.Options) *features.Encoder {
	t.Helper()
	e, _, err := features.Fit(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// rowOf returns one row by its columns' names.
func rowOf(t testing.TB, e *features.Encoder, s sales.Series, p sales.Period, known []float64) map[string]float64 {
	t.Helper()
	x := make([]float32, e.Width())
	if err := e.Row(x, s, nil, p, known); err != nil {
		t.Fatal(err)
	}
	row := map[string]float64{}
	for i, name := range e.Names() {
		row[name] = float64(x[i])
	}
	return row
}

// knownOf returns the period's own columns.
func knownOf(s sales.Series, p sales.Period) []float64 {
	known := make([]float64, len(s.Columns))
	for c := range known {
		known[c] = math.NaN()
		if i := s.Index(p); i >= 0 && i < s.Len() {
			known[c] = s.Columns[c][i]
		}
	}
	return known
}

// weekly makes a series of Fridays from 2010-01-01 on.
func weekly(n int, target func(i int) float64) sales.Series {
	s := sales.Series{Key: sales.Key{"1"}, Frequency: fridays, Start: sales.Date(2010, 1, 1)}
	for i := range n {
		s.Target = append(s.Target, target(i))
	}
	return s
}

// panelOf joins series without columns, keyed by store.
func panelOf(series ...sales.Series) sales.Panel {
	return sales.Panel{Schema: sales.Schema{Frequency: series[0].Frequency, KeyNames: []string{"store"}}, Series: series}
}
