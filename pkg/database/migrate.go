package database

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/salesctl/salesctl/pkg/fault"
)

// attempts bounds how often a migration that another process got to first is
// looked at again.
const attempts = 10

// Migrate applies the migrations, SQL files in goose's form at the root of files,
// that the table of that name does not list yet. Any number of processes may do
// so at once. MySQL commits after each statement that makes a table: there a
// migration is written so that it can be repeated from its start.
func (db *DB) Migrate(ctx context.Context, files fs.FS, table string) error {
	dialect := goose.DialectSQLite3
	if db.dialect == MySQL {
		dialect = goose.DialectMySQL
	}
	p, err := goose.NewProvider(dialect, db.writer, files,
		goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return db.Alone(ctx, "migrate", func() error { return db.fault(db.migrate(ctx, p)) })
}

// migrate applies what is missing. goose takes no lock across processes on
// SQLite, so of two that open a new file at once one fails at a table that
// already stands: it then looks again and finds the work done.
func (db *DB) migrate(ctx context.Context, p *goose.Provider) error {
	var failed error
	for range attempts {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("migrations: %w", err)
		case have > want:
			return fault.New(fault.Conflict, "database %s was written by a newer salesctl: its tables are at version %d, this program knows %d", db.path, have, want).
				WithHint("install the newer salesctl")
		case have == want:
			return nil
		}
		_, failed = p.Up(ctx)
		switch {
		case failed != nil && ctx.Err() != nil:
			return ctx.Err()
		case fault.Is(db.fault(failed), fault.Unavailable): // it has waited long enough
			return fmt.Errorf("migrations: %w", failed)
		}
	}
	return fmt.Errorf("migrations: %w", failed)
}
