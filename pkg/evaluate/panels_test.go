package evaluate_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

var weekly = sales.Frequency{Unit: sales.Weekly, Ends: time.Friday}

var friday = sales.Date(2010, time.February, 5)

// week returns the i-th week of all test panels, from 0.
func week(i int) sales.Period { return weekly.Add(friday, i) }

var schema = sales.Schema{Frequency: weekly, KeyNames: []string{"store"}, ColumnNames: []string{"price"}}

// lay makes a panel of targets by store: store i+1 has targets[i], from week 0.
// The column of a period is its index plus 1000 times the store.
func lay(targets ...[]float64) sales.Panel {
	p := sales.Panel{Schema: schema}
	for i, target := range targets {
		column := make([]float64, len(target))
		for t := range column {
			column[t] = float64(1000*(i+1) + t)
		}
		p.Series = append(p.Series, sales.Series{
			Key: key(i + 1), Frequency: weekly, Start: friday, Target: target, Columns: [][]float64{column},
		})
	}
	return p
}

func key(store int) sales.Key { return sales.Key{strconv.Itoa(store)} }

// ramp returns n targets from a on, each 1 more than the one before.
func ramp(a float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = a + float64(i)
	}
	return out
}

// drawPanel draws 1 to 4 stores of 12 to 40 weeks that start and end at
// different weeks and have gaps.
func drawPanel(t *rapid.T) sales.Panel {
	p := sales.Panel{Schema: schema}
	for i := range rapid.IntRange(1, 4).Draw(t, "stores") {
		n := rapid.IntRange(12, 40).Draw(t, "weeks")
		value := rapid.OneOf(rapid.Float64Range(1, 100), rapid.Float64Range(1, 100), rapid.Just(math.NaN()))
		s := sales.Series{Key: key(i + 1), Frequency: weekly, Start: week(rapid.IntRange(0, 8).Draw(t, "start"))}
		s.Target = rapid.SliceOfN(value, n, n).Draw(t, "target")
		s.Columns = [][]float64{rapid.SliceOfN(rapid.Float64Range(0, 9), n, n).Draw(t, "price")}
		p.Series = append(p.Series, s)
	}
	return p
}

// clone copies the numbers of the panel.
func clone(p sales.Panel) sales.Panel {
	p.Series = slices.Clone(p.Series)
	for i, s := range p.Series {
		p.Series[i].Target = slices.Clone(s.Target)
		p.Series[i].Columns = [][]float64{slices.Clone(s.Columns[0])}
	}
	return p
}

// walmart returns the sample, with Store, Date and sales only.
func walmart(t *testing.T) sales.Panel {
	t.Helper()
	var obs []sales.Observation
	for _, r := range records(t, testdata.Walmart) {
		day, err := time.Parse("02-01-2006", r[1])
		if err != nil {
			t.Fatal(err)
		}
		target, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		obs = append(obs, sales.Observation{Key: sales.Key{r[0]}, Period: sales.Date(day.Date()), Target: target})
	}
	s := schema
	s.ColumnNames = nil
	p, err := sales.NewPanel(s, obs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// records returns the records of a CSV without its header.
func records(t *testing.T, data []byte) [][]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}
