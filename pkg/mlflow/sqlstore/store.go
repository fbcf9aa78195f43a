// Package sqlstore keeps experiments, runs, logged models and the model registry
// in a database of MLflow's own schema, SQLite or MySQL, which MLflow's own
// server can open before, after and beside it.
//
// The way of a call, from a word of pkg/mlflow to rows:
//
//  1. What is asked is checked against MLflow's limits before anything is read.
//  2. One transaction reads what the answer depends on and writes all of it, or
//     nothing. On MySQL it runs again when the server chose it to end a deadlock.
//  3. A search parses its filter with pkg/mlflow/filter and turns it into one
//     query, never into a walk over rows.
//
// schema/ holds the tables as schema/extract.py took them from a database that
// MLflow made. Our own needs live in tables whose names begin with salesctl_, made
// by migrations/.
package sqlstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
)

// Options says how a Store is opened. The zero value opens an existing database.
type Options struct {
	Dir          string           // what a relative path in the DSN is below; empty means the process's own
	Create       bool             // make the database where there is none
	Wait         time.Duration    // how long a locked database is waited for; 0 means 5 s
	Password     string           // of the user at a MySQL server, where the DSN has none
	Secret       bool             // the DSN comes from where only its owner reads, and may hold a password
	ArtifactRoot string           // the URI below which experiments get their place; empty means mlflow-artifacts:/
	Now          func() time.Time // the clock; nil means time.Now
	Workspaces   bool             // there may be other workspaces than the default one
	Workspace    string           // of calls whose context has none; empty means the default one
}

// Store is an open tracking database. It is safe for concurrent use, and any
// number of processes may have the same database open.
type Store struct {
	db        *database.DB
	dir       string
	root      string
	now       func() time.Time
	scoped    bool   // there are workspaces
	workspace string // of contexts without one; "" is the default one
}

// Open opens the database that the DSN names, makes MLflow's tables in an empty
// one, and refuses one of another head.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	db, err := database.Open(ctx, dsn, o.database(o.Create))
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dir: o.Dir, now: o.Now, scoped: o.Workspaces, workspace: o.Workspace}
	if s.now == nil {
		s.now = time.Now
	}
	if s.root, err = s.resolve(cmp.Or(o.ArtifactRoot, "mlflow-artifacts:/")); err == nil {
		err = s.prepare(ctx, o.Create)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (o Options) database(create bool) database.Options {
	return database.Options{Dir: o.Dir, Create: create, Wait: o.Wait, Password: o.Password, Secret: o.Secret, InMemory: true}
}

// Path returns the absolute path of the database, or its address.
func (s *Store) Path() string { return s.db.Path() }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// millis is the clock as MLflow writes it.
func (s *Store) millis() int64 { return s.now().UnixMilli() }

// newID returns a random id as MLflow makes them: 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
