package database

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/fault"
)

const more = "-- +goose Up\nALTER TABLE word ADD COLUMN more TEXT;\n"

func TestMigrationsGoForwardOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for _, steps := range [][]string{{word}, {word}, {word, more}, {word, more}} {
		db := migrated(t, path, steps...)
		if err := db.InTx(t.Context(), insert(t.Context(), "a")); (err == nil) != (len(steps) == 1) {
			t.Errorf("with %d steps: %v", len(steps), err) // one column, then two
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if db := open(t, path, Options{}); count(t, db) != 2 {
		t.Errorf("%d words, want 2", count(t, db))
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	err := migrated(t, path, word, more).Migrate(t.Context(), files(word), versions)
	wantKind(t, err, fault.Conflict, path, "version 2", "knows 1", "install the newer")
}

func TestBrokenMigrationLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	err := open(t, path, Options{Create: true}).Migrate(t.Context(), files(word+"CREATE TABLE word (text TEXT);\n"), versions)
	wantKind(t, err, fault.Failure, "migrations", "already exists")
	if db := migrated(t, path, word); count(t, db) != 0 {
		t.Error("the table has rows")
	}
}

// Many processes that open a new database at once all find it ready.
func TestMigrationsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			db, err := Open(t.Context(), "sqlite:///"+path, Options{Create: true})
			if err != nil {
				return err
			}
			return errors.Join(db.Migrate(t.Context(), files(word, more), versions), db.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}
