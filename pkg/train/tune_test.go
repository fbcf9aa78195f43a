package train

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/tune"
)

// drawn is a space to draw from.
func drawn() []Space {
	return []Space{{"gbt", tune.Space{
		{Name: "max_depth", Range: tune.Range{Kind: tune.Int, Low: 1, High: 4}},
		{Name: "learning_rate", Range: tune.Range{Kind: tune.LogUniform, Low: 0.001, High: 0.5}},
	}}}
}

// TestFoldsDoNotLookAhead corrupts everything from a fold's first validated week
// on, of all series but one: what the fold says of that week may not move.
func TestFoldsDoNotLookAhead(t *testing.T) {
	const folds = 3
	clean, err := newGround(chain(3, 140), folds, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range folds {
		poisoned := chain(3, 140)
		from := slices.Index(poisoned.Series[0].Target, clean.folds[i].actual[0]) // the first row of the validation
		for k, s := range poisoned.Series {
			for w := from; w < s.Len(); w++ {
				s.Target[w] = 1e7
				if w > from || k > 0 {
					s.Columns[0][w] = -5
				}
			}
		}
		dirty, err := newGround(poisoned, folds, features.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range pipeline.MeanOf(pipeline.Mean) {
			params := map[string]any{"n_estimators": 5}
			want, err := clean.forecast(t.Context(), model, params, clean.folds[i])
			if err != nil {
				t.Fatal(err)
			}
			got, err := dirty.forecast(t.Context(), model, params, dirty.folds[i])
			if err != nil {
				t.Fatal(err)
			}
			if got[0] != want[0] {
				t.Errorf("fold %d, %s: the future moved a forecast from %v to %v", i, model, want[0], got[0])
			}
			if len(got) > 1 && got[1] == want[1] {
				t.Errorf("fold %d, %s: the poison does nothing", i, model)
			}
		}
	}
}

// The folds have the recipe's features, and what they say is in the target's unit,
// whatever the models learn.
func TestFoldsHaveTheRecipesFeatures(t *testing.T) {
	g, err := newGround(chain(3, 140), 2, features.Options{Target: features.Log, Groups: []features.Group{features.Lags}, Lags: []int{1, 52}})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range g.folds {
		if !slices.Equal(f.train.X.Names, []string{"lag_1", "lag_52"}) || !slices.Equal(f.valid.Names, f.train.X.Names) {
			t.Errorf("fold %d learns from %v and is asked for %v", i, f.train.X.Names, f.valid.Names)
		}
		said, err := g.forecast(t.Context(), "rf", map[string]any{"n_estimators": 20}, f)
		if err != nil {
			t.Fatal(err)
		}
		for r := range said {
			if of := said[r] / f.actual[r]; of < 0.1 || of > 10 { // a logarithm itself is near 0
				t.Fatalf("fold %d says %v, it was %v", i, said[r], f.actual[r])
			}
		}
	}
}

// All models and candidates of a fold learn from one frame.
func TestFoldsAreBinnedOnce(t *testing.T) {
	g, err := newGround(chain(3, 140), 3, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range g.folds {
		before, err := f.train.X.Bins()
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range pipeline.MeanOf(pipeline.Mean) {
			if _, err := g.forecast(t.Context(), model, map[string]any{"n_estimators": 2}, f); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := g.folds[i].train.X.Bins(); err != nil || after != before {
			t.Errorf("fold %d has other bins: %v", i, err)
		}
	}
}

// stopped ends a training at the n-th report of a score.
func stopped(t *testing.T, o Options, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p Progress) {
		if strings.HasPrefix(p.Step, "tuning") && p.Done == n {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// A search that was ended goes on, for every strategy, and its journal becomes an
// artifact.
func TestSearchGoesOn(t *testing.T) {
	for _, strategy := range tune.Strategies() {
		space := drawn()
		if strategy == tune.Grid {
			space = spaces()
		}
		log := &memory{}
		o := Options{
			Panel: chain(2, 120), Recipe: recipe(), Spaces: space, Log: log, From: Provenance{ID: "r"},
			Search: Search{Strategy: strategy, Trials: 6},
		}
		o.Recipe.Jobs = 1
		want := run(t, o)
		o.Search.Journals = filepath.Join(t.TempDir(), "tune")
		stopped(t, o, 2)
		if left, err := os.ReadDir(o.Search.Journals); err != nil || len(left) != 1 {
			t.Fatalf("%s: %v (%v)", strategy, left, err)
		}
		o.Recipe.Jobs = 3
		got := run(t, o)
		if resumed := got.Tunings[0].Resumed; resumed < 2 {
			t.Errorf("%s: %d scores were taken over", strategy, resumed)
		}
		ignore := []cmp.Option{cmpopts.IgnoreFields(Tuning{}, "journal"), cmpopts.IgnoreFields(tune.Result{}, "Resumed")}
		if diff := cmp.Diff(want.Tunings, got.Tunings, ignore...); diff != "" || !slices.Equal(want.File, got.File) {
			t.Errorf("%s: another ranking or file: %s", strategy, diff)
		}
		if left, err := os.ReadDir(o.Search.Journals); err != nil || len(left) != 0 {
			t.Errorf("%s: %v are left (%v)", strategy, left, err)
		}
		last := log.records[len(log.records)-1]
		scores := 0
		for _, f := range last.Files {
			if f.Path == "tuning/xgboost_journal.jsonl" {
				scores = strings.Count(string(f.Data), "\n") - 1
			}
		}
		if taken := folded(got.Tunings[0].Trials); scores != taken {
			t.Errorf("%s: the run's journal has %d scores, %d were taken", strategy, scores, taken)
		}
	}
}

func folded(trials []tune.Trial) int {
	n := 0
	for _, trial := range trials {
		n += len(trial.Folds)
	}
	return n
}

// Whatever a score depends on makes another search.
func TestAnotherSearchHasAnotherJournal(t *testing.T) {
	names := map[string]string{}
	for name, change := range map[string]func(*Options){
		"same":     func(*Options) {},
		"jobs":     func(o *Options) { o.Recipe.Jobs = 2 },
		"timeout":  func(o *Options) { o.Search.Timeout = time.Hour },
		"data":     func(o *Options) { o.Panel.Series[0].Target[3]++ },
		"space":    func(o *Options) { o.Spaces[0].Params[0].Range.High++ },
		"params":   func(o *Options) { o.Recipe.Models[1].Params["gamma"] = 0.5 },
		"features": func(o *Options) { o.Recipe.Features.Target = features.Log },
		"seed":     func(o *Options) { o.Recipe.Seed++ },
		"folds":    func(o *Options) { o.Folds++ },
		"score":    func(o *Options) { o.Score = "wape" },
		"trials":   func(o *Options) { o.Search.Trials++ },
		"by":       func(o *Options) { o.Search.Strategy = tune.Random },
		"version":  func(o *Options) { o.From.Version = "v2" },
		"commit":   func(o *Options) { o.From.Commit = "c" },
	} {
		o := Options{Panel: chain(2, 120), Recipe: recipe(), Spaces: drawn(), Search: Search{Strategy: tune.Halving, Trials: 6, Journals: t.TempDir()}}
		change(&o)
		stopped(t, o, 1)
		left, err := os.ReadDir(o.Search.Journals)
		if err != nil || len(left) != 1 {
			t.Fatalf("%s: %v (%v)", name, left, err)
		}
		names[name] = left[0].Name()
	}
	if names["jobs"] != names["same"] || names["timeout"] != names["same"] {
		t.Errorf("the machine makes another search: %v", names)
	}
	different := map[string]bool{}
	for _, name := range names {
		different[name] = true
	}
	if len(different) != len(names)-2 {
		t.Errorf("%d journals of %d searches: %v", len(different), len(names)-2, names)
	}
}

// A time limit keeps the best so far, says so and ends well.
func TestTimeLimit(t *testing.T) {
	o := Options{Panel: chain(2, 120), Recipe: recipe(), Spaces: spaces(), Search: Search{Timeout: time.Nanosecond, Journals: t.TempDir()}}
	clock := time.UnixMilli(1_700_000_000_000)
	o.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	r := run(t, o)
	for _, found := range r.Tunings {
		if found.TimedOut <= 0 || len(found.Untried) != found.Total || found.Best() != nil {
			t.Errorf("%+v", found)
		}
	}
	for _, want := range []string{
		"tuning gbt: the search ended early: 0 of 4 candidates are scored",
		"tuning gbt: the time limit ended it after 1s, another run may choose otherwise",
		"tuning rf: no candidate has a score, its parameters stay as they were",
	} {
		if !slices.Contains(r.Warnings, want) {
			t.Errorf("no %q in %q", want, r.Warnings)
		}
	}
	if got := r.Models[1].Params; !maps.Equal(got, map[string]any{"n_estimators": 5, "max_depth": 2}) {
		t.Errorf("parameters %v", got)
	}
	if left, err := os.ReadDir(o.Search.Journals); err != nil || len(left) != 2 {
		t.Errorf("journals %v (%v): the same search could not go on", left, err)
	}
	o.Search.Timeout = time.Hour
	o.Now = nil
	if r := run(t, o); r.Tunings[0].TimedOut != 0 || r.Tunings[0].Count(tune.Finished) != 4 {
		t.Errorf("with time: %+v", r.Tunings[0])
	}
}

// A candidate's run tells how far it came; what is not comparable has another
// name.
func TestRunsOfCandidates(t *testing.T) {
	r := trained(t, func(o *Options) {
		o.Spaces, o.Search = drawn(), Search{Strategy: tune.Halving, Trials: 9}
		o.Backtest = false
	})
	states, ranks := map[string]int{}, map[float64]bool{}
	for _, c := range r.Children {
		if !strings.HasPrefix(c.Name, "xgboost_trial_") {
			continue
		}
		state := mlflow.RunData{Tags: c.Tags}.Tag("salesctl.trial_state")
		states[state]++
		has(t, c, []string{"xgboost_max_depth", "xgboost_learning_rate"}, []string{"fold_mse", "rank"}, []string{"salesctl.trial_state"})
		mean, other, status := "mse", "partial_mse", mlflow.Finished
		if state != "finished" {
			mean, other, status = other, mean, mlflow.Killed
		}
		steps := []int64{}
		for _, m := range c.Metrics {
			switch m.Key {
			case "rank":
				ranks[float64(m.Value)] = true
			case "fold_mse":
				steps = append(steps, m.Step)
			case other:
				t.Errorf("%s is %s and has %s", c.Name, state, other)
			}
		}
		has(t, c, nil, []string{mean}, nil)
		if c.Status != status || len(steps) == 0 || steps[0] != 1 || int(steps[len(steps)-1]) != len(steps) {
			t.Errorf("%s: %s, folds %v", c.Name, c.Status, steps)
		}
	}
	if states["dropped"] != 6 || states["finished"]+states["abandoned"] != 3 || len(ranks) != 9 {
		t.Errorf("states %v, ranks %v", states, ranks)
	}
	rows := table(t, r, "tuning/xgboost_trials.csv")
	if want := []string{"rank", "trial", "state", "mse", "fold_1_mse", "fold_2_mse", "fold_3_mse", "learning_rate", "max_depth"}; !reflect.DeepEqual(rows[0], want) || len(rows) != 10 {
		t.Errorf("%d rows of %q", len(rows), rows[0])
	}
	has(t, r, []string{"tune", "score"}, nil, nil)
}

// Beyond a hundred candidates there is only the table, with those that were not
// tried among them.
func TestManyCandidatesAreATableAlone(t *testing.T) {
	tr := &training{Options: Options{Folds: 2}}
	found := Tuning{Model: "rf", Result: tune.Result{Total: 101}}
	for i := range 101 {
		trial := tune.Trial{Index: i, Params: map[string]any{"a": i}, State: tune.Finished, Folds: []float64{1, 2}, Mean: 1.5}
		if i == 100 {
			trial.State, trial.Folds, trial.Mean = tune.Untried, nil, math.NaN()
			found.Untried = append(found.Untried, trial)
			continue
		}
		found.Trials = append(found.Trials, trial)
	}
	tr.report.Tunings = []Tuning{found}
	r := trained(t, func(o *Options) { o.Spaces, o.Backtest = nil, false })
	r.Children = nil
	if err := tr.trials(&r); err != nil {
		t.Fatal(err)
	}
	rows := table(t, r, "tuning/rf_trials.csv")
	if len(r.Children) != 0 || len(rows) != 102 || !slices.Equal(rows[101], []string{"", "101", "untried", "", "", "", "100"}) {
		t.Errorf("%d nested runs, %d rows, the last %q", len(r.Children), len(rows), rows[len(rows)-1])
	}
	tr.report.Tunings[0].Total = 100
	if err := tr.trials(&r); err != nil || len(r.Children) != 100 {
		t.Errorf("%d nested runs of 100, %v", len(r.Children), err)
	}
}

// The scores of candidates that share a fit are those of fits of their own.
func TestSharedFitsScoreTheSame(t *testing.T) {
	g, err := newGround(chain(3, 140), 2, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g.score, err = scoreOf("mse"); err != nil {
		t.Fatal(err)
	}
	g.recipe = recipe()
	different := map[float64]bool{}
	for _, name := range pipeline.MeanOf(pipeline.Mean) {
		space := Space{name, tune.Space{{Name: size, Values: []any{9, 3, 6}}, {Name: levels, Values: []any{2, 5, 4}}}}
		spec := g.recipe.Spec(name)
		shared, alone := g.scorer(spec, space, tune.Grid), g.scorer(spec, space, tune.Random)
		for _, params := range space.Params.Grid() {
			for fold := range g.folds {
				got, err := shared(t.Context(), params, fold)
				if err != nil {
					t.Fatal(err)
				}
				want, err := alone(t.Context(), params, fold)
				if err != nil || got != want {
					t.Errorf("%s %v, fold %d: %v, alone %v, %v", name, params, fold, got, want, err)
				}
				different[got] = true
			}
		}
	}
	if len(different) != 2*9*2 {
		t.Errorf("%d different scores", len(different))
	}
	for name, values := range map[string][]any{"one": {3}, "text": {"a", "b"}, "none": {0, 3}} {
		if got := wholes(tune.Space{{Name: size, Values: values}}, size); got != nil {
			t.Errorf("%s: sizes %v", name, got)
		}
	}
}
