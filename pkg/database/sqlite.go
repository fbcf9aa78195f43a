package database

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/salesctl/salesctl/pkg/fault"
)

const (
	sqliteDriver  = "sqlite"
	sqliteReaders = 8 // connections that read at once; more calls wait for one
	// journalLimit is what the WAL file is cut to after a checkpoint. Without it a
	// file that one long load has swollen keeps its size for good.
	journalLimit = 64 << 20
	// checkpoint is how many pages the WAL gathers before they move into the
	// database: a page that small transactions write again and again then moves
	// once for many of them. SQLite's own 1000 are a few batches of metrics.
	checkpoint = 4000
)

func openSQLite(path string, o Options) (_ *DB, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if err := find(path, o.Create); err != nil {
		return nil, err
	}
	db := &DB{dialect: SQLite, path: path, wait: o.Wait}
	if db.writer, err = sql.Open(sqliteDriver, source(path, o, true)); err != nil {
		return nil, db.fault(err)
	}
	db.writer.SetMaxOpenConns(1)
	if db.reader, err = sql.Open(sqliteDriver, source(path, o, false)); err != nil {
		return nil, errors.Join(db.fault(err), db.writer.Close())
	}
	db.reader.SetMaxOpenConns(sqliteReaders)
	db.reader.SetMaxIdleConns(sqliteReaders)
	return db, nil
}

// find checks what stands at the path before the driver does, whose words for
// it ("out of memory") would mislead.
func find(path string, create bool) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.New(fault.NotFound, "database %s: the directory %s does not exist", path, dir).WithHint("create it")
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fault.New(fault.Config, "database %s is a directory", path).WithHint("name a file in it")
	case errors.Is(err, fs.ErrNotExist) && !create:
		return fault.New(fault.NotFound, "database %s does not exist", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// source writes the driver's own name for the file, for the connection that
// writes or for those that read.
func source(path string, o Options, write bool) string {
	q := url.Values{
		"mode":          {"rw"}, // for readers too: they may have to write the WAL's index
		"_busy_timeout": {strconv.FormatInt(max(o.Wait.Milliseconds(), 1), 10)},
		"_error_rc":     {"true"}, // the code's own words, not those of an earlier error
	}
	if write {
		q.Set("_journal_mode", "WAL")
		q.Set("_pragma", "journal_size_limit("+strconv.Itoa(journalLimit)+")")
		q.Add("_pragma", "wal_autocheckpoint("+strconv.Itoa(checkpoint)+")")
		q.Set("_foreign_keys", "true")
		// Take the lock at the start: a transaction that first reads and then
		// writes fails without any wait when somebody wrote in between.
		q.Set("_txlock", "immediate")
		if o.InMemory {
			q.Add("_pragma", "temp_store(memory)")
		}
	} else {
		q.Set("_query_only", "true")
	}
	if write && o.Create {
		q.Set("mode", "rwc")
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/sales.db
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}).String()
}

// sqliteFault gives an error of the driver its kind, a hint and the path of the
// file; nil where it is none of the driver's.
func (db *DB) sqliteFault(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return nil
	}
	switch e.Code() & 0xff { // the rest tells the sub-case
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return db.locked(err)
	case lib.SQLITE_FULL:
		return db.full(err, "free space on its disk and on that of temporary files, and run the command again; nothing was changed")
	case lib.SQLITE_IOERR: // not only a broken disk: SQLite tells no more of a quota or a limit on the size of files
		return fault.New(fault.Failure, "database %s cannot be read or written: %w", db.path, err).
			WithHint("check its disk, quotas on it, and limits on the size of files, and run the command again; nothing was changed")
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
	return nil
}

// sqliteDuplicate is IsDuplicate for SQLite.
func sqliteDuplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
