package sqlstore

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

func TestOpenMakesATrackingDatabase(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		for range 2 {
			s, err := Open(t.Context(), dsn, Options{Create: true, ArtifactRoot: "s3://b/root?x=y", Now: func() time.Time { return time.UnixMilli(7) }})
			if err != nil {
				t.Fatal(err)
			}
			e, err := s.GetExperiment(t.Context(), "0")
			if want := (mlflow.Experiment{ID: "0", Name: "Default", ArtifactLocation: "s3://b/root/0?x=y", LifecycleStage: "active", CreationTime: 7, LastUpdateTime: 7}); err != nil || e.Name != want.Name || e.ArtifactLocation != want.ArtifactLocation || e.CreationTime != 7 {
				t.Errorf("%+v, %v, want %+v", e, err, want)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		h, err := Diagnose(t.Context(), dsn, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if h.Head != h.Want || h.Release != mlflow.Release || len(h.Missing) > 0 {
			t.Errorf("head %s, want %s of %s, missing %v", h.Head, h.Want, h.Release, h.Missing)
		}
		i := slices.IndexFunc(h.Tables, func(s TableSize) bool { return s.Name == "experiments" })
		if i < 0 || h.Tables[i].Rows != 1 || h.Tables[i].Bytes == 0 {
			t.Errorf("sizes %+v", h.Tables)
		}
	})
}

// The next experiment's id must not depend on how the default one came to be.
func TestFirstExperimentIsNumberOne(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		id, err := openAt(t, dsn, Options{}).CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "a"})
		if err != nil || id != "1" {
			t.Errorf("id %q, %v", id, err)
		}
	})
}

func TestOpenWithoutCreateNeedsTables(t *testing.T) {
	dsn := file(t)
	if _, err := Open(t.Context(), dsn, Options{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(strings.TrimPrefix(dsn, "sqlite:///"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dsn, Options{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty file: %v", err)
	}
}

func TestOtherDatabasesAreRefused(t *testing.T) {
	older := layoutOf(database.SQLite).before[3]
	for name, c := range map[string]struct {
		statements []string
		message    []string
	}{
		"foreign": {[]string{"CREATE TABLE sales (a)"}, []string{"another program", "sales", "name an empty database"}},
		"older":   {[]string{"CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('" + older + "')"}, []string{"older MLflow", older, "dc11669786a5", "mlflow db upgrade", "3.17.2"}},
		"unknown": {[]string{"CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('ffff')"}, []string{"ffff", "dc11669786a5", "newer salesctl"}},
		"lost":    {[]string{"CREATE TABLE experiments (a)", "CREATE TABLE latest_metrics (a)"}, []string{"no head", "dc11669786a5", "restore a backup"}},
		"no head": {[]string{"CREATE TABLE alembic_version (version_num)"}, []string{"no head", "dc11669786a5", "restore a backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, dsn string) {
				plant(t, dsn, c.statements...)
				_, err := Open(t.Context(), dsn, Options{Create: true})
				if !fault.Is(err, fault.Conflict) {
					t.Fatalf("%v, want a conflict", err)
				}
				if h, e := Diagnose(t.Context(), dsn, Options{}); e != nil || h.Refusal == nil || h.Refusal.Error() != err.Error() {
					t.Errorf("the doctor says %v, %v", h.Refusal, e)
				}
				text := err.Error() + " " + fault.HintOf(err)
				for _, part := range c.message {
					if !strings.Contains(text, part) {
						t.Errorf("%q lacks %q", text, part)
					}
				}
			})
		})
	}
}

// plant runs statements in a database that no store has opened.
func plant(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	db, err := database.Open(t.Context(), dsn, database.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{db: db}
	err = s.write(t.Context(), func(x tx) error {
		for _, statement := range statements {
			if x.dialect == database.MySQL {
				statement = strings.NewReplacer("(a)", "(a INT)", "(version_num)", "(version_num VARCHAR(32))").Replace(statement)
			}
			if _, err := x.exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A process that dies between two tables must not leave a database that nobody
// can open: MySQL commits after each of them.
func TestMakingTheTablesIsTakenUpAgain(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "sqlite:") {
			t.Skip("SQLite makes all tables in one transaction")
		}
		plant(t, dsn, append([]string{"CREATE TABLE " + making + " (at INTEGER)"}, layoutOf(database.MySQL).statements[:20]...)...)
		s := openAt(t, dsn, Options{})
		if e, err := s.GetExperiment(t.Context(), ""); err != nil || e.Name != "Default" {
			t.Errorf("%+v, %v", e, err)
		}
		h, err := Diagnose(t.Context(), dsn, Options{})
		if err != nil || len(h.Missing) > 0 || slices.ContainsFunc(h.Tables, func(s TableSize) bool { return s.Name == making }) {
			t.Errorf("%+v, %v", h, err)
		}
	})
}

// A process that dies between a migration and the note that it was made must not
// leave a database that nobody can open: MySQL commits a table's change at once.
func TestMigrationsAreTakenUpAgain(t *testing.T) {
	server := databasetest.Start(t)
	dsn := server.DSN("migrations")
	open := func() {
		t.Helper()
		s, err := Open(t.Context(), dsn, Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	open()
	look := func() []int64 {
		t.Helper()
		s := openAt(t, dsn, Options{})
		var ids []int64
		err := s.read(t.Context(), func(t tx) (err error) {
			ids, err = all(t, number, "SELECT version_id FROM "+versions+" WHERE version_id > 0 ORDER BY version_id")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	steps := look()
	if len(steps) < 4 {
		t.Fatalf("the migrations %v are noted", steps)
	}
	for _, from := range steps { // from there on each one is done and not noted
		server.Exec(fmt.Sprintf("DELETE FROM migrations.%s WHERE version_id >= %d", versions, from))
		open()
		if got := look(); !slices.Equal(got, steps) {
			t.Errorf("from %d on: %v are noted, want %v", from, got, steps)
		}
	}
}

func TestManyOpenANewDatabaseAtOnce(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		var g errgroup.Group
		for range 6 {
			g.Go(func() error {
				s, err := Open(t.Context(), dsn, Options{Create: true})
				if err != nil {
					return err
				}
				if _, err := s.GetExperiment(t.Context(), "0"); err != nil {
					return err
				}
				return s.Close()
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestDoctorMissesWhatIsGone(t *testing.T) {
	dsn := file(t)
	s := openAt(t, dsn, Options{})
	err := s.write(t.Context(), func(x tx) error {
		_, err := x.exec("DROP INDEX index_tags_run_uuid")
		if err == nil {
			_, err = x.exec("DROP TABLE webhook_events")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := Diagnose(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"table webhook_events", "index index_tags_run_uuid on tags", "index idx_webhook_events_action on webhook_events"} {
		if !slices.Contains(h.Missing, want) {
			t.Errorf("%v lacks %q", h.Missing, want)
		}
	}
	if len(h.Missing) != 5 {
		t.Errorf("%d missing, want the table with its 3 indexes and one index more: %v", len(h.Missing), h.Missing)
	}
}

// TestSchemaIsThatOfMLflow takes the schema from the installed MLflow again.
func TestSchemaIsThatOfMLflow(t *testing.T) {
	into := t.TempDir() + "/sqlite.sql"
	python(t, "schema/extract.py", into)
	got, err := os.ReadFile(into)
	if err != nil {
		t.Fatal(err)
	}
	// MLflow's migrations write the constraints of a table in an order that changes.
	lines := func(text string) []string {
		return slices.Sorted(func(yield func(string) bool) {
			for line := range strings.Lines(text) {
				if !yield(strings.TrimRight(line, ",\n")) {
					return
				}
			}
		})
	}
	if diff := cmp.Diff(lines(sqliteDDL), lines(string(got))); diff != "" {
		t.Errorf("schema/sqlite.sql is not what schema/extract.py writes (-stored +now):\n%s", diff)
	}
}

// python runs a script with the MLflow of the venv that PEERS_VENV names.
func python(t *testing.T, args ...string) []byte {
	t.Helper()
	const missing = "the peer is missing: MLflow, in the venv that PEERS_VENV names"
	venv := os.Getenv("PEERS_VENV")
	switch {
	case venv == "" && os.Getenv("CI") == "true":
		t.Fatal(missing)
	case venv == "":
		t.Skip(missing)
	}
	var stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), venv+"/bin/python", args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}
