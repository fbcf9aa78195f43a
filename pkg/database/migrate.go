package database

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/salesctl/salesctl/pkg/fault"
)

// versions is the table in which goose keeps what was applied. Its name keeps
// clear of other programs that share a database.
const versions = "salesctl_migration"

// attempts bounds how often a migration that another process got to first is
// looked at again.
const attempts = 10

// migrate applies what is missing. goose takes no lock across processes on
// SQLite, so of two that open a new file at once one fails at a table that
// already stands: it then looks again and finds the work done.
func (db *DB) migrate(ctx context.Context, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db.writer, files,
		goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
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
