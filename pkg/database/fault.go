package database

import (
	"errors"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/salesctl/salesctl/pkg/fault"
)

// fault gives an error of the driver its kind, a hint and the path of the file.
// A fault that a caller's function has made passes as it is, and so does the end
// of a context, which the driver reports as such.
func (db *DB) fault(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff { // the rest tells the sub-case
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fault.New(fault.Unavailable, "database %s is locked: %w", db.path, err).
			WithHint("another program writes to it; try again when it has finished")
	case lib.SQLITE_FULL:
		return fault.New(fault.Failure, "database %s cannot grow: %w", db.path, err).
			WithHint("free space on its disk and on that of temporary files, and run the command again; nothing was changed")
	case lib.SQLITE_NOTADB:
		return fault.New(fault.Integrity, "%s is not a SQLite database: %w", db.path, err).
			WithHint("name another file, or move this one away")
	case lib.SQLITE_CORRUPT:
		return fault.New(fault.Integrity, "database %s is corrupt: %w", db.path, err).
			WithHint("restore it from a backup")
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return fault.New(fault.Failure, "database %s: %w", db.path, err).
			WithHint("check that the file and its directory may be written")
	}
	return fault.New(fault.Failure, "database %s: %w", db.path, err)
}
