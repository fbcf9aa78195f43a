package database

import (
	"errors"

	"modernc.org/sqlite"

	"github.com/salesctl/salesctl/pkg/fault"
)

// IsDuplicate reports whether a statement failed at a row that is there already:
// at a unique key or a primary key.
func IsDuplicate(err error) bool { return sqliteDuplicate(err) || mysqlDuplicate(err) }

// fault gives an error of a driver its kind, a hint and the path of the database.
// A fault that a caller's function has made passes as it is, and so does the end
// of a context, which the driver reports as such.
func (db *DB) fault(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	known := db.sqliteFault
	if db.dialect == MySQL {
		known = db.mysqlFault
	}
	if f := known(err); f != nil {
		return f
	}
	if _, ours := errors.AsType[*sqlite.Error](err); ours || isMySQL(err) {
		return fault.New(fault.Failure, "database %s: %w", db.path, err)
	}
	return err
}

func (db *DB) locked(err error) error {
	return fault.New(fault.Unavailable, "database %s is locked: %w", db.path, err).
		WithHint("another program writes to it; try again when it has finished")
}

func (db *DB) full(err error, hint string) error {
	return fault.New(fault.Failure, "database %s cannot grow: %w: %w", db.path, fault.ErrFull, err).WithHint("%s", hint)
}
