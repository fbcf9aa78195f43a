package promote_test

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/promote"
)

// registry is a registry with so many trainings in it, each with a version of the
// pipeline and of both regressors.
func registry(t *testing.T, trainings int) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), "sqlite:///mlflow.db", sqlstore.Options{Dir: t.TempDir(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, name := range []string{promote.Pipeline, promote.XGBoost, promote.Forest} {
		if _, err := s.CreateRegisteredModel(t.Context(), mlflow.NewRegisteredModel{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range trainings {
		train(t, s, string(rune('a'+i)), promote.Pipeline, promote.XGBoost, promote.Forest)
	}
	return s
}

func train(t *testing.T, s *sqlstore.Store, digest string, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := s.CreateModelVersion(t.Context(), mlflow.NewVersion{
			Name: name, Source: "mlflow-artifacts:/1/models/x/artifacts", Tags: []mlflow.Tag{{Key: record.TagDigest, Value: digest}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// aliases are the versions that champion and challenger of a model point at.
func aliases(t *testing.T, s *sqlstore.Store, name string) (champion, challenger string) {
	t.Helper()
	m, err := s.GetRegisteredModel(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.Aliases {
		switch a.Alias {
		case promote.Champion:
			champion = a.Version
		case promote.Challenger:
			challenger = a.Version
		}
	}
	return champion, challenger
}

func expect(t *testing.T, s *sqlstore.Store, when, champion, challenger string) {
	t.Helper()
	for _, name := range []string{promote.Pipeline, promote.XGBoost, promote.Forest} {
		if a, b := aliases(t, s, name); a != champion || b != challenger {
			t.Errorf("%s: %s has champion %q and challenger %q, want %q and %q", when, name, a, b, champion, challenger)
		}
	}
}

func introduce(t *testing.T, s *sqlstore.Store, version, want string) {
	t.Helper()
	if alias, err := promote.Introduce(t.Context(), s, version); err != nil || alias != want {
		t.Errorf("version %s became %q, %v; want %q", version, alias, err, want)
	}
}

func TestTheWayOfAVersion(t *testing.T) {
	s := registry(t, 3)
	introduce(t, s, "1", promote.Champion)
	expect(t, s, "after the first", "1", "")
	introduce(t, s, "1", "")
	introduce(t, s, "2", promote.Challenger)
	expect(t, s, "after the second", "1", "2")
	for _, step := range []struct {
		do                   func() (promote.Change, error)
		name                 string
		change               promote.Change
		champion, challenger string
	}{
		{func() (promote.Change, error) { return promote.Promote(t.Context(), s, "2") }, "promote 2", promote.Change{From: "1", To: "2"}, "2", ""},
		{func() (promote.Change, error) { return promote.Promote(t.Context(), s, "2") }, "promote 2 again", promote.Change{From: "2", To: "2"}, "2", ""},
		{func() (promote.Change, error) { return promote.Promote(t.Context(), s, "3") }, "promote 3", promote.Change{From: "2", To: "3"}, "3", ""},
		{func() (promote.Change, error) { return promote.Rollback(t.Context(), s) }, "roll back", promote.Change{From: "3", To: "2"}, "2", ""},
		{func() (promote.Change, error) { return promote.Rollback(t.Context(), s) }, "roll back again", promote.Change{From: "2", To: "1"}, "1", ""},
	} {
		if change, err := step.do(); err != nil || change != step.change {
			t.Errorf("%s: %+v, %v", step.name, change, err)
		}
		expect(t, s, step.name, step.champion, step.challenger)
	}
	if _, err := promote.Rollback(t.Context(), s); !fault.Is(err, fault.Conflict) || fault.HintOf(err) == "" {
		t.Errorf("rolling back the first: %v", err)
	}
	expect(t, s, "after a refused rollback", "1", "")
}

// A version that is promoted a second time does not lose who was champion before
// its first time.
func TestRollbackGoesBackToTheFirst(t *testing.T) {
	s := registry(t, 3)
	introduce(t, s, "1", promote.Champion)
	for _, version := range []string{"2", "3", "2", "1", "2"} {
		if _, err := promote.Promote(t.Context(), s, version); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []promote.Change{{From: "2", To: "1"}, {From: "1", To: "2"}, {From: "2", To: "3"}, {From: "3", To: "2"}, {From: "2", To: "1"}} {
		if got, err := promote.Rollback(t.Context(), s); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	if got, err := promote.Rollback(t.Context(), s); !fault.Is(err, fault.Conflict) {
		t.Errorf("beyond the first: %+v, %v", got, err)
	}
	expect(t, s, "after all rollbacks", "1", "")
}

// The trail of champions stays within what a tag holds.
func TestManyPromotions(t *testing.T) {
	s := registry(t, 2)
	introduce(t, s, "1", promote.Champion)
	for i := range 120 {
		if _, err := promote.Promote(t.Context(), s, []string{"2", "1"}[i%2]); err != nil {
			t.Fatal(err)
		}
	}
	back := 0
	for ; ; back++ {
		if _, err := promote.Rollback(t.Context(), s); err != nil {
			break
		}
	}
	if back != 100 {
		t.Errorf("%d steps back, want 100", back)
	}
}

func TestRollbackWithoutAWayBack(t *testing.T) {
	s := registry(t, 2)
	if _, err := promote.Rollback(t.Context(), s); !fault.Is(err, fault.NotFound) || fault.HintOf(err) == "" || err.Error() != "Sales-Forecasting has no champion" {
		t.Errorf("without a champion: %v", err)
	}
	introduce(t, s, "1", promote.Champion)
	if _, err := promote.Promote(t.Context(), s, "2"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteModelVersion(t.Context(), promote.Pipeline, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := promote.Rollback(t.Context(), s); !fault.Is(err, fault.NotFound) || fault.HintOf(err) == "" {
		t.Errorf("to a version that was deleted: %v", err)
	}
	if champion, _ := aliases(t, s, promote.Pipeline); champion != "2" {
		t.Errorf("the champion is %q", champion)
	}
}

func TestPromoteRefusesWhatIsNotThere(t *testing.T) {
	s := registry(t, 1)
	introduce(t, s, "1", promote.Champion)
	if _, err := promote.Promote(t.Context(), s, "7"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	expect(t, s, "after a refused promotion", "1", "")
}

func TestFollowRepairsAliases(t *testing.T) {
	s := registry(t, 2)
	train(t, s, "c", promote.Pipeline, promote.XGBoost) // a pipeline without a forest
	introduce(t, s, "1", promote.Champion)
	if err := s.SetAlias(t.Context(), promote.XGBoost, promote.Champion, "2"); err != nil {
		t.Fatal(err)
	}
	if err := promote.Follow(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "repaired", "1", "")
	if _, err := promote.Promote(t.Context(), s, "3"); err != nil {
		t.Fatal(err)
	}
	if a, _ := aliases(t, s, promote.XGBoost); a != "3" {
		t.Errorf("XGBoost's champion is %q", a)
	}
	if a, _ := aliases(t, s, promote.Forest); a != "" {
		t.Errorf("the forest's champion is %q, and nothing of that training", a)
	}
}

func TestWithoutRegressors(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), "sqlite:///mlflow.db", sqlstore.Options{Dir: t.TempDir(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.CreateRegisteredModel(t.Context(), mlflow.NewRegisteredModel{Name: promote.Pipeline}); err != nil {
		t.Fatal(err)
	}
	train(t, s, "a", promote.Pipeline)
	introduce(t, s, "1", promote.Champion)
}
