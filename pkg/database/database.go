// Package database opens the files that hold state and runs transactions in
// them. It knows drivers and migrations, and no table: the packages above it
// bring their own.
//
// The way of a database:
//
//  1. Open reads the DSN (sqlite:///relative.db, sqlite:////absolute.db) and
//     finds or, where asked, creates the file, in WAL mode, so that readers in
//     any process go on while one writes.
//  2. It applies the migrations that the caller hands in, and refuses a file
//     that a newer program has written.
//  3. InTx writes on the one writing connection of the process, InSnapshot
//     reads on any of several others. A Session keeps the writing connection for
//     itself, with its temporary tables.
//  4. Every error leaves as a fault: a lock that does not go away is
//     Unavailable, a broken file Integrity, a full disk a Failure with a hint.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

const (
	driver      = "sqlite"
	defaultWait = 5 * time.Second
	readers     = 8 // connections that read at once; more calls wait for one
)

// Options says how a database is opened. The zero value opens an existing file
// that needs no tables.
type Options struct {
	Dir        string        // what a relative path is below; empty means the process's own
	Create     bool          // make the file where there is none
	Wait       time.Duration // how long a locked database is waited for; 0 means 5 s
	Migrations fs.FS         // SQL files in goose's form at its root; nil for none
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	path   string
	writer *sql.DB // one connection
	reader *sql.DB
}

// Open opens the database that the DSN names and brings its tables up to date.
// A missing file without Create, and a missing directory, are a fault.NotFound.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	path, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("database %s: %w", redact(dsn), err)
	}
	if err := find(path, o.Create); err != nil {
		return nil, err
	}
	db := &DB{path: path}
	if db.writer, err = sql.Open(driver, source(path, o, true)); err != nil {
		return nil, db.fault(err)
	}
	db.writer.SetMaxOpenConns(1)
	if db.reader, err = sql.Open(driver, source(path, o, false)); err != nil {
		return nil, errors.Join(db.fault(err), db.writer.Close())
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	if err := db.prepare(ctx, o.Migrations); err != nil {
		return nil, errors.Join(db.fault(err), db.Close())
	}
	return db, nil
}

// prepare makes the first connection, which finds out whether the file is a
// database at all, and migrates.
func (db *DB) prepare(ctx context.Context, migrations fs.FS) error {
	if err := db.writer.PingContext(ctx); err != nil {
		return err
	}
	if migrations == nil {
		return nil
	}
	return db.migrate(ctx, migrations)
}

// Path returns the absolute path of the file.
func (db *DB) Path() string { return db.path }

// Close waits for running queries and closes the file.
func (db *DB) Close() error {
	return errors.Join(db.reader.Close(), db.writer.Close())
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
	wait := o.Wait
	if wait == 0 {
		wait = defaultWait
	}
	q := url.Values{
		"mode":          {"rw"}, // for readers too: they may have to write the WAL's index
		"_busy_timeout": {strconv.FormatInt(max(wait.Milliseconds(), 1), 10)},
		"_error_rc":     {"true"}, // the code's own words, not those of an earlier error
	}
	if write {
		q.Set("_journal_mode", "WAL")
		q.Set("_foreign_keys", "true")
		// Take the lock at the start: a transaction that first reads and then
		// writes fails without any wait when somebody wrote in between.
		q.Set("_txlock", "immediate")
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
