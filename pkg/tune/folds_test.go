package tune_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/tune"
)

func TestTimeFolds(t *testing.T) {
	for name, c := range map[string]struct {
		n, k, minTrain int
		want           []tune.Fold
	}{
		// from sklearn.model_selection.TimeSeriesSplit(3).split(range(114)) of scikit-learn 1.9.1
		"as scikit-learn": {114, 3, 0, []tune.Fold{{From: 30, To: 58}, {From: 58, To: 86}, {From: 86, To: 114}}},
		"minimum":         {114, 3, 52, []tune.Fold{{From: 54, To: 74}, {From: 74, To: 94}, {From: 94, To: 114}}},
		"smallest":        {2, 1, 0, []tune.Fold{{From: 1, To: 2}}},
	} {
		got, err := tune.TimeFolds(c.n, c.k, c.minTrain)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, c.want)
		}
	}
	if _, err := tune.TimeFolds(10, 3, 8); !fault.Is(err, fault.Invalid) {
		t.Errorf("too few periods: %v", err)
	}
	if _, err := tune.TimeFolds(10, 0, 0); !fault.Is(err, fault.Usage) {
		t.Errorf("no folds: %v", err)
	}
}

// TestNoLookAhead checks, on rows in any order, that every row of a validation
// is later than every row of its training, and each split's shape.
func TestNoLookAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "k")
		minTrain := rapid.IntRange(-1, 60).Draw(t, "minTrain")
		periods := rapid.SliceOf(rapid.IntRange(0, n-1)).Draw(t, "periods")
		folds, err := tune.TimeFolds(n, k, minTrain)
		if err != nil {
			if n >= k+max(minTrain, 1) && n >= k+1 {
				t.Fatalf("refused though one period a fold fits: %v", err)
			}
			return
		}
		if len(folds) != k || folds[0].From < max(minTrain, 1) || folds[k-1].To != n {
			t.Fatalf("folds %v", folds)
		}
		for i, f := range folds {
			if i > 0 && f.From != folds[i-1].To || f.To-f.From != folds[0].To-folds[0].From {
				t.Fatalf("folds %v are not windows of one length in a row", folds)
			}
			train, valid := f.Split(periods)
			for _, v := range valid {
				for _, r := range train {
					if periods[v] <= periods[r] {
						t.Fatalf("fold %v validates on period %d and trains on %d", f, periods[v], periods[r])
					}
				}
			}
			var before, within []int32
			for row := range int32(len(periods)) {
				if p := periods[row]; p < f.From {
					before = append(before, row)
				} else if p < f.To {
					within = append(within, row)
				}
			}
			if !slices.Equal(train, before) || !slices.Equal(valid, within) {
				t.Fatalf("fold %v of %v: trains on %v, validates on %v", f, periods, train, valid)
			}
		}
	})
}
