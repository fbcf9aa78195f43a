package pipeline

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// A curve ends where the whole model stands, in the target's unit, on the rows that
// it learnt from and on later ones.
func TestLearningCurvesEndAtTheModelsErrors(t *testing.T) {
	data, from := sample(t, 3), sales.Date(2012, 6, 1)
	for name, r := range map[string]Recipe{"plain": small(), "log": logarithms()} {
		curves, err := r.LearningCurves(t.Context(), data, from)
		if err != nil {
			t.Fatal(err)
		}
		if len(curves) != 2 || curves[0].Model != "rf" || curves[1].Model != "gbt" {
			t.Fatalf("%s: curves %+v", name, curves)
		}
		of := r.Features
		of.Rows = func(at features.Index) bool { return at.Period < from }
		encoder, _, err := features.Fit(data, of)
		if err != nil {
			t.Fatal(err)
		}
		table, err := encoder.Transform(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range curves {
			learner, err := r.Learner(c.Model, nil)
			if err != nil {
				t.Fatal(err)
			}
			fitted, err := learner.Fit(t.Context(), table.Where(of.Rows), model.Dataset{})
			if err != nil {
				t.Fatal(err)
			}
			said := make([]float64, table.X.Len())
			if err := fitted.Predict(said, table.X); err != nil {
				t.Fatal(err)
			}
			for part, picks := range map[string]features.Filter{"train": of.Rows, "valid": func(at features.Index) bool { return at.Period >= from }} {
				rows, squares := table.Where(picks).Rows, 0.0
				for _, row := range rows {
					squares += math.Pow(encoder.Target().Undo(said[row], table.Scale[row])-table.Actual[row], 2)
				}
				curve := map[string][]float64{"train": c.Train, "valid": c.Valid}[part]
				want := math.Sqrt(squares / float64(len(rows)))
				if len(curve) != 5 || math.Abs(curve[4]/want-1) > 1e-9 {
					t.Errorf("%s, %s, %s: %v, want an end at %v", name, c.Model, part, curve, want)
				}
			}
		}
	}
}

func TestLearningCurvesOfSome(t *testing.T) {
	curves, err := small().LearningCurves(t.Context(), sample(t, 2), sales.Date(2012, 6, 1), "gbt")
	if err != nil || len(curves) != 1 || curves[0].Model != "gbt" {
		t.Errorf("curves %+v, %v", curves, err)
	}
}

// What is shuffled is worth what the model's answers lose by it, in the target's
// unit: a feature that no tree asks for nothing.
func TestPermutations(t *testing.T) {
	data := sample(t, 3)
	for name, r := range map[string]Recipe{"plain": small(), "log": logarithms()} {
		p := open(t, train(t, data, r, Evaluation{}).File)
		worths, err := p.Permutations(t.Context(), data, 1)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Permutations(t.Context(), data, 3)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(worths, again); diff != "" {
			t.Errorf("%s: another number of goroutines\n%s", name, diff)
		}
		most := 0.0
		for _, w := range worths {
			for _, f := range w.Features {
				most = max(most, f.Permutation.Mean)
				if (f.Gain == 0) != (f.Permutation.Mean == 0) {
					t.Errorf("%s, %s: %s has gain %v and is worth %v", name, w.Model, f.Feature, f.Gain, f.Permutation.Mean)
				}
			}
		}
		if most < 1000 || most > 1e6 {
			t.Errorf("%s: the worth of the best is %v dollars", name, most)
		}
	}
}

func TestImportancesNeedRegressors(t *testing.T) {
	p := open(t, train(t, sample(t, 1), Recipe{}, Evaluation{}).File)
	if _, err := p.Importances(); !fault.Is(err, fault.NotFound) {
		t.Errorf("a pipeline without any: %v", err)
	}
}
