package database

import (
	"context"
	"database/sql"
	"errors"
)

// InTx runs f in a transaction that may write. It commits when f returns nil,
// and undoes everything when f returns an error, which InTx then returns, when f
// panics or when ctx ends.
func (db *DB) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	return db.fault(run(ctx, db.writer, nil, f))
}

// InSnapshot runs f in a transaction that reads. All its queries see the state
// of one moment, whoever writes meanwhile.
func (db *DB) InSnapshot(ctx context.Context, f func(*sql.Tx) error) error {
	return db.fault(run(ctx, db.reader, &sql.TxOptions{ReadOnly: true}, f))
}

// Session is the writing connection while one caller has it to himself, with
// temporary tables that outlive a transaction.
type Session struct {
	db   *DB
	conn *sql.Conn
}

// Session runs f with the writing connection. Other writers of this process
// wait; those of other processes wait only while f is in InTx. f drops the
// temporary tables that it makes.
func (db *DB) Session(ctx context.Context, f func(*Session) error) error {
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return db.fault(err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return f(&Session{db: db, conn: conn})
}

// InTx is DB.InTx on the session's connection.
func (s *Session) InTx(ctx context.Context, f func(*sql.Tx) error) error {
	return s.db.fault(run(ctx, s.conn, nil, f))
}

// InTemp runs f in a transaction that may read everything but write temporary
// tables only: it takes no lock that keeps another process from writing.
func (s *Session) InTemp(ctx context.Context, f func(*sql.Tx) error) error {
	// To the driver ReadOnly means a plain BEGIN, which locks what it touches.
	return s.db.fault(run(ctx, s.conn, &sql.TxOptions{ReadOnly: true}, f))
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
