package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
)

// tx is a transaction that knows its dialect. SQL is written so that both
// dialects read it, with names that are reserved words, such as `key`, in
// backticks; where they cannot agree, the caller asks for the dialect.
type tx struct {
	ctx     context.Context
	sql     *sql.Tx
	dialect database.Dialect
	scope
}

// write runs f in a transaction. f may run more than once, and starts from
// nothing each time.
func (s *Store) write(ctx context.Context, f func(tx) error) error {
	in, err := s.scope(ctx)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(t *sql.Tx) error { return f(tx{ctx, t, s.db.Dialect(), in}) })
}

// read runs f on the state of one moment.
func (s *Store) read(ctx context.Context, f func(tx) error) error {
	in, err := s.scope(ctx)
	if err != nil {
		return err
	}
	return s.db.InSnapshot(ctx, func(t *sql.Tx) error { return f(tx{ctx, t, s.db.Dialect(), in}) })
}

// exec writes and returns how many rows it changed.
func (t tx) exec(query string, args ...any) (int64, error) {
	r, err := t.sql.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// rowsAtOnce bounds a statement of many rows: SQLite takes 32,766 arguments.
const rowsAtOnce = 1000

// insert writes rows. head is the statement up to VALUES, tail what follows them,
// and values are the arguments of all rows, width for each.
func (t tx) insert(head string, width int, tail string, values []any) error {
	row := "(?" + strings.Repeat(",?", width-1) + ")"
	for len(values) > 0 {
		n := min(len(values)/width, rowsAtOnce)
		if _, err := t.exec(head+" VALUES "+row+strings.Repeat(","+row, n-1)+tail, values[:n*width]...); err != nil {
			return err
		}
		values = values[n*width:]
	}
	return nil
}

// onTaken is the tail of an INSERT that says what becomes of a row whose primary
// key, the columns of key, is taken: it gets the new values of set, or, without
// any, stays as it is.
func (t tx) onTaken(key string, set ...string) string {
	var b strings.Builder
	source, end := "excluded.`", "`"
	switch {
	case t.dialect == database.MySQL && len(set) == 0:
		// A column set to itself changes nothing. INSERT IGNORE would also cut values
		// that are too long, and drop rows that refer to nothing.
		first, _, _ := strings.Cut(key, ",")
		return " ON DUPLICATE KEY UPDATE " + first + " = " + first
	case t.dialect == database.MySQL:
		b.WriteString(" ON DUPLICATE KEY UPDATE ")
		source, end = "VALUES(`", "`)" // MySQL would rather have a row alias, which MariaDB does not know
	case len(set) == 0:
		return " ON CONFLICT (" + key + ") DO NOTHING"
	default:
		b.WriteString(" ON CONFLICT (" + key + ") DO UPDATE SET ")
	}
	for i, column := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("`" + column + "` = " + source + column + end)
	}
	return b.String()
}

// marks returns n placeholders for the list after IN.
func marks(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }

// scanner reads the columns of one row, as sql.Rows and sql.Row do.
type scanner interface{ Scan(dest ...any) error }

// all returns what scan makes of each row of the query.
func all[T any](t tx, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := t.sql.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// one returns what scan makes of the query's first row; ok is false where it has
// none.
func one[T any](t tx, scan func(scanner) (T, error), query string, args ...any) (v T, ok bool, err error) {
	v, err = scan(t.sql.QueryRowContext(t.ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, err
}
