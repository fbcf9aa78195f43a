// Package store keeps observations in a database and gives them back as a
// sales.Panel. Every load stays: a corrected row is a new version beside the old
// one, a replacing load hides what is older and deletes nothing.
//
// The way of a load, from lines to rows:
//
//  1. The load is admitted: the database holds one mapping, and never sample rows
//     beside a user's own.
//  2. Its lines are staged in a temporary table, one at a time, so that memory
//     does not grow with the file and no other process waits.
//  3. Lines that repeat another are marked as duplicates; lines that contradict
//     another are refused, all of them.
//  4. One transaction compares what is left with the newest visible version of
//     each period (new, corrected or unchanged) and writes the load, the new
//     versions and the refused lines; or nothing, where there is nothing to tell.
//     Of several loads at once, in any processes, each one's is alone.
//
// The way back: Panel reads the newest visible version of every period and keeps
// the result until a newer load stands in the database.
package store

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
)

//go:embed migrations
var migrations embed.FS

// Options says how a Store is opened. The zero value opens an existing database.
type Options struct {
	Dir    string           // what a relative path in the DSN is below; empty means the process's own
	Create bool             // make the SQLite file where there is none
	Wait   time.Duration    // how long a locked database is waited for; 0 means 5 s
	Now    func() time.Time // the clock that dates loads; nil means time.Now

	Password string // of the user at a MySQL server, where the DSN has none
	Secret   bool   // the DSN comes from where only its owner reads, and may hold a password
}

// versions is the table that keeps which migrations were applied. Its name keeps
// clear of other programs that share a database.
const versions = "salesctl_migration"

// Store is an open database of sales. It is safe for concurrent use, and any
// number of processes may have the same database open.
type Store struct {
	db      *database.DB
	now     func() time.Time
	cached  atomic.Pointer[snapshot]
	reading chan struct{} // holds one token: one caller at a time reads the panel
}

// Open opens the database that the DSN names. Where there is none and Create is
// not set, the error is a fault.NotFound that names its absolute path.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	db, err := database.Open(ctx, dsn, database.Options{Dir: o.Dir, Create: o.Create, Wait: o.Wait, Password: o.Password, Secret: o.Secret})
	if fault.Is(err, fault.NotFound) && fault.HintOf(err) == "" {
		return nil, fault.New(fault.NotFound, "%w", err).WithHint(runETL)
	}
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations/"+db.Dialect().String())
	if err == nil {
		err = db.Migrate(ctx, files, versions)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{db: db, now: o.Now, reading: make(chan struct{}, 1)}, nil
}

// runETL is the hint of every error that means: there is nothing here yet.
const runETL = "run salesctl etl"

// Path returns the absolute path of the database, or its address at a server.
func (s *Store) Path() string { return s.db.Path() }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }
