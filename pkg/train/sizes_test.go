package train

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/tune"
)

// Where a candidate ends early depends on how many rounds it may have: it is fitted
// alone, and its score is that of the model which a training makes.
func TestCandidatesThatStopEarlyShareNoFit(t *testing.T) {
	g, err := newGround(chain(3, 140), 2, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g.score, err = scoreOf("mse"); err != nil {
		t.Fatal(err)
	}
	g.recipe = pipeline.Recipe{Seed: 1}
	spec := g.recipe.Spec("gbt")
	spec.Params = map[string]any{"early_stopping_rounds": 20, "subsample": 0.7, "learning_rate": 0.7}
	space := Space{"gbt", tune.Space{{Name: size, Values: []any{200, 1, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30}}}}
	shared := g.scorer(spec, space, tune.Grid)
	scores := map[float64]bool{}
	for _, params := range space.Params.Grid() {
		got, err := shared(t.Context(), params, 1)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.try(t.Context(), "gbt", merged(spec.Params, params), g.folds[1])
		if err != nil || got != want {
			t.Errorf("%v: score %v, alone %v, %v", params, got, want, err)
		}
		scores[got] = true
	}
	plain, err := g.try(t.Context(), "gbt", map[string]any{size: 200, "subsample": 0.7, "learning_rate": 0.7}, g.folds[1])
	if err != nil || scores[plain] || len(scores) < 3 {
		t.Errorf("scores %v, %v without early stopping, %v", scores, plain, err)
	}
}
