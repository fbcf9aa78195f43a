package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// errNothing undoes the transaction of a load that brought no news.
var errNothing = errors.New("nothing to write")

// Load takes in the lines of a source, all of them or, on any error, none. An
// error of the sequence ends it. Where a line is new, corrected or refused for
// the first time the load is written; otherwise the database stays as it is and
// the ID of the result is 0.
//
// With src.Strict a refused line is a fault.Invalid, and so are lines none of
// which can be taken into an empty database; the counts and refusals are
// returned with it. Another mapping than the database's is a fault.Conflict.
func (s *Store) Load(ctx context.Context, src sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error) {
	var loaded sales.Loaded
	err := s.db.Session(ctx, func(c *database.Session) error {
		// Admit before reading a long file; and again when nobody else can write.
		err := c.InTemp(ctx, func(tx *sql.Tx) error {
			_, err := s.admit(ctx, tx, src)
			return err
		})
		if err != nil {
			return err
		}
		defer s.unstage(ctx, c)
		err = c.InTemp(ctx, func(tx *sql.Tx) error { return s.stage(ctx, tx, src.Schema, lines) })
		if err != nil {
			return fmt.Errorf("load %s: %w", src.Name, err)
		}
		return c.InTx(ctx, func(tx *sql.Tx) (err error) {
			loaded, err = s.settle(ctx, tx, src)
			return err
		})
	})
	if errors.Is(err, errNothing) {
		return loaded, nil
	}
	return loaded, err
}

// settle compares the staged lines with what is visible and writes the load.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, src sales.Source) (sales.Loaded, error) {
	// Again, for another process may have loaded while this one read its lines.
	a, err := s.admit(ctx, tx, src)
	if err != nil {
		return sales.Loaded{}, err
	}
	if err := compare(ctx, tx, a.oldest); err != nil {
		return sales.Loaded{}, err
	}
	loaded, err := tally(ctx, tx)
	if err != nil {
		return sales.Loaded{}, err
	}
	n := loaded.Counts
	switch {
	case src.Strict && n.Refused > 0:
		return loaded, fault.New(fault.Invalid, "%s is not loaded: %d of %d lines are refused: %s", src.Name, n.Refused, n.Read, reasons(loaded)).
			WithHint("correct them, or run it without --strict to load the others")
	// A replacing load is empty too: one without a row would hide all there is.
	case a.empty && n.New == 0 && n.Refused == 0:
		return loaded, fault.New(fault.Invalid, "%s is not loaded: it has no rows", src.Name)
	case a.empty && n.New == 0:
		return loaded, fault.New(fault.Invalid, "%s is not loaded: all of its %d lines are refused: %s", src.Name, n.Read, reasons(loaded))
	case n.New+n.Corrected == 0 && (n.Refused == 0 || a.known):
		return loaded, errNothing
	}
	if err := s.write(ctx, tx, a.id, src, n); err != nil {
		return sales.Loaded{}, err
	}
	loaded.ID = a.id
	return loaded, nil
}

// write turns the staged lines into rows of the load.
func (s *Store) write(ctx context.Context, tx *sql.Tx, id int64, src sales.Source, n sales.Counts) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO "load" (id, at, name, digest, sample, replaces, "schema", format,
		                    "read", new, corrected, unchanged, duplicate, refused)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, writeTime(s.now()), s.text(src.Name), src.Digest, src.Sample, src.Replace,
		writeSchema(src.Schema), writeFormat(src.Format),
		n.Read, n.New, n.Corrected, n.Unchanged, n.Duplicate, n.Refused)
	if err != nil {
		return fmt.Errorf("write load: %w", err)
	}
	// In the order of the primary key, so that pages fill one after the other.
	_, err = tx.ExecContext(ctx, `
		INSERT INTO observation (series_id, period, load_id, target, columns)
		SELECT series_id, period, ?, target, columns FROM stage
		WHERE verdict IN ('new', 'corrected') ORDER BY series_id, period`, id)
	if err != nil {
		return fmt.Errorf("write observations: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO quarantine (load_id, line, reason, raw)
		SELECT ?, line, reason, raw FROM stage WHERE verdict = 'refused' ORDER BY id`, id)
	if err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

// reasons tells the first refusals for an error's text.
func reasons(l sales.Loaded) string {
	const most = 3
	var parts []string
	for _, r := range l.Refusals[:min(most, len(l.Refusals))] {
		parts = append(parts, fmt.Sprintf("line %d: %s", r.Line, r.Reason))
	}
	if more := l.Counts.Refused - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}
