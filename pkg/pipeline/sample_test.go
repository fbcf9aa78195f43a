package pipeline

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// sample returns the sample's rows of the first so many stores.
func sample(t testing.TB, stores int) sales.Panel {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var obs []sales.Observation
	for _, r := range rows[1:] {
		if number(r[0]) > float64(stores) {
			continue
		}
		day, err := sales.ParseDay("02-01-2006", r[1])
		if err != nil {
			t.Fatal(err)
		}
		o := sales.Observation{Key: sales.Key{r[0]}, Period: day, Target: number(r[2])}
		for _, c := range r[3:] {
			o.Columns = append(o.Columns, number(c))
		}
		obs = append(obs, o)
	}
	p, err := sales.NewPanel(sales.Schema{
		Frequency: sales.Frequency{Ends: time.Friday}, KeyNames: []string{"store"},
		ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
	}, obs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// small is a recipe that trains in milliseconds.
func small() Recipe {
	return Recipe{Seed: 1, Models: []model.Spec{
		{Name: "rf", Params: map[string]any{"n_estimators": 5}},
		{Name: "gbt", Params: map[string]any{"n_estimators": 5}},
	}}
}

// logarithms is the recipe whose models learn them.
func logarithms() Recipe {
	r := small()
	r.Features.Target = features.Log
	return r
}

func train(t testing.TB, p sales.Panel, r Recipe, e Evaluation) Trained {
	t.Helper()
	out, err := Train(t.Context(), p, r, e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t testing.TB, file []byte) *Pipeline {
	t.Helper()
	p, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
