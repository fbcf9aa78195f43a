package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/sales"
)

// shown is how many refusals a sales.Loaded lists.
const shown = 20

// stage reads the lines into the table stage and gives those that need no look at
// the database their verdict: refused or duplicate.
func (s *Store) stage(ctx context.Context, tx *sql.Tx, schema sales.Schema, lines iter.Seq2[sales.Line, error]) error {
	is := statementsOf(s.db.Dialect())
	// Key, static and columns are texts as they stand in series and observation,
	// so that equal values are equal texts and SQL can compare them.
	if _, err := tx.ExecContext(ctx, is.stage); err != nil {
		return err
	}
	insert := s.insertion(tx, `INSERT INTO stage (id, line, raw, verdict, reason, "key", static, period, target, columns)`)
	defer insert.close()
	id := 0
	var columns []byte
	for l, err := range lines {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		id++
		o := l.Observation
		if l.Refused != "" {
			err = insert.add(ctx, id, l.Number, s.text(l.Raw), "refused", s.text(l.Refused), nil, nil, nil, nil, nil)
		} else if err = errors.Join(fits(schema, o), s.storable(o.Target)); err == nil {
			columns = appendNumbers(columns[:0], o.Columns)
			err = insert.add(ctx, id, l.Number, s.text(l.Raw), nil, nil, writeStrings(o.Key), writeStrings(o.Static),
				int64(o.Period), nullable(o.Target), string(columns))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", l.Number, err)
		}
	}
	if err := insert.flush(ctx); err != nil {
		return err
	}
	return twins(ctx, tx, is)
}

// unstage drops what a load staged, whether or not its context still holds.
func (s *Store) unstage(ctx context.Context, c *database.Session) {
	ctx = context.WithoutCancel(ctx)
	_ = c.InTemp(ctx, func(tx *sql.Tx) error {
		for _, statement := range statementsOf(s.db.Dialect()).unstage {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// fits keeps out what Panel could not read back.
func fits(s sales.Schema, o sales.Observation) error {
	switch {
	case len(o.Key) != len(s.KeyNames):
		return fmt.Errorf("key %s has %d parts, want %d", o.Key, len(o.Key), len(s.KeyNames))
	case len(o.Columns) != len(s.ColumnNames):
		return fmt.Errorf("%s %s has %d columns, want %d", o.Key, o.Period, len(o.Columns), len(s.ColumnNames))
	case len(o.Static) != len(s.StaticNames):
		return fmt.Errorf("%s %s has %d static columns, want %d", o.Key, o.Period, len(o.Static), len(s.StaticNames))
	case s.Frequency.Of(o.Period) != o.Period:
		return fmt.Errorf("%s %s is not the end of a %s (%s)", o.Key, o.Period, s.Frequency.Noun(), s.Frequency)
	}
	return nil
}

// twins finds the lines that give the same period of the same key. Equal ones
// are duplicates but for the first; where any differs all are refused, as there
// is no telling which is right.
func twins(ctx context.Context, tx *sql.Tx, is statements) error {
	for _, statement := range []string{
		is.index,
		`CREATE TEMPORARY TABLE twin AS
		 SELECT "key", period, MIN(id) AS id, MIN(line) AS first, MAX(line) AS last,
		        MIN(static) = MAX(static) AND MIN(columns) = MAX(columns) AND COALESCE(MIN(target) = MAX(target), TRUE)
		        AND COUNT(target) IN (0, COUNT(*)) AS equal
		 FROM stage WHERE verdict IS NULL GROUP BY "key", period HAVING COUNT(*) > 1`,
		is.duplicate,
		is.refuse,
	} {
		if statement == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("find duplicates: %w", err)
		}
	}
	return nil
}

// compare gives the other staged lines their verdict against the newest version
// of their period since the oldest load that counts. It makes the series that
// are missing.
func compare(ctx context.Context, tx *sql.Tx, oldest int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO series ("key", static)
		SELECT "key", static FROM (
			SELECT "key", static, MIN(id) AS id FROM stage WHERE verdict IS NULL GROUP BY "key", static) AS fresh
		WHERE NOT EXISTS (SELECT 1 FROM series s WHERE s."key" = fresh."key" AND s.static = fresh.static)
		ORDER BY id`)
	if err != nil {
		return fmt.Errorf("write series: %w", err)
	}
	// A key has several series where its static values have changed: the newest
	// version of the period may stand under any of them.
	_, err = tx.ExecContext(ctx, `
		UPDATE stage SET
			series_id = (SELECT id FROM series s WHERE s."key" = stage."key" AND s.static = stage.static),
			verdict = COALESCE((
				SELECT CASE WHEN s.static = stage.static AND o.columns = stage.columns
				             AND COALESCE(o.target = stage.target, o.target IS NULL AND stage.target IS NULL)
				       THEN 'unchanged' ELSE 'corrected' END
				FROM series s JOIN observation o ON o.series_id = s.id
				WHERE s."key" = stage."key" AND o.period = stage.period AND o.load_id >= ?
				ORDER BY o.load_id DESC LIMIT 1), 'new')
		WHERE verdict IS NULL`, oldest)
	if err != nil {
		return fmt.Errorf("compare with older loads: %w", err)
	}
	return nil
}

// tally counts the verdicts and lists the first refusals.
func tally(ctx context.Context, tx *sql.Tx) (sales.Loaded, error) {
	var l sales.Loaded
	n := &l.Counts
	err := tx.QueryRowContext(ctx, `
		SELECT COUNT(*), COUNT(CASE verdict WHEN 'new' THEN 1 END),
		       COUNT(CASE verdict WHEN 'corrected' THEN 1 END), COUNT(CASE verdict WHEN 'unchanged' THEN 1 END),
		       COUNT(CASE verdict WHEN 'duplicate' THEN 1 END), COUNT(CASE verdict WHEN 'refused' THEN 1 END)
		FROM stage`).Scan(&n.Read, &n.New, &n.Corrected, &n.Unchanged, &n.Duplicate, &n.Refused)
	if err != nil {
		return l, fmt.Errorf("count lines: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `
		SELECT line, reason, raw FROM stage WHERE verdict = 'refused' ORDER BY line, id LIMIT ?`, shown)
	if err != nil {
		return l, fmt.Errorf("read refusals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r sales.Refusal
		if err := rows.Scan(&r.Line, &r.Reason, &r.Raw); err != nil {
			return l, fmt.Errorf("read refusals: %w", err)
		}
		l.Refusals = append(l.Refusals, r)
	}
	return l, rows.Err()
}
