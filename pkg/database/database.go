// Package database opens the databases that hold state, SQLite files and MySQL
// servers, and runs transactions in them. It knows drivers and migrations, and no
// table: the packages above it bring their own.
//
// The way of a database:
//
//  1. Open reads the DSN: sqlite:///relative.db, sqlite:////absolute.db,
//     mysql://user@host:3306/name?tls=verify-identity&ca=/etc/ca.pem, or the same
//     with SQLAlchemy's names of drivers, as in mysql+pymysql://.
//  2. A SQLite file it finds or, where asked, creates, in WAL mode, so that
//     readers in any process go on while one writes. To a MySQL server it speaks
//     TLS unless both are on one machine.
//  3. Migrate applies the migrations that the caller hands in, one process at a
//     time, and refuses tables that a newer program has written.
//  4. InTx writes: on SQLite on the one writing connection of the process, on
//     MySQL on any of several, again where the server chose it to end a deadlock.
//     InSnapshot reads. A Session keeps a writing connection for itself, with its
//     temporary tables.
//  5. Every error leaves as a fault: a lock that does not go away is
//     Unavailable, a broken file Integrity, a full disk a Failure with a hint. No
//     message tells a password.
//
// The two dialects share more SQL than they seem to: the sessions of MySQL read
// "name" as an identifier and || as concatenation, and count the rows that an
// UPDATE has found, as SQLite does. The tests run on MariaDB 10.11. MySQL 8.4 was
// not tried: what is used of it here is what its manual and MariaDB's have in
// common.
package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

const defaultWait = 5 * time.Second

// Options says how a database is opened. The zero value opens what exists.
type Options struct {
	Dir      string        // what a relative path is below; empty means the process's own
	Create   bool          // make the SQLite file where there is none; a server's database is made by its administrator
	Wait     time.Duration // how long a locked database is waited for; 0 means 5 s; MySQL counts full seconds
	Password string        // of the user at a MySQL server, where the DSN has none
	Secret   bool          // the DSN comes from where only its owner reads, and may hold a password
	// InMemory keeps what SQLite writes down only to undo half a statement, and
	// temporary tables, in memory instead of in files: quicker where a transaction
	// is small, and not for loads whose temporary tables grow with them.
	InMemory bool
}

// Dialect is the SQL that a database speaks.
type Dialect uint8

// The dialects. Both take ? for an argument and a name in "quotes" or backticks.
const (
	SQLite Dialect = iota
	MySQL
)

// String returns the dialect's name in small letters, as in folders of
// migrations.
func (d Dialect) String() string {
	if d == MySQL {
		return "mysql"
	}
	return "sqlite"
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	path    string // of the file, absolute; or the server's address, without secrets
	wait    time.Duration
	writer  *sql.DB // SQLite: one connection
	reader  *sql.DB
}

// Open opens the database that the DSN names. A missing file without Create, a
// missing directory and a database that the server does not have are a
// fault.NotFound, a server that cannot be reached a fault.Unavailable, one that
// refuses the user a fault.Auth.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	if o.Wait <= 0 {
		o.Wait = defaultWait
	}
	to, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	var db *DB
	if to.dialect == MySQL {
		db, err = openMySQL(to.server, o)
	} else {
		db, err = openSQLite(to.path, o)
	}
	if err != nil {
		return nil, err
	}
	if err := db.first(ctx, cmp.Or(o.Wait, defaultWait)); err != nil {
		return nil, errors.Join(db.fault(err), db.Close())
	}
	return db, nil
}

// first makes the first connection, which finds out whether there is a database
// at all. Where others open a new file at the same moment, SQLite's switch to WAL
// fails at once, without the wait that every other statement has.
func (db *DB) first(ctx context.Context, wait time.Duration) error {
	until, limit := time.Now().Add(wait), wait
	if db.dialect == SQLite { // wait is for locks: a slow disk may take longer over a new file
		limit = max(wait, defaultWait)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := db.writer.PingContext(ctx)
		if db.dialect != SQLite || !fault.Is(db.fault(err), fault.Unavailable) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(firstPause):
		}
	}
}

// Dialect returns the SQL that the database speaks.
func (db *DB) Dialect() Dialect { return db.dialect }

// Path returns the absolute path of the file, or the address of a server's
// database without its secrets.
func (db *DB) Path() string { return db.path }

// Close waits for running queries and closes the database.
func (db *DB) Close() error {
	return errors.Join(db.reader.Close(), db.writer.Close())
}
