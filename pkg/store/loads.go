package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Load is one run that brought something. Its Strict is not remembered.
type Load struct {
	sales.Source
	ID     int64 // from 1, in the order of time
	At     time.Time
	Counts sales.Counts
	Hidden bool // a later load replaced it
}

// Loads returns all loads, the oldest first.
func (s *Store) Loads(ctx context.Context) (loads []Load, err error) {
	err = s.db.InSnapshot(ctx, func(tx *sql.Tx) error {
		loads, err = s.loads(ctx, tx)
		return err
	})
	return loads, err
}

// Remembered returns the source of the first load that is not hidden: its schema
// and format are those of the next file too. It is false for an empty database.
// Replace and Strict, which are for one load only, are not set.
func (s *Store) Remembered(ctx context.Context) (sales.Source, bool, error) {
	loads, err := s.Loads(ctx)
	past := visible(loads)
	if err != nil || len(past) == 0 {
		return sales.Source{}, false, err
	}
	src := past[0].Source
	src.Replace = false
	return src, true, nil
}

func (s *Store) loads(ctx context.Context, tx *sql.Tx) ([]Load, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT id, at, name, digest, sample, replaces, "schema", format,
		       "read", new, corrected, unchanged, duplicate, refused,
		       id < (SELECT COALESCE(MAX(id), 0) FROM "load" WHERE replaces)
		FROM "load" ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read loads: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var loads []Load
	for rows.Next() {
		l, err := s.scanLoad(rows)
		if err != nil {
			return nil, err
		}
		loads = append(loads, l)
	}
	return loads, rows.Err()
}

func (s *Store) scanLoad(rows *sql.Rows) (Load, error) {
	var l Load
	var at, schema, format string
	c := &l.Counts
	err := rows.Scan(&l.ID, &at, &l.Name, &l.Digest, &l.Sample, &l.Replace, &schema, &format,
		&c.Read, &c.New, &c.Corrected, &c.Unchanged, &c.Duplicate, &c.Refused, &l.Hidden)
	if err != nil {
		return Load{}, err
	}
	if l.At, err = time.Parse(stamp, at); err != nil {
		return Load{}, s.broken(fmt.Errorf("load %d: %w", l.ID, err))
	}
	if l.Schema, err = readSchema(schema); err != nil {
		return Load{}, s.broken(fmt.Errorf("load %d: %w", l.ID, err))
	}
	if l.Format, err = readFormat(format); err != nil {
		return Load{}, s.broken(fmt.Errorf("load %d: %w", l.ID, err))
	}
	// Who reads the next file takes a header for each column from here.
	if have, want := len(l.Format.Columns), len(l.Schema.ColumnNames); have != want {
		return Load{}, s.broken(fmt.Errorf("load %d: %d headers for %d columns", l.ID, have, want))
	}
	return l, nil
}

// broken says that a row holds what no Store writes.
func (s *Store) broken(err error) error {
	return fault.New(fault.Integrity, "database %s: %w", s.Path(), err).
		WithHint("restore it from a backup")
}

// visible leaves out the loads that a later one replaced.
func visible(loads []Load) []Load {
	for len(loads) > 0 && loads[0].Hidden {
		loads = loads[1:]
	}
	return loads
}
