package sqlstore

import (
	"context"
	"math"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.History = (*Store)(nil)

// defaultIntervals is how many values of a run MetricIntervals returns unless it
// is told otherwise.
const defaultIntervals = 2500

// MetricHistory returns the values of a run's metric by time, step and value. A
// run or metric that does not exist has none.
func (s *Store) MetricHistory(ctx context.Context, q mlflow.HistoryQuery) (p mlflow.Page[mlflow.Metric], err error) {
	if q.MaxResults < 0 {
		return p, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value %d for parameter 'max_results' supplied. It must be a positive integer.", q.MaxResults)
	}
	start, err := offset(q.PageToken)
	if err != nil {
		return p, err
	}
	limit := q.MaxResults
	if limit == 0 {
		limit = math.MaxInt32
	}
	err = s.read(ctx, func(t tx) error {
		if err := t.reachable(q.RunID); err != nil {
			return err
		}
		// In MLflow's order: a page's token is an offset in it, also for its own server.
		rows, err := all(t, pointOf(q.Key, ""), "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND `key` = ? ORDER BY timestamp, step, value LIMIT ? OFFSET ?",
			q.RunID, q.Key, limit+1, start)
		p = page(rows, start, limit)
		return err
	})
	return p, err
}

// pointOf reads value, timestamp, step and is_nan of a metric whose other fields
// are known.
func pointOf(key, runID string) func(scanner) (mlflow.Metric, error) {
	return func(r scanner) (mlflow.Metric, error) {
		m := mlflow.Metric{Key: key, RunID: runID}
		var nan bool
		err := r.Scan(&m.Value, &m.Timestamp, &m.Step, &nan)
		if nan {
			m.Value = mlflow.Number(math.NaN())
		}
		return m, err
	}
}

// MetricIntervals returns values of one metric in several runs, run by run, each
// by step.
func (s *Store) MetricIntervals(ctx context.Context, q mlflow.IntervalQuery) ([]mlflow.Metric, error) {
	if (q.StartStep == nil) != (q.EndStep == nil) {
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Both start_step and end_step must be specified together, or neither may be specified.")
	}
	limit := q.MaxResults
	if limit == 0 {
		limit = defaultIntervals
	}
	first, last := int64(math.MinInt64), int64(math.MaxInt64)
	if q.StartStep != nil {
		first, last = *q.StartStep, *q.EndStep
	}
	var out []mlflow.Metric
	err := s.read(ctx, func(t tx) error {
		out = nil
		if err := t.reachable(q.RunIDs...); err != nil {
			return err
		}
		for _, run := range q.RunIDs {
			points, err := t.sample(run, q.Key, first, last, max(limit, 1))
			if err != nil {
				return err
			}
			out = append(out, points...)
		}
		return nil
	})
	return out, err
}

// sample thins a history out to limit values. It cuts the values, ordered by step,
// into limit buckets of equal size, of which the first ones take one more where
// the count does not divide, and takes the first of each; the last value of all
// replaces the last of those. So does MLflow, with NTILE.
func (t tx) sample(run, key string, first, last int64, limit int) ([]mlflow.Metric, error) {
	const where = " FROM metrics WHERE run_uuid = ? AND `key` = ? AND step BETWEEN ? AND ?"
	const order = " ORDER BY step, timestamp, value, is_nan"
	scan := pointOf(key, run)
	n, _, err := one(t, number, "SELECT COUNT(*)"+where, run, key, first, last)
	switch {
	case err != nil || n == 0:
		return nil, err
	case n <= int64(limit):
		return all(t, scan, "SELECT value, timestamp, step, is_nan"+where+order, run, key, first, last)
	}
	size, longer := n/int64(limit), n%int64(limit)
	border := longer * (size + 1) // the values in the longer buckets
	points, err := all(t, scan, "SELECT value, timestamp, step, is_nan FROM (SELECT value, timestamp, step, is_nan, ROW_NUMBER() OVER ("+order[1:]+") - 1 AS i"+where+
		") p WHERE (i < ? AND i % ? = 0) OR (i >= ? AND (i + ?) % ? = 0) OR i = ?"+order,
		run, key, first, last, border, size+1, border, size-border%size, size, n-1)
	if err == nil && len(points) > limit {
		points[limit-1] = points[limit]
		points = points[:limit]
	}
	return points, err
}
