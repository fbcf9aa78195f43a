package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// snapshot is a panel as of a load.
type snapshot struct {
	load  int64
	panel sales.Panel
}

// Panel returns the newest visible version of every period. It is read once for
// each load: as long as no process writes another, a call is one small query
// and returns the same panel, which callers must not change. A database without
// data is a fault.NotFound.
func (s *Store) Panel(ctx context.Context) (sales.Panel, error) {
	if snap, err := s.current(ctx); err != nil || snap != nil {
		return snap.get(), err
	}
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return sales.Panel{}, ctx.Err()
	}
	if snap, err := s.current(ctx); err != nil || snap != nil { // read by another caller meanwhile
		return snap.get(), err
	}
	snap, err := s.snapshot(ctx)
	if err != nil {
		return sales.Panel{}, err
	}
	s.cached.Store(snap)
	return snap.panel, nil
}

func (s *snapshot) get() sales.Panel {
	if s == nil {
		return sales.Panel{}
	}
	return s.panel
}

// current returns the cached snapshot if it is of the newest load, else nil.
func (s *Store) current(ctx context.Context) (*snapshot, error) {
	snap := s.cached.Load()
	if snap == nil {
		return nil, nil
	}
	// The newest load is always visible, so its id tells one panel from the next.
	var newest int64
	err := s.db.InSnapshot(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM "load"`).Scan(&newest)
	})
	if err != nil || newest != snap.load {
		return nil, err
	}
	return snap, nil
}

// snapshot reads the panel and the load that it is of in one moment.
func (s *Store) snapshot(ctx context.Context) (*snapshot, error) {
	var snap *snapshot
	err := s.db.InSnapshot(ctx, func(tx *sql.Tx) error {
		loads, err := s.loads(ctx, tx)
		if err != nil {
			return err
		}
		past := visible(loads)
		if len(past) == 0 {
			return fault.New(fault.NotFound, "database %s holds no data", s.Path()).WithHint(runETL)
		}
		last := past[len(past)-1]
		obs, err := s.observations(ctx, tx, last.Schema, past[0].ID)
		if err != nil {
			return err
		}
		panel, err := sales.NewPanel(last.Schema, obs)
		if err != nil {
			return s.broken(err)
		}
		snap = &snapshot{load: last.ID, panel: panel}
		return nil
	})
	return snap, err
}

// version is an observation with what tells it from others of its period.
type version struct {
	sales.Observation
	load int64
}

// observations reads the newest version of every period since the oldest load
// that is visible.
func (s *Store) observations(ctx context.Context, tx *sql.Tx, schema sales.Schema, oldest int64) ([]sales.Observation, error) {
	series, err := s.series(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, statementsOf(s.db.Dialect()).newest, oldest)
	if err != nil {
		return nil, fmt.Errorf("read observations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var versions []version
	for rows.Next() {
		v, err := scanVersion(rows, series, len(schema.ColumnNames))
		if err != nil {
			return nil, s.broken(err)
		}
		versions = append(versions, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read observations: %w", err)
	}
	return newest(versions), nil
}

func scanVersion(rows *sql.Rows, series map[int64]identity, columns int) (version, error) {
	var v version
	var id int64
	var target sql.NullFloat64
	var text sql.RawBytes
	if err := rows.Scan(&id, &v.Period, &v.load, &target, &text); err != nil {
		return version{}, err
	}
	v.Key, v.Static, v.Target = series[id].key, series[id].static, orNaN(target)
	var err error
	if v.Columns, err = readNumbers(string(text)); err == nil && len(v.Columns) != columns {
		err = fmt.Errorf("%d columns, want %d", len(v.Columns), columns)
	}
	if err != nil {
		return version{}, fmt.Errorf("observation %s %s: %w", v.Key, v.Period, err)
	}
	return v, nil
}

// identity is a row of the table series.
type identity struct {
	key    sales.Key
	static []string
}

func (s *Store) series(ctx context.Context, tx *sql.Tx) (map[int64]identity, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, "key", static FROM series`)
	if err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	defer func() { _ = rows.Close() }()
	series := map[int64]identity{}
	for rows.Next() {
		var id int64
		var key, static string
		if err := rows.Scan(&id, &key, &static); err != nil {
			return nil, fmt.Errorf("read series: %w", err)
		}
		var of identity
		if of.key, err = readStrings(key); err == nil {
			of.static, err = readStrings(static)
		}
		if err != nil {
			return nil, s.broken(fmt.Errorf("series %d: %w", id, err))
		}
		series[id] = of
	}
	return series, rows.Err()
}

// newest leaves one version of each period where the static values of a key have
// changed, so that several series have it.
func newest(versions []version) []sales.Observation {
	slices.SortStableFunc(versions, func(a, b version) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.Period, b.Period), cmp.Compare(b.load, a.load))
	})
	obs := make([]sales.Observation, 0, len(versions))
	for i, v := range versions {
		if i > 0 && v.Period == versions[i-1].Period && v.Key.Equal(versions[i-1].Key) {
			continue
		}
		obs = append(obs, v.Observation)
	}
	return obs
}
