package pipeline

import (
	"bytes"
	"context"
	"testing"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
)

// rounds is boosted trees.
type rounds interface {
	model.Regressor
	Rounds() int
}

// boosted trains a pipeline with boosting of those parameters, and returns its model.
func boosted(t *testing.T, stores int, params map[string]any) rounds {
	t.Helper()
	recipe := Recipe{Seed: 1, Models: []model.Spec{{Name: "gbt", Params: params}}}
	rows, err := open(t, train(t, sample(t, stores), recipe, Evaluation{}).File).rows()
	if err != nil {
		t.Fatal(err)
	}
	return rows.models[0].(rounds)
}

// Early stopping is decided on the newest tenth of the periods, and the model that
// is kept has learnt from them, too: it is the one of as many rounds.
func TestEarlyStoppingCountsRoundsAndLearnsFromAll(t *testing.T) {
	params := func(more map[string]any) map[string]any {
		p := map[string]any{"n_estimators": 500, "max_depth": 3, "subsample": 0.8}
		for name, v := range more {
			p[name] = v
		}
		return p
	}
	m := boosted(t, 4, params(map[string]any{"early_stopping_rounds": 5}))
	if m.Rounds() < 2 || m.Rounds() > 300 {
		t.Fatalf("%d rounds of 500", m.Rounds())
	}
	stored, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	same, err := boosted(t, 4, params(map[string]any{"n_estimators": m.Rounds()})).MarshalBinary()
	if err != nil || !bytes.Equal(stored, same) {
		t.Errorf("it is not the model of %d rounds on all rows: %v", m.Rounds(), err)
	}
	if whole := boosted(t, 4, params(nil)); whole.Rounds() != 500 {
		t.Errorf("%d rounds without early stopping", whole.Rounds())
	}
}

// What is watched comes after what is learnt from.
func TestLearnWatchesTheNewest(t *testing.T) {
	data := sample(t, 2)
	encoder, _, err := features.Fit(data, features.Options{Set: features.Row})
	if err != nil {
		t.Fatal(err)
	}
	table, err := encoder.Transform(data)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{}
	if _, err := Learn(t.Context(), w, table, table.Dataset()); err != nil {
		t.Fatal(err)
	}
	if len(w.fits) != 2 || w.fits[0][1].Len() == 0 || w.fits[1][0].Len() != len(table.Learn) || w.fits[1][1].Len() != 0 {
		t.Fatalf("%d fits", len(w.fits))
	}
	older, newer := w.fits[0][0], w.fits[0][1]
	if older.Len()+newer.Len() != len(table.Learn) || newer.Len() > older.Len()/8 {
		t.Errorf("%d rows are learnt from, %d watched", older.Len(), newer.Len())
	}
	for i := range older.Len() {
		if table.Index[older.Row(i)].Period >= table.Index[newer.Row(0)].Period && table.Index[newer.Row(0)].Series == table.Index[older.Row(i)].Series {
			t.Fatal("a row that is learnt from is newer than a watched one")
		}
	}
	one := table.Dataset()
	one.Rows = one.Rows[:1] // nothing is older
	if _, err := Learn(t.Context(), w, table, one); err != nil || len(w.fits) != 3 {
		t.Errorf("one row takes %d fits, %v", len(w.fits)-2, err)
	}
}

// watcher is a learner that keeps what it is given.
type watcher struct {
	model.Regressor
	fits [][2]model.Dataset
}

func (w *watcher) Fit(ctx context.Context, train, valid model.Dataset) (model.Regressor, error) {
	w.fits = append(w.fits, [2]model.Dataset{train, valid})
	return w, ctx.Err()
}

func (w *watcher) StopsEarly() bool { return true }

func (w *watcher) Settled(model.Regressor) model.Learner { return w }
