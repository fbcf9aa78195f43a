package database

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// InTx runs f in a transaction that may write. It commits when f returns nil,
// and undoes everything when f returns an error, which InTx then returns, when f
// panics or when ctx ends. On MySQL f runs again when the server has undone it to
// end a deadlock, so f starts from nothing each time.
func (db *DB) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	return db.fault(retry(ctx, func() error { return run(ctx, db.writer, nil, f) }))
}

// InSnapshot runs f in a transaction that reads. All its queries see the state
// of one moment, whoever writes meanwhile.
func (db *DB) InSnapshot(ctx context.Context, f func(*sql.Tx) error) error {
	return db.fault(run(ctx, db.reader, &sql.TxOptions{ReadOnly: true}, f))
}

// Session is a writing connection while one caller has it to himself, with
// temporary tables that outlive a transaction.
type Session struct {
	db   *DB
	conn *sql.Conn
}

// Session runs f with a writing connection. Of SQLite there is one: other writers
// of this process wait, those of other processes only while f is in InTx. f drops
// the temporary tables that it makes.
func (db *DB) Session(ctx context.Context, f func(*Session) error) error {
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return db.fault(err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return f(&Session{db: db, conn: conn})
}

// InTx is DB.InTx on the session's connection, while no other session is in one,
// of this process or another. On SQLite no writer at all is.
func (s *Session) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	return s.db.fault(s.db.alone(ctx, s.conn, "session", s.db.wait, func() error {
		return retry(ctx, func() error { return run(ctx, s.conn, nil, f) })
	}))
}

// InTemp runs f in a transaction that may read everything but write temporary
// tables only: it takes no lock that keeps another process from writing.
func (s *Session) InTemp(ctx context.Context, f func(*sql.Tx) error) error {
	var o sql.TxOptions
	// To SQLite's driver ReadOnly means a plain BEGIN, which locks what it
	// touches; MySQL would refuse to create a temporary table.
	o.ReadOnly = s.db.dialect == SQLite
	return s.db.fault(run(ctx, s.conn, &o, f))
}

type beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

func run(ctx context.Context, b beginner, o *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := b.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err = f(tx); err == nil {
		err = tx.Commit()
	}
	// The end of ctx rolls back behind f's back: what f was doing then fails with
	// words of its own, which are not the reason.
	if end := ctx.Err(); end != nil && (errors.Is(err, end) || errors.Is(err, sql.ErrTxDone)) {
		return end
	}
	return err
}

const (
	mostDeadlocks = 10 // each ends at once
	mostLockWaits = 2  // each has waited for Options.Wait
	firstPause    = 4 * time.Millisecond
)

// retry runs once again while the server undoes it for the sake of another
// transaction, after a pause of random length, so that two do not meet again. Its
// bound doubles each time, as in
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func retry(ctx context.Context, once func() error) error {
	deadlocks, waits := 0, 0
	for pause := firstPause; ; pause *= 2 {
		err := once()
		switch number(err) {
		case errDeadlock:
			deadlocks++
		case errLockWait:
			waits++
		default:
			return err
		}
		if deadlocks == mostDeadlocks || waits == mostLockWaits {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
