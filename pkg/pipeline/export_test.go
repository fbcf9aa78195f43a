package pipeline

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// plain is what `salesctl train` makes of forest and boosting.
func plain() Recipe {
	return Recipe{Seed: 42, Models: []model.Spec{
		{Name: "rf", Params: map[string]any{"max_features": 0.33}},
		{Name: "gbt", Params: map[string]any{"learning_rate": 0.05, "subsample": 0.7, "colsample_bytree": 0.5}},
	}}
}

func exports(t *testing.T, p *Pipeline) []Export {
	t.Helper()
	out, err := p.Exports()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func written(t *testing.T, e Export) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rowsOf returns the rows of every period from the asked one on.
func rowsOf(p sales.Panel, from sales.Period) (rows []sales.Row) {
	for _, s := range p.Series {
		for i := range s.Len() {
			if s.Period(i) >= from {
				rows = append(rows, sales.Row{Key: s.Key, Period: s.Period(i), Columns: s.ColumnsAt(i)})
			}
		}
	}
	return rows
}

// What the exports answer, undone, is what Predict says, and the rows are those that
// training sees.
func TestInputsAreWhatPredictAnswersFrom(t *testing.T) {
	for name, r := range map[string]Recipe{"plain": small(), "log": logarithms()} {
		t.Run(name, func(t *testing.T) { inputsAnswer(t, r) })
	}
}

func inputsAnswer(t *testing.T, r Recipe) {
	data := sample(t, 3)
	p := open(t, train(t, data, r, Evaluation{}).File)
	rows := rowsOf(data, sales.Date(2012, 9, 7))
	in, err := p.Inputs(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := p.Predict(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	predictors, err := p.rows()
	if err != nil {
		t.Fatal(err)
	}
	table, err := predictors.encoder.Transform(data)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		r := slices.IndexFunc(table.Index, func(at features.Index) bool {
			return data.Series[at.Series].Key.String() == row.Key.String() && at.Period == row.Period
		})
		x := make([]float32, len(in.Features))
		table.X.Row(x, r)
		if !sameBits(x, in.X[i]) || table.Scale[r] != in.Scale[i] {
			t.Errorf("%s %s: %v times %v, want %v times %v", row.Key, row.Period, in.X[i], in.Scale[i], x, table.Scale[r])
		}
		for _, part := range predictions[i].Parts {
			got := table.Target.Undo(float64(in.Answers[part.Model][i]), in.Scale[i])
			if math.Abs(got/part.Value-1) > 1e-6 {
				t.Errorf("%s %s %s: %v, want %v", row.Key, row.Period, part.Model, got, part.Value)
			}
		}
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// Rows after the newest actual are answered, too, from forecasts between.
func TestInputsReachBeyondTheHistory(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	rows := []sales.Row{{Key: sales.Key{"2"}, Period: sales.Date(2012, 11, 23)}}
	in, err := p.Inputs(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := p.Predict(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range predictions[0].Parts {
		if got := float64(in.Answers[part.Model][0]) * in.Scale[0]; math.Abs(got/part.Value-1) > 1e-6 {
			t.Errorf("%s: %v, want %v", part.Model, got, part.Value)
		}
	}
}

func TestInputsRefuse(t *testing.T) {
	data := sample(t, 1)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	other := data
	other.KeyNames = []string{"shop"}
	if _, err := p.Inputs(t.Context(), other, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("other data: %v", err)
	}
	if _, err := p.Inputs(t.Context(), data, []sales.Row{{Key: sales.Key{"9"}, Period: data.Origin()}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown store: %v", err)
	}
	short := []sales.Row{{Key: sales.Key{"1"}, Period: data.Origin(), Columns: []float64{1}}}
	if _, err := p.Inputs(t.Context(), data, short); err == nil || !strings.Contains(err.Error(), "1 columns are given") {
		t.Errorf("half a row: %v", err)
	}
	without := open(t, train(t, data, Recipe{}, Evaluation{}).File)
	if _, err := without.Inputs(t.Context(), data, nil); !fault.Is(err, fault.NotFound) || fault.HintOf(err) != "run `salesctl train --model rf,gbt`" {
		t.Errorf("no regressors: %v, hint %q", err, fault.HintOf(err))
	}
	if none := exports(t, without); none != nil {
		t.Errorf("no regressors: %v", none)
	}
}

// The example is the newest rows of a series, answered by both models.
func TestExamples(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	alone := sales.Panel{Schema: data.Schema, Series: data.Series[:1]} // which is all that the file holds
	want, err := p.Inputs(t.Context(), alone, rowsOf(alone, sales.Date(2012, 10, 12)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range exports(t, p) {
		names = append(names, e.Name)
		if e.Basis != features.Seasonal || e.Output != "the target of the week over its scale: what last year's same dates and the growth since let expect" {
			t.Errorf("%s: %s, %s", e.Name, e.Basis, e.Output)
		}
		if diff := cmp.Diff(want.Answers, e.Example.Answers); diff != "" || len(e.Example.X) != goldenRows {
			t.Errorf("%s: %d rows, %s", e.Name, len(e.Example.X), diff)
		}
		if diff := cmp.Diff(want.Scale, e.Example.Scale); diff != "" {
			t.Errorf("%s: %s", e.Name, diff)
		}
	}
	if diff := cmp.Diff([]string{"rf", "gbt"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestMeaning(t *testing.T) {
	for basis, want := range map[features.Basis]string{
		features.Raw:   "the target of the month in its own unit",
		features.Level: "the target of the month over its scale: the mean of the newest months before it",
	} {
		if got := meaning(features.Plain, basis, "month"); got != want {
			t.Errorf("%s: %q, want %q", basis, got, want)
		}
		if got := meaning(features.Log, basis, "month"); got != "the natural logarithm of "+want {
			t.Errorf("%s, logarithm: %q", basis, got)
		}
	}
}

func TestExportNames(t *testing.T) {
	got := exportNames([]string{"temp [C]", "temp _C_", "a<b", "a[b", "tab\there", "größe", "bad\xff"})
	want := []string{"temp _C__", "temp _C_", "a_b", "a_b_", "tab_here", "größe", "bad_"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab_<\[]{1,4}`), 0, 20, rapid.ID[string]).Draw(t, "names")
		seen := map[string]bool{}
		for i, name := range exportNames(names) {
			if seen[name] || strings.ContainsAny(name, "[]<") || !strings.ContainsAny(names[i], "[]<") && name != names[i] {
				t.Fatalf("%q became %q", names, exportNames(names))
			}
			seen[name] = true
		}
	})
}

// whole is the pipeline of the whole sample, and all of its rows, the first ones
// with their missing lags included.
func whole(t *testing.T) (*trees, features.Table, []Export) {
	t.Helper()
	data := sample(t, 45)
	p := open(t, train(t, data, plain(), Evaluation{}).File)
	predictors, err := p.rows()
	if err != nil {
		t.Fatal(err)
	}
	table, err := predictors.encoder.Transform(data)
	if err != nil {
		t.Fatal(err)
	}
	if table.X.Len() != 6435 {
		t.Fatalf("the sample has %d rows", table.X.Len())
	}
	return predictors, table, exports(t, p)
}

// The exports answer as the pipeline does up to rounding, fit into 10 MB, and
// are always the same bytes.
func TestExportsOfTheSample(t *testing.T) {
	predictors, table, all := whole(t)
	x := make([]float32, table.X.Width())
	for i, e := range all {
		body := written(t, e)
		if len(body) > 10e6 {
			t.Errorf("%s takes %d bytes", e.Name, len(body))
		}
		if !bytes.Equal(body, written(t, e)) {
			t.Errorf("%s is written as other bytes", e.Name)
		}
		worst := 0.0
		for r := range table.X.Len() {
			table.X.Row(x, r)
			worst = max(worst, math.Abs(float64(e.model.PredictRow32(x))/predictors.models[i].PredictRow(x)-1))
		}
		t.Logf("%s: %d bytes, at most %.2g from the pipeline's own answers", e.Name, len(body), worst)
		if limit := map[string]float64{"rf": 1e-5, "gbt": 0}[e.Name]; worst > limit {
			t.Errorf("%s: %v from the pipeline's own answers, %v is the limit", e.Name, worst, limit)
		}
	}
}
