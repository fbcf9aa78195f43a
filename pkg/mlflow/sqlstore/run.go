package sqlstore

import (
	"context"
	"database/sql"
	"math"
	"regexp"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.Runs = (*Store)(nil)

// runName is the tag that repeats a run's name.
const runName = "mlflow.runName"

// newRunID is an id that the caller of CreateRun may choose.
var newRunID = regexp.MustCompile("^[0-9a-f]{32}$")

// runInfoColumns are those that scanRunInfo reads, of the table runs named r.
const runInfoColumns = "r.run_uuid, COALESCE(r.name, ''), r.experiment_id, COALESCE(r.user_id, ''), COALESCE(r.status, ''), COALESCE(r.start_time, 0), r.end_time, COALESCE(r.artifact_uri, ''), r.lifecycle_stage"

func scanRunInfo(r scanner) (i mlflow.RunInfo, err error) {
	var end sql.NullInt64
	err = r.Scan(&i.ID, &i.Name, &i.ExperimentID, &i.UserID, &i.Status, &i.StartTime, &end, &i.ArtifactURI, &i.LifecycleStage)
	i.UUID = i.ID
	if end.Valid {
		i.EndTime = &end.Int64
	}
	return i, err
}

// scanMetric reads key, value, timestamp, step and is_nan: SQL knows no NaN.
func scanMetric(r scanner) (m mlflow.Metric, err error) {
	var nan bool
	err = r.Scan(&m.Key, &m.Value, &m.Timestamp, &m.Step, &nan)
	if nan {
		m.Value = mlflow.Number(math.NaN())
	}
	return m, err
}

func scanParam(r scanner) (p mlflow.Param, err error) {
	err = r.Scan(&p.Key, &p.Value)
	return p, err
}

// runInfo finds a run.
func (t tx) runInfo(id string) (mlflow.RunInfo, error) {
	here, args := t.inside("r", id)
	i, ok, err := one(t, scanRunInfo, "SELECT "+runInfoColumns+" FROM runs r WHERE r.run_uuid = ?"+here, args...)
	if err == nil && !ok {
		err = noRun(id)
	}
	return i, err
}

func noRun(id string) error {
	return mlflow.Errorf(mlflow.ResourceDoesNotExist, "Run with id=%s not found", id)
}

// activeRun finds a run that may be written into.
func (t tx) activeRun(id string) (mlflow.RunInfo, error) {
	i, err := t.runInfo(id)
	if err == nil && i.LifecycleStage != mlflow.Active {
		err = mlflow.Errorf(mlflow.InvalidParameterValue, "The run %s must be in the 'active' state. Current state is %s.", i.ID, i.LifecycleStage)
	}
	return i, err
}

// CreateRun starts a run in an active experiment.
func (s *Store) CreateRun(ctx context.Context, n mlflow.NewRun) (mlflow.Run, error) {
	tags, err := named(&n)
	if err != nil {
		return mlflow.Run{}, err
	}
	id := n.ID
	if id == "" {
		id = newID()
	}
	var info mlflow.RunInfo
	err = s.write(ctx, func(t tx) error {
		e, err := t.activeExperiment(n.ExperimentID)
		if err != nil {
			return err
		}
		info = mlflow.RunInfo{
			ID: id, UUID: id, Name: n.Name, ExperimentID: e.ID, UserID: n.UserID, Status: mlflow.Running,
			StartTime: n.StartTime, ArtifactURI: join(e.ArtifactLocation, id, "artifacts"), LifecycleStage: mlflow.Active,
		}
		if err := t.insertRun(info); err != nil {
			return err
		}
		return t.insertRunTags(id, tags)
	})
	if err != nil {
		return mlflow.Run{}, err
	}
	return mlflow.Run{Info: info, Data: mlflow.RunData{Tags: tags}}, nil
}

// named gives a new run its name and returns its tags, which repeat it.
func named(n *mlflow.NewRun) ([]mlflow.Tag, error) {
	if n.ID != "" && !newRunID.MatchString(n.ID) {
		return nil, invalid("run_id", jsonQuoted(n.ID), "a run's id is 32 hexadecimal digits")
	}
	tag := mlflow.RunData{Tags: n.Tags}.Tag(runName)
	switch {
	case n.Name == "" && tag == "":
		n.Name = newName()
	case n.Name == "":
		n.Name = tag
	case tag != "" && tag != n.Name:
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue,
			"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='%s', mlflow.runName='%s').", n.Name, tag)
	}
	tags := append([]mlflow.Tag(nil), n.Tags...)
	if tag == "" {
		tags = append(tags, mlflow.Tag{Key: runName, Value: n.Name})
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if seen[t.Key] { // MLflow passes on what its database says
			return nil, mlflow.Errorf(mlflow.BadRequest, "(sqlite3.IntegrityError) UNIQUE constraint failed: tags.key, tags.run_uuid")
		}
		seen[t.Key] = true
	}
	return tags, nil
}

func (t tx) insertRun(i mlflow.RunInfo) error {
	for _, f := range []struct {
		column string
		limit  int
		value  string
	}{{"name", 250, i.Name}, {"user_id", 256, i.UserID}, {"artifact_uri", 200, i.ArtifactURI}} {
		if err := t.fits(f.column, f.limit, f.value); err != nil {
			return err
		}
	}
	// Source and entry point are MLflow 1's. Its server still fills them, and may read
	// what it finds there.
	_, err := t.exec("INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'UNKNOWN', '', '', ?, ?, ?, '', ?, ?, ?)",
		i.ID, i.Name, i.UserID, i.Status, i.StartTime, i.LifecycleStage, i.ArtifactURI, i.ExperimentID)
	if database.IsDuplicate(err) {
		err = mlflow.Errorf(mlflow.ResourceAlreadyExists, "Run with id=%s already exists", i.ID)
	}
	return err
}

// insertRunTags writes tags; of several with one key the last one stays.
func (t tx) insertRunTags(id string, tags []mlflow.Tag) error {
	values := make([]any, 0, 3*len(tags))
	for _, tag := range tags {
		if err := t.fits("value", mlflow.MaxTagValue, tag.Value); err != nil {
			return err
		}
		values = append(values, id, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO tags (run_uuid, `key`, value)", 3, t.onTaken("`key`, run_uuid", "value"), values)
}

// GetRun returns a run in any lifecycle stage, with the newest value of each
// metric, params, tags, inputs and outputs.
func (s *Store) GetRun(ctx context.Context, id string) (r mlflow.Run, err error) {
	err = s.read(ctx, func(t tx) error {
		if r.Info, err = t.runInfo(id); err != nil {
			return err
		}
		if r.Data, err = t.runData(id); err != nil {
			return err
		}
		if r.Info.Name == "" { // of MLflow 1, which kept it in the tag alone
			r.Info.Name = r.Data.Tag(runName)
		}
		r.Inputs, r.Outputs, err = t.runLinks(id)
		return err
	})
	return r, err
}

func (t tx) runData(id string) (d mlflow.RunData, err error) {
	d.Metrics, err = all(t, scanMetric, "SELECT `key`, value, COALESCE(timestamp, 0), step, is_nan FROM latest_metrics WHERE run_uuid = ?", id)
	if err != nil {
		return d, err
	}
	if d.Params, err = all(t, scanParam, "SELECT `key`, value FROM params WHERE run_uuid = ?", id); err != nil {
		return d, err
	}
	d.Tags, err = all(t, scanTag, "SELECT `key`, COALESCE(value, '') FROM tags WHERE run_uuid = ?", id)
	return d, err
}

// UpdateRun changes an active run's status, end or name.
func (s *Store) UpdateRun(ctx context.Context, u mlflow.RunUpdate) (i mlflow.RunInfo, err error) {
	switch u.Status {
	case "", mlflow.Running, mlflow.Scheduled, mlflow.Finished, mlflow.Failed, mlflow.Killed:
	default:
		return i, invalid("status", jsonQuoted(string(u.Status)), "")
	}
	err = s.write(ctx, func(t tx) error {
		if i, err = t.activeRun(u.ID); err != nil {
			return err
		}
		if u.Status != "" {
			i.Status = u.Status
		}
		if u.EndTime != nil {
			i.EndTime = u.EndTime
		}
		if u.Name != "" {
			i.Name = u.Name
		}
		return t.updateRun(i, u.Name != "")
	})
	return i, err
}

func (t tx) updateRun(i mlflow.RunInfo, renamed bool) error {
	if err := t.fits("name", 250, i.Name); err != nil {
		return err
	}
	_, err := t.exec("UPDATE runs SET status = ?, end_time = ?, name = ? WHERE run_uuid = ?", i.Status, i.EndTime, i.Name, i.ID)
	if err != nil || !renamed {
		return err
	}
	return t.insertRunTags(i.ID, []mlflow.Tag{{Key: runName, Value: i.Name}})
}

// DeleteRun marks a run as deleted.
func (s *Store) DeleteRun(ctx context.Context, id string) error {
	return s.moveRun(ctx, id, mlflow.Deleted, sql.NullInt64{Int64: s.millis(), Valid: true})
}

// RestoreRun brings a deleted run back.
func (s *Store) RestoreRun(ctx context.Context, id string) error {
	return s.moveRun(ctx, id, mlflow.Active, sql.NullInt64{})
}

func (s *Store) moveRun(ctx context.Context, id, to string, deleted sql.NullInt64) error {
	return s.write(ctx, func(t tx) error {
		if _, err := t.runInfo(id); err != nil {
			return err
		}
		n, err := t.exec("UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid = ?", to, deleted, id)
		if err == nil && n == 0 { // purged since we looked
			err = noRun(id)
		}
		return err
	})
}
