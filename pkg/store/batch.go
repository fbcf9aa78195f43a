package store

import (
	"context"
	"database/sql"
	"strings"
)

// batch collects rows and inserts several at a time.
type batch struct {
	tx      *sql.Tx
	into    string // INSERT INTO table (columns)
	columns int
	rows    int       // of one INSERT
	full    *sql.Stmt // inserts so many
	args    []any
}

// insertion begins a batch, which its caller flushes and closes.
func (s *Store) insertion(tx *sql.Tx, into string) *batch {
	columns := strings.Count(into, ",") + 1
	rows := statementsOf(s.db.Dialect()).rows
	return &batch{tx: tx, into: into, columns: columns, rows: rows, args: make([]any, 0, rows*columns)}
}

// add takes a row and inserts those that have come together.
func (b *batch) add(ctx context.Context, row ...any) (err error) {
	if b.args = append(b.args, row...); len(b.args) < b.rows*b.columns {
		return nil
	}
	if b.full == nil {
		if b.full, err = b.tx.PrepareContext(ctx, b.insert(b.rows)); err != nil {
			return err
		}
	}
	_, err = b.full.ExecContext(ctx, b.args...)
	b.args = b.args[:0]
	return err
}

// flush inserts the rows that are left.
func (b *batch) flush(ctx context.Context) error {
	if len(b.args) == 0 {
		return nil
	}
	_, err := b.tx.ExecContext(ctx, b.insert(len(b.args)/b.columns), b.args...)
	b.args = b.args[:0]
	return err
}

func (b *batch) close() {
	if b.full != nil {
		_ = b.full.Close()
	}
}

func (b *batch) insert(rows int) string {
	row := "(?" + strings.Repeat(", ?", b.columns-1) + ")"
	return b.into + " VALUES " + row + strings.Repeat(", "+row, rows-1)
}
