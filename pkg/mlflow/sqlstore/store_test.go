package sqlstore

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// each runs a test on an empty database of each kind.
func each(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, file(t)) })
	t.Run("mysql", func(t *testing.T) {
		name := regexp.MustCompile("[^A-Za-z]+").ReplaceAllString(t.Name(), "_")
		f(t, databasetest.Start(t).DSN(name))
	})
}

// file names a SQLite file that does not exist.
func file(t testing.TB) string { return "sqlite:///" + filepath.Join(t.TempDir(), "mlflow.db") }

// open makes a store in a new SQLite file.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	return openAt(t, file(t), o)
}

// openAt opens a database for the time of the test, and makes it where it must.
func openAt(t testing.TB, dsn string, o Options) *Store {
	t.Helper()
	o.Create = true
	s, err := Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// insertModel adds a logged model as its own tests do not need to.
func insertModel(t testing.TB, s *Store, id string) {
	t.Helper()
	err := s.write(t.Context(), func(x tx) error {
		_, err := x.exec("INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage) VALUES (?, 0, 'model', '', 0, 0, 1, ?)", id, mlflow.Active)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
