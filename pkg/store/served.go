package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// Record keeps numbers that were given to somebody, all of them or none. They
// never enter a Panel.
func (s *Store) Record(ctx context.Context, served []sales.Served) error {
	if len(served) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		insert := s.insertion(tx, `INSERT INTO prediction (at, request_id, model, version, "key", period, horizon, value, columns)`)
		defer insert.close()
		for _, p := range served {
			var columns any
			if p.Columns != nil {
				columns = string(appendNumbers(nil, p.Columns))
			}
			err := s.storable(p.Value)
			if err == nil {
				err = insert.add(ctx, writeTime(p.At), s.text(p.RequestID), p.Model, p.Version,
					writeStrings(p.Key), int64(p.Period), p.Horizon, nullable(p.Value), columns)
			}
			if err != nil {
				return fmt.Errorf("record predictions: %w", err)
			}
		}
		if err := insert.flush(ctx); err != nil {
			return fmt.Errorf("record predictions: %w", err)
		}
		return nil
	})
}

// Served returns the recorded numbers from since on, in the order of time; the
// zero time returns all.
func (s *Store) Served(ctx context.Context, since time.Time) ([]sales.Served, error) {
	var served []sales.Served
	err := s.db.InSnapshot(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT at, request_id, model, version, "key", period, horizon, value, columns
			FROM prediction WHERE at >= ? ORDER BY at, id`, writeTime(since))
		if err != nil {
			return fmt.Errorf("read predictions: %w", err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			p, err := scanServed(rows)
			if err != nil {
				return s.broken(fmt.Errorf("prediction: %w", err))
			}
			served = append(served, p)
		}
		return rows.Err()
	})
	return served, err
}

func scanServed(rows *sql.Rows) (sales.Served, error) {
	var p sales.Served
	var at, key string
	var value sql.NullFloat64
	var columns sql.NullString
	err := rows.Scan(&at, &p.RequestID, &p.Model, &p.Version, &key, &p.Period, &p.Horizon, &value, &columns)
	if err != nil {
		return p, err
	}
	p.Value = orNaN(value)
	if p.At, err = time.Parse(stamp, at); err != nil {
		return p, err
	}
	if p.Key, err = readStrings(key); err != nil || !columns.Valid {
		return p, err
	}
	p.Columns, err = readNumbers(columns.String)
	return p, err
}
