package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// errHeld is the reason of a fault where another process has the lock.
var errHeld = errors.New("another process holds its lock")

const (
	// makingTables is how long another process may take over tables and migrations.
	makingTables = 5 * time.Minute
	// releasing is how long a server that no longer answers is asked for a lock.
	releasing = 5 * time.Second
)

// Alone runs f while no other process is in Alone for the same purpose. On SQLite
// the file's own lock does that, at a transaction's start; what f has looked at
// before it began one, it looks at again. On MySQL f needs a connection beside
// the one that holds the lock.
func (db *DB) Alone(ctx context.Context, purpose string, f func() error) error {
	if db.dialect == SQLite {
		return f()
	}
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return db.fault(err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return db.fault(db.alone(ctx, conn, purpose, makingTables, f))
}

// alone is Alone on a connection that f may use, too. On MySQL it is a lock by
// name, which the server frees when the connection ends, however it does.
func (db *DB) alone(ctx context.Context, conn *sql.Conn, purpose string, wait time.Duration, f func() error) error {
	if db.dialect == SQLite {
		return f()
	}
	var name string
	// Names are the server's, of at most 64 characters; the database has its own.
	if err := conn.QueryRowContext(ctx, `SELECT DATABASE()`).Scan(&name); err != nil {
		return err
	}
	lock := fmt.Sprintf("salesctl %s %x", purpose, sha256.Sum256([]byte(name)))[:48]
	var got sql.NullBool // NULL: the server failed
	if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, ?)`, lock, wait.Seconds()).Scan(&got); err != nil {
		return err
	}
	if !got.Bool {
		return db.locked(errHeld)
	}
	defer func() { // also when ctx has ended
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasing)
		defer cancel()
		// Where this fails the driver gives the connection up, and the lock with it.
		_, _ = conn.ExecContext(ctx, `DO RELEASE_LOCK(?)`, lock)
	}()
	return f()
}
