package train

import (
	"bytes"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// sample returns the whole sample.
func sample(t *testing.T) sales.Panel {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []sales.Observation
	for _, line := range lines[1:] {
		day, err := sales.ParseDay("02-01-2006", line[1])
		if err != nil {
			t.Fatal(err)
		}
		o := sales.Observation{Key: sales.Key{line[0]}, Period: day}
		for _, text := range line[2:] {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			o.Columns = append(o.Columns, v)
		}
		o.Target, o.Columns = o.Columns[0], o.Columns[1:]
		all = append(all, o)
	}
	p, err := sales.NewPanel(sales.Schema{
		Frequency: sales.Frequency{Ends: time.Friday}, KeyNames: []string{"store"},
		ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
	}, all)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// exported is a regressor that is asked for in Python.
type exported struct {
	pipeline  *pipeline.Pipeline
	export    pipeline.Export
	objective string      // XGBoost's JSON of it
	data      sales.Panel // that it was trained with
}

// withGaps returns the panel without some values of its columns: by chance in one,
// and in another where sales are low and where they are high.
func withGaps(p sales.Panel) sales.Panel {
	out := p
	out.Series = nil
	for _, s := range p.Series {
		columns := make([][]float64, len(s.Columns))
		for c, column := range s.Columns {
			columns[c] = slices.Clone(column)
			for i := range column {
				if c == 1 && i%5 == 0 || c == 2 && s.Target[i] < 5e5 || c == 3 && s.Target[i] > 1.5e6 {
					columns[c][i] = math.NaN()
				}
			}
		}
		s.Columns = columns
		out.Series = append(out.Series, s)
	}
	return out
}

// rowsOf returns the rows of a panel as the product's models see them.
func rowsOf(t *testing.T, p sales.Panel) features.Table {
	t.Helper()
	encoder, _, err := features.Fit(p, features.Options{Set: features.Row})
	if err != nil {
		t.Fatal(err)
	}
	table, err := encoder.Transform(p)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const squaredError = `{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}`

// everyKind trains regressors of every objective, with and without categorical
// splits of both kinds, and forests, by the names of their folders.
func everyKind(t *testing.T, data sales.Panel) map[string]exported {
	t.Helper()
	out := map[string]exported{}
	for name, c := range map[string]struct {
		params    map[string]any
		objective string
	}{
		"squared":                   {map[string]any{}, squaredError},
		"squared, sets":             {map[string]any{"enable_categorical": true}, squaredError},
		"squared, single":           {map[string]any{"enable_categorical": true, "max_cat_to_onehot": 100}, squaredError},
		"squared, gaps":             {map[string]any{}, squaredError},
		"absolute, gaps, sets":      {map[string]any{"objective": "reg:absoluteerror", "enable_categorical": true}, `{"name":"reg:absoluteerror"}`},
		"absolute":                  {map[string]any{"objective": "reg:absoluteerror"}, `{"name":"reg:absoluteerror"}`},
		"absolute, sets":            {map[string]any{"objective": "reg:absoluteerror", "enable_categorical": true}, `{"name":"reg:absoluteerror"}`},
		"Huber of a slope, single":  {map[string]any{"objective": "reg:pseudohubererror", "huber_slope": 0.25, "enable_categorical": true, "max_cat_to_onehot": 100}, `{"name":"reg:pseudohubererror","pseudo_huber_param":{"huber_slope":"0.25"}}`},
		"Huber of a large slope":    {map[string]any{"objective": "reg:pseudohubererror", "huber_slope": 5e6}, `{"name":"reg:pseudohubererror","pseudo_huber_param":{"huber_slope":"5000000"}}`},
		"a low quantile, sets":      {map[string]any{"objective": "reg:quantileerror", "quantile_alpha": 0.1, "enable_categorical": true}, `{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[1E-1]"}}`},
		"a high quantile, sampling": {map[string]any{"objective": "reg:quantileerror", "quantile_alpha": 0.95, "subsample": 0.7, "colsample_bynode": 0.5}, `{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[9.5E-1]"}}`},
	} {
		c.params["n_estimators"] = 50
		recipe := pipeline.Recipe{Seed: 42, Models: []model.Spec{{Name: "gbt", Params: c.params}}}
		if name == "squared" || name == "squared, gaps" {
			recipe.Models = append(recipe.Models, model.Spec{Name: "rf", Params: map[string]any{"max_features": 0.33}}, model.Spec{Name: "extra_trees"})
		}
		panel := data
		if strings.Contains(name, "gaps") {
			panel = withGaps(data)
		}
		trained, err := pipeline.Train(t.Context(), panel, recipe, pipeline.Evaluation{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.Open(bytes.NewReader(trained.File), int64(len(trained.File)))
		if err != nil {
			t.Fatal(err)
		}
		exports, err := p.Exports()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exports {
			folder := name
			if e.Name != "gbt" {
				folder = e.Name + strings.TrimPrefix(name, "squared")
			}
			out[folder] = exported{p, e, c.objective, panel}
		}
	}
	return out
}
