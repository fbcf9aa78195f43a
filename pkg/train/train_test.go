package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/tune"
)

// chain makes weekly sales of some stores with a yearly wave, growth and a
// little noise that is the same each time.
func chain(stores, weeks int) sales.Panel {
	p := sales.Panel{Schema: sales.Schema{
		Frequency: sales.Frequency{Ends: time.Friday}, KeyNames: []string{"store"}, ColumnNames: []string{"price"},
	}}
	state := uint64(1)
	noise := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>40)/(1<<24) - 0.5
	}
	for k := range stores {
		s := sales.Series{
			Key: sales.Key{fmt.Sprint(k + 1)}, Frequency: p.Frequency, Start: sales.Date(2020, 1, 3),
			Columns: [][]float64{nil},
		}
		for i := range weeks {
			price := 3 + noise()
			wave := 1 + 0.2*math.Sin(2*math.Pi*float64(i)/52)
			s.Target = append(s.Target, float64(k+1)*1000*wave*(1+0.001*float64(i))*(1+0.05*noise())*(4-price))
			s.Columns[0] = append(s.Columns[0], price)
		}
		p.Series = append(p.Series, s)
	}
	return p
}

func recipe() pipeline.Recipe {
	return pipeline.Recipe{Seed: 1, Models: []model.Spec{
		{Name: "rf", Params: map[string]any{"n_estimators": 5}},
		{Name: "gbt", Params: map[string]any{"n_estimators": 5, "max_depth": 2}},
	}}
}

// memory keeps records, and the pipelines that are to be versions, in lists.
type memory struct {
	records []record.Record
	files   [][]byte
}

func (m *memory) Deliver(_ context.Context, r record.Record) (record.Delivered, error) {
	m.records = append(m.records, r)
	d := record.Delivered{Run: mlflow.RunInfo{ID: fmt.Sprint("run", len(m.records))}}
	for _, made := range r.Models {
		if made.Register != RegisteredName {
			continue
		}
		v := record.Version{ModelVersion: mlflow.ModelVersion{Name: made.Register}}
		v.Version, v.Fresh = m.keep(file(made, PipelineFile))
		d.Versions = append(d.Versions, v)
	}
	return d, nil
}

func (m *memory) keep(body []byte) (string, bool) {
	for i, f := range m.files {
		if slices.Equal(f, body) {
			return fmt.Sprint(i + 1), false
		}
	}
	m.files = append(m.files, body)
	return fmt.Sprint(len(m.files)), true
}

func file(m record.Model, path string) []byte {
	for _, f := range m.Files {
		if f.Path == path {
			return f.Data
		}
	}
	return nil
}

func run(t *testing.T, o Options) Report {
	t.Helper()
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestRunTakesTheWholeWay(t *testing.T) {
	registry := &memory{}
	o := Options{Panel: chain(3, 140), Recipe: recipe(), Backtest: true, Log: registry, Register: true}
	var steps []string
	o.Progress = func(p Progress) {
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
		if p.Done > p.Total {
			t.Errorf("%s: %d of %d", p.Step, p.Done, p.Total)
		}
	}
	r := run(t, o)
	if want := []string{"scoring one week ahead", "backtesting", "training on everything", "logging to MLflow"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	if want := o.Panel.Frequency.Add(o.Panel.Origin(), -28); r.Split != want {
		t.Errorf("split after %s, want %s", r.Split, want)
	}
	for _, row := range r.OneStep.Rows {
		if row.Date <= r.Split || row.Horizon != 1 {
			t.Fatalf("the one-step table has %+v", row)
		}
	}
	if want := []string{"naive", "seasonal_naive", "arima", "seasonal_naive_growth", "rf", "gbt", "rf_gbt_mean"}; !slices.Equal(r.OneStep.Models, want) {
		t.Errorf("models %q, want %q", r.OneStep.Models, want)
	}
	if len(r.Pipeline.Choice) != 8 || r.Pipeline.EvaluatedThrough != o.Panel.Origin() || r.Pipeline.TrainedThrough != o.Panel.Origin() {
		t.Errorf("pipeline %+v", r.Pipeline)
	}
	for h, name := range r.Pipeline.Choice {
		if name != r.Backtest.Best(h+1) {
			t.Errorf("horizon %d: %s, the backtest says %s", h+1, name, r.Backtest.Best(h+1))
		}
	}
	if r.Version != "1" || !r.Fresh || len(registry.files) != 1 {
		t.Errorf("version %q, fresh %v", r.Version, r.Fresh)
	}
	o.Recipe.Jobs = 3
	if again := run(t, o); again.Version != "1" || again.Fresh || !cmp.Equal(again.OneStep.Scores, r.OneStep.Scores, cmpopts.EquateNaNs()) {
		t.Errorf("the same again gives version %q, fresh %v", again.Version, again.Fresh)
	}
	o.Recipe.Seed++
	if other := run(t, o); other.Version != "2" || !other.Fresh {
		t.Errorf("another seed gives version %q, fresh %v", other.Version, other.Fresh)
	}
}

func TestWithoutBacktestOrRegistry(t *testing.T) {
	r := run(t, Options{Panel: chain(2, 120), Recipe: recipe()})
	if r.Backtest != nil || r.Version != "" || !slices.Equal(r.Pipeline.Choice, []string{pipeline.Default}) || len(r.Warnings) == 0 {
		t.Errorf("%+v, warnings %q", r.Pipeline, r.Warnings)
	}
}

func spaces() []Space {
	return []Space{
		{"gbt", tune.Space{{Name: "max_depth", Values: []any{1, 3}}, {Name: "learning_rate", Values: []any{0.001, 0.3}}}},
		{"rf", tune.Space{{Name: "max_depth", Values: []any{1, 6}}}},
	}
}

func TestTuningPutsTheWinnerIntoTheModel(t *testing.T) {
	o := Options{Panel: chain(3, 140), Recipe: recipe(), Spaces: spaces()}
	r := run(t, o)
	if len(r.Tunings) != 2 || len(r.Tunings[0].Trials) != 4 || len(r.Tunings[1].Trials) != 2 {
		t.Fatalf("tunings %+v", r.Tunings)
	}
	for i, tuning := range r.Tunings {
		best := tuning.Best()
		for name, value := range best.Params {
			if got := r.Models[1-i].Params[name]; got != value {
				t.Errorf("%s: %s is %v, the winner has %v", tuning.Model, name, got, value)
			}
		}
		if r.Models[1-i].Params["n_estimators"] != 5 {
			t.Errorf("%s: what was not searched is lost: %v", tuning.Model, r.Models[1-i].Params)
		}
		if len(best.Folds) != 3 || best.Mean > tuning.Trials[1].Mean {
			t.Errorf("%s: %+v", tuning.Model, tuning.Trials)
		}
	}
	if best := r.Tunings[0].Best().Params; best["learning_rate"] != 0.3 {
		t.Errorf("a model that does not learn won: %v", best)
	}
	o.Recipe.Jobs = 4
	if again := run(t, o); !reflect.DeepEqual(again.Tunings, r.Tunings) || !slices.Equal(again.File, r.File) {
		t.Error("another number of jobs gives another ranking or file")
	}
}

// TestTuningNeverSeesTheHeldBackPeriods poisons everything after the split.
func TestTuningNeverSeesTheHeldBackPeriods(t *testing.T) {
	o := Options{Panel: chain(2, 140), Recipe: recipe(), Spaces: spaces()}
	want := run(t, o)
	poisoned := chain(2, 140)
	for _, s := range poisoned.Series {
		for i := s.Index(want.Split) + 1; i < s.Len(); i++ {
			s.Target[i], s.Columns[0][i] = 1e7, -5
		}
	}
	o.Panel = poisoned
	if got := run(t, o); !reflect.DeepEqual(got.Tunings, want.Tunings) {
		t.Error("what was held back moved the tuning")
	}
}

func TestScores(t *testing.T) {
	rank := map[string]bool{}
	for _, score := range Scores() {
		r := run(t, Options{Panel: chain(2, 120), Recipe: recipe(), Spaces: spaces()[1:], Score: score})
		rank[fmt.Sprint(r.Tunings[0].Best().Mean)] = true
	}
	if len(rank) != len(Scores()) {
		t.Errorf("%d scores give %d different values", len(Scores()), len(rank))
	}
	_, err := Run(t.Context(), Options{Panel: chain(2, 120), Recipe: recipe(), Spaces: spaces(), Score: "r2"})
	if !fault.Is(err, fault.Usage) {
		t.Errorf("an unknown score: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		kind fault.Kind
	}{
		"no data":    {Options{}, fault.NotFound},
		"four weeks": {Options{Panel: chain(2, 4)}, fault.Invalid},
		"model":      {Options{Panel: chain(2, 120), Recipe: pipeline.Recipe{Models: []model.Spec{{Name: "x"}}}}, fault.Usage},
	} {
		if _, err := Run(t.Context(), c.o); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCancelledTrainingLeavesNothing cancels at every report of progress in turn.
func TestCancelledTrainingLeavesNothing(t *testing.T) {
	for at := 0; ; at += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		registry, n := &memory{}, 0
		_, err := Run(ctx, Options{
			Panel: chain(2, 120), Recipe: recipe(), Spaces: spaces(), Backtest: true, Log: registry, Register: true,
			Progress: func(Progress) {
				if n++; n > at {
					cancel()
				}
			},
		})
		cancel()
		if n <= at {
			if at == 0 {
				t.Fatal("nothing reports progress")
			}
			return
		}
		if err == nil && at+2 < n {
			t.Errorf("cancelled at report %d of %d: no error", at, n)
		}
		if err != nil && (!errors.Is(err, context.Canceled) || len(registry.files) > 0) {
			t.Errorf("cancelled at report %d: %v, %d files", at, err, len(registry.files))
		}
	}
}

func TestAfterListsRowsWithATarget(t *testing.T) {
	p := chain(2, 10)
	p.Series[1].Target[9] = math.NaN()
	got := after(p, p.Frequency.Add(p.Start(), 7))
	want := []evaluate.RowID{
		{Key: p.Series[0].Key, Period: p.Series[0].Period(8)}, {Key: p.Series[0].Key, Period: p.Series[0].Period(9)},
		{Key: p.Series[1].Key, Period: p.Series[1].Period(8)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Each fold trains on what lies before its validation, and validates once: the
// training of a fold and all validations from it on are the rows there are.
func TestFoldsOfTuningDoNotOverlap(t *testing.T) {
	p := chain(3, 140)
	encoder, _, err := features.Fit(p, features.Options{Set: features.Row})
	if err != nil {
		t.Fatal(err)
	}
	table, err := encoder.Transform(p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGround(p, 3, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rest := len(table.Learn)
	for i := len(g.folds) - 1; i >= 0; i-- {
		f := g.folds[i]
		if rest -= f.valid.Len(); f.valid.Len() == 0 || f.train.Len() != rest {
			t.Errorf("fold %d: %d rows to validate on after %d, want %d to train on", i, f.valid.Len(), f.train.Len(), rest)
		}
	}
}
