package sqlstore

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// logged makes a logged model of an experiment.
func logged(t testing.TB, s *Store, n mlflow.NewLoggedModel) mlflow.LoggedModelInfo {
	t.Helper()
	m, err := s.CreateLoggedModel(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return m.Info
}

func TestLoggedModelLiesBelowItsExperiment(t *testing.T) {
	s := open(t, Options{})
	for place, want := range map[string][2]string{
		"s3://bucket/x?endpoint=y": {"s3://bucket/x/models/", "/artifacts?endpoint=y"},
		"/srv/mlflow/":             {"/srv/mlflow/models/", "/artifacts"},
	} {
		e, err := s.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: place, ArtifactLocation: place})
		if err != nil {
			t.Fatal(err)
		}
		if m := logged(t, s, mlflow.NewLoggedModel{ExperimentID: e}); m.ArtifactURI != want[0]+m.ID+want[1] {
			t.Errorf("%s: %s", place, m.ArtifactURI)
		}
	}
}

// The numbers are those of MLflow's table.
func TestLoggedModelStatusNumbers(t *testing.T) {
	s := open(t, Options{})
	id := logged(t, s, mlflow.NewLoggedModel{ExperimentID: "0"}).ID
	for status, want := range map[mlflow.ModelStatus]int64{
		"LOGGED_MODEL_STATUS_UNSPECIFIED": 0, mlflow.ModelPending: 1, mlflow.ModelReady: 2, mlflow.ModelFailed: 3,
	} {
		if _, err := s.FinalizeLoggedModel(t.Context(), id, status); err != nil {
			t.Fatal(err)
		}
		err := s.read(t.Context(), func(x tx) error {
			n, _, err := one(x, number, "SELECT status FROM logged_models WHERE model_id = ?", id)
			if n != want {
				t.Errorf("%s is %d, want %d", status, n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.FinalizeLoggedModel(t.Context(), id, "DONE"); mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
		t.Errorf("error %v", err)
	}
}

func TestLoggedModelsComeInTheOrderAsked(t *testing.T) {
	s := open(t, Options{})
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		ids = append(ids, logged(t, s, mlflow.NewLoggedModel{ExperimentID: "0", Name: name, Tags: []mlflow.Tag{{Key: "k", Value: name}}}).ID)
	}
	var got []string
	err := s.read(t.Context(), func(x tx) error {
		models, err := x.loggedModels([]string{ids[2], "m-missing", ids[0], ids[1]})
		for _, m := range models {
			got = append(got, m.Info.Name, m.Info.Tags[0].Value)
		}
		return err
	})
	if d := cmp.Diff([]string{"c", "c", "a", "a", "b", "b"}, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestRegistrationsAreReadFromTheTag(t *testing.T) {
	for value, want := range map[string][]mlflow.Registration{
		`[]`: nil,
		`[{"name": "a", "version": 1}, {"name": "b", "version": "2"}]`: {{Name: "a", Version: "1"}, {Name: "b", Version: "2"}},
		`no list`:                        nil,
		`[{"name": "a", "version": {}}]`: nil,
	} {
		if d := cmp.Diff(want, registrations([]mlflow.Tag{{Key: "k", Value: "[1]"}, {Key: registrationsTag, Value: value}})); d != "" {
			t.Errorf("%s: %s", value, d)
		}
	}
}

// MLflow's own tests compare the text.
func TestRegistrationsAreWrittenAsPythonDoes(t *testing.T) {
	for before, want := range map[string]string{
		``:                                `[{"name": "a \"\u00e4", "version": 7}]`,
		`[]`:                              `[{"name": "a \"\u00e4", "version": 7}]`,
		`no list`:                         `[{"name": "a \"\u00e4", "version": 7}]`,
		`[{"name": "b", "version": "2"}]`: `[{"name": "b", "version": "2"}, {"name": "a \"\u00e4", "version": 7}]`,
		`[{"name":"a \"ä", "version": "7"}, {"name": "a \"ä", "version": 7}]`: `[{"name":"a \"ä", "version": "7"}, {"name": "a \"\u00e4", "version": 7}]`,
	} {
		if got := withRegistration([]mlflow.Tag{{Key: "k", Value: "[1]"}, {Key: registrationsTag, Value: before}}, versionKey{name: `a "ä`, version: 7}); got != want {
			t.Errorf("after %s\n%s, want\n%s", before, got, want)
		}
	}
}

// A logged model knows its versions, whoever wrote down the first one.
func TestLoggedModelIsToldOfItsVersions(t *testing.T) {
	s := open(t, Options{})
	id := logged(t, s, mlflow.NewLoggedModel{ExperimentID: "0"}).ID
	if _, err := s.SetLoggedModelTags(t.Context(), id, []mlflow.Tag{{Key: registrationsTag, Value: `[{"name": "elsewhere", "version": "7"}]`}}); err != nil {
		t.Fatal(err)
	}
	register(t, s, "m", 0)
	if _, err := s.CreateModelVersion(t.Context(), mlflow.NewVersion{Name: "m", Source: "models:/" + id, ModelID: id}); err != nil {
		t.Fatal(err)
	}
	m, err := s.GetLoggedModel(t.Context(), id)
	want := []mlflow.Registration{{Name: "elsewhere", Version: "7"}, {Name: "m", Version: "1"}}
	if d := cmp.Diff(want, m.Info.Registrations); err != nil || d != "" {
		t.Error(err, d)
	}
}
