package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.RunLog = (*Store)(nil)

// LogMetric logs one value of a metric of an active run.
func (s *Store) LogMetric(ctx context.Context, runID string, m mlflow.Metric) error {
	if err := checkMetric("", m); err != nil {
		return err
	}
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		return t.logMetrics(run, []mlflow.Metric{m})
	})
}

// LogParam logs a param of an active run, unless it is logged with that value.
func (s *Store) LogParam(ctx context.Context, runID string, p mlflow.Param) error {
	p, err := checkParam("", p)
	if err != nil {
		return err
	}
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		changed, err := t.logParams(run.ID, []mlflow.Param{p})
		if err == nil && len(changed) > 0 {
			err = mlflow.Errorf(mlflow.InvalidParameterValue,
				"Changing param values is not allowed. Param with key='%s' was already logged with value='%s' for run ID='%s'. Attempted logging new value '%s'.",
				p.Key, changed[0].old, runID, p.Value)
		}
		return err
	})
}

// SetTag writes a tag of an active run.
func (s *Store) SetTag(ctx context.Context, runID string, tag mlflow.Tag) error {
	tag, err := checkTag("", tag)
	if err != nil {
		return err
	}
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error { return t.setTags(run, []mlflow.Tag{tag}) })
}

// DeleteTag deletes a tag of an active run.
func (s *Store) DeleteTag(ctx context.Context, runID, key string) error {
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		n, err := t.exec("DELETE FROM tags WHERE run_uuid = ? AND `key` = ?", run.ID, key)
		if err == nil && n == 0 {
			err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "No tag with name: %s in run with id %s", key, runID)
		}
		return err
	})
}

// LogBatch logs metrics, params and tags of an active run, all of them or none.
func (s *Store) LogBatch(ctx context.Context, runID string, b mlflow.Batch) error {
	err := checkRunID(runID) // of all that writes into a run, only batches and inputs have their id's form checked
	if err == nil {
		b, err = checkBatch(b)
	}
	if err != nil {
		return err
	}
	// In MLflow's order, so that of several faults the same one is told.
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		changed, err := t.logParams(run.ID, b.Params)
		if err == nil && len(changed) > 0 {
			err = mlflow.Errorf(mlflow.InvalidParameterValue,
				"Changing param values is not allowed. Params were already logged='%s' for run ID='%s'.", changeList(changed), runID)
		}
		if err == nil {
			err = t.logMetrics(run, b.Metrics)
		}
		if err == nil {
			err = t.setTags(run, b.Tags)
		}
		return err
	})
}

// log writes into an active run.
func (s *Store) log(ctx context.Context, runID string, f func(tx, mlflow.RunInfo) error) error {
	return s.write(ctx, func(t tx) error {
		run, err := t.activeRun(runID)
		if err != nil {
			return err
		}
		return f(t, run)
	})
}

// change is a param that somebody tries to log with another value.
type change struct{ key, old, new string }

// changeList is Python's repr of a list of changes.
func changeList(changes []change) string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = "{'key': " + quoted(c.key) + ", 'old_value': " + quoted(c.old) + ", 'new_value': " + quoted(c.new) + "}"
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// logParams writes the params that are new, and returns those that stand with
// another value. It writes first and then compares, so that of two calls at once
// one sees what the other wrote.
func (t tx) logParams(runID string, params []mlflow.Param) ([]change, error) {
	if len(params) == 0 {
		return nil, nil
	}
	values, keys := make([]any, 0, 3*len(params)), make([]any, 1, 1+len(params))
	keys[0] = runID
	for _, p := range params {
		values = append(values, runID, p.Key, p.Value)
		keys = append(keys, p.Key)
	}
	if err := t.insert("INSERT INTO params (run_uuid, `key`, value)", 3, t.onTaken("`key`, run_uuid"), values); err != nil {
		return nil, err
	}
	stored, err := all(t, scanParam, "SELECT `key`, value FROM params WHERE run_uuid = ? AND `key` IN "+marks(len(params)), keys...)
	if err != nil {
		return nil, err
	}
	stand := make(map[string]string, len(stored))
	for _, p := range stored {
		stand[p.Key] = p.Value
	}
	var changed []change
	for _, p := range params {
		if old, ok := stand[p.Key]; ok && old != p.Value {
			changed = append(changed, change{p.Key, old, p.Value})
		}
	}
	return changed, nil
}

// setTags writes tags. The one that repeats the run's name renames the run, where
// it is not empty.
func (t tx) setTags(run mlflow.RunInfo, tags []mlflow.Tag) error {
	plain := make([]mlflow.Tag, 0, len(tags))
	for _, tag := range tags {
		if tag.Key != runName {
			plain = append(plain, tag)
			continue
		}
		if tag.Value == "" {
			continue
		}
		run.Name = tag.Value
		if err := t.updateRun(run, true); err != nil {
			return err
		}
	}
	return t.insertRunTags(run.ID, plain)
}

// stored is a metric as SQL can hold it.
type stored struct {
	mlflow.Metric
	nan bool
}

// store replaces the numbers that SQL has no word for, as MLflow does.
func store(m mlflow.Metric) stored {
	switch v := float64(m.Value); {
	case math.IsNaN(v):
		m.Value = 0
		return stored{m, true}
	case math.IsInf(v, 0):
		m.Value = mlflow.Number(math.Copysign(math.MaxFloat64, v))
	}
	return stored{m, false}
}

// newer orders metrics of one key by what MLflow takes for their age.
func newer(a, b stored) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Value, b.Value))
}

// logMetrics adds to the histories, in which one value stands once, and keeps the
// newest value of each key up to date.
func (t tx) logMetrics(run mlflow.RunInfo, metrics []mlflow.Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	values := make([]any, 0, 6*len(metrics))
	latest, at := make([]stored, 0, len(metrics)), make(map[string]int, len(metrics))
	for _, m := range metrics {
		v := store(m)
		values = append(values, v.Key, float64(v.Value), v.Timestamp, run.ID, v.Step, v.nan)
		switch i, ok := at[v.Key]; {
		case !ok:
			at[v.Key] = len(latest)
			latest = append(latest, v)
		case newer(v, latest[i]) > 0:
			latest[i] = v
		}
	}
	err := t.insert("INSERT INTO metrics (`key`, value, timestamp, run_uuid, step, is_nan)", 6,
		t.onTaken("`key`, timestamp, step, run_uuid, value, is_nan"), values)
	if err == nil {
		err = t.updateLatest(run.ID, latest)
	}
	if err == nil {
		err = t.logModelMetrics(run, metrics)
	}
	return err
}

// updateLatest writes the values, one a key, that are newer than those that
// stand. On MySQL two calls at once lock the rows of one run in one order.
func (t tx) updateLatest(runID string, latest []stored) error {
	if t.dialect == database.MySQL {
		slices.SortFunc(latest, func(a, b stored) int { return strings.Compare(a.Key, b.Key) })
	}
	values := make([]any, 0, 6*len(latest))
	for _, v := range latest {
		values = append(values, v.Key, float64(v.Value), v.Timestamp, v.Step, v.nan, runID)
	}
	return t.insert("INSERT INTO latest_metrics (`key`, value, timestamp, step, is_nan, run_uuid)", 6, t.ifNewer(), values)
}

// ifNewer is the tail that overwrites a newest value by a newer one. MySQL, which
// knows no condition there, assigns column by column, and each sees those before
// it: in this order the condition stays true as long as it matters.
func (t tx) ifNewer() string {
	if t.dialect == database.SQLite {
		return t.onTaken("`key`, run_uuid", "value", "timestamp", "step", "is_nan") +
			" WHERE (excluded.step, excluded.timestamp, excluded.value) > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)"
	}
	const newer = "IF((VALUES(step), VALUES(timestamp), VALUES(value)) > (step, timestamp, value), "
	return " ON DUPLICATE KEY UPDATE is_nan = " + newer + "VALUES(is_nan), is_nan)" +
		", value = " + newer + "VALUES(value), value)" +
		", timestamp = " + newer + "VALUES(timestamp), timestamp)" +
		", step = " + newer + "VALUES(step), step)"
}

// logModelMetrics writes the metrics that were measured of logged models to
// those, too. There is no NaN in that table.
func (t tx) logModelMetrics(run mlflow.RunInfo, metrics []mlflow.Metric) error {
	var values []any
	known := map[string]bool{}
	for _, m := range metrics {
		if m.ModelID == "" {
			continue
		}
		if !known[m.ModelID] { // the foreign key would refuse it, too, without saying which
			here, args := t.inside("m", m.ModelID)
			_, ok, err := one(t, text, "SELECT m.model_id FROM logged_models m WHERE m.model_id = ?"+here, args...)
			if err == nil && !ok {
				err = mlflow.Errorf(mlflow.BadRequest, "Logged model with ID '%s' not found.", m.ModelID)
			}
			if err != nil {
				return err
			}
			known[m.ModelID] = true
		}
		values = append(values, m.ModelID, m.Key, m.Timestamp, m.Step, float64(store(m).Value), run.ExperimentID, run.ID, null(m.DatasetName), null(m.DatasetDigest))
	}
	return t.insert("INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest)",
		9, t.onTaken("model_id, metric_name, metric_timestamp_ms, metric_step, run_id"), values)
}

// null is what an optional text becomes in a row.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
