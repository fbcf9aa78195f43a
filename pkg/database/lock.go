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

// alone runs f while no other process is in alone for the same purpose. On SQLite
// the file's own lock does that, at a transaction's start. On MySQL it is a lock
// by name, which the server frees when the connection ends, however it does.
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
	defer func() {
		// Where this fails the connection is gone, and the lock with it.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `DO RELEASE_LOCK(?)`, lock)
	}()
	return f()
}
