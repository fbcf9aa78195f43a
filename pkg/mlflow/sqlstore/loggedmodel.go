package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.LoggedModelLog = (*Store)(nil)

// registrationsTag holds the versions that a logged model was registered as, as
// a list in JSON.
const registrationsTag = "mlflow.modelVersions"

// modelStatuses are the states of a logged model by their numbers in the table.
var modelStatuses = [...]mlflow.ModelStatus{"LOGGED_MODEL_STATUS_UNSPECIFIED", mlflow.ModelPending, mlflow.ModelReady, mlflow.ModelFailed}

// The signs that a logged model's name must not hold, which MLflow's refusal
// lists in Python's way.
const (
	badModelSigns = `/:.%"'`
	badModelTuple = `('/', ':', '.', '%', '"', "'")`
)

// Limits of columns that SQLite does not keep and MySQL does. MLflow itself sets
// none for logged models.
const (
	maxLoggedName = 500
	maxLoggedKey  = 255
	maxText       = 65535
)

const oneLogged = " WHERE model_id = ?"

// scanLogged reads a logged model by itself.
func scanLogged(r scanner) (m mlflow.LoggedModel, err error) {
	var status int
	i := &m.Info
	err = r.Scan(&i.ID, &i.ExperimentID, &i.Name, &i.ArtifactURI, &i.CreationTime, &i.LastUpdatedTime, &status, &i.ModelType, &i.SourceRunID, &i.StatusMessage)
	if status >= 0 && status < len(modelStatuses) {
		i.Status = modelStatuses[status]
	}
	return m, err
}

// scanLoggedMetric reads a metric of a logged model.
func scanLoggedMetric(r scanner) (m mlflow.Metric, err error) {
	var value sql.NullFloat64
	err = r.Scan(&m.ModelID, &m.Key, &m.Timestamp, &m.Step, &value, &m.RunID, &m.DatasetName, &m.DatasetDigest)
	m.Value = mlflow.Number(value.Float64)
	if !value.Valid { // what SQLite makes of NaN
		m.Value = mlflow.Number(math.NaN())
	}
	return m, err
}

// loggedModels returns whole logged models in the order of their ids, in any
// lifecycle stage.
func (t tx) loggedModels(ids []string) ([]mlflow.LoggedModel, error) {
	found := make(map[string]*mlflow.LoggedModel, len(ids))
	for part := range slices.Chunk(ids, rowsAtOnce) {
		if err := t.collectLogged(found, part); err != nil {
			return nil, err
		}
	}
	models := make([]mlflow.LoggedModel, 0, len(ids))
	for _, id := range ids {
		if m, ok := found[id]; ok {
			m.Info.Registrations = registrations(m.Info.Tags)
			models = append(models, *m)
		}
	}
	return models, nil
}

// collectLogged adds a few logged models to found.
func (t tx) collectLogged(found map[string]*mlflow.LoggedModel, ids []string) error {
	these, args := " WHERE model_id IN "+marks(len(ids)), anys(ids)
	rows, err := all(t, scanLogged, "SELECT model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, COALESCE(model_type, ''), COALESCE(source_run_id, ''), COALESCE(status_message, '') FROM logged_models"+these, args...)
	if err != nil {
		return err
	}
	for i := range rows {
		found[rows[i].Info.ID] = &rows[i]
	}
	tags, err := all(t, scanPair, "SELECT model_id, tag_key, tag_value FROM logged_model_tags"+these+" ORDER BY model_id, tag_key", args...)
	if err != nil {
		return err
	}
	for _, p := range tags {
		i := &found[p.name].Info
		i.Tags = append(i.Tags, mlflow.Tag{Key: p.key, Value: p.value})
	}
	params, err := all(t, scanPair, "SELECT model_id, param_key, param_value FROM logged_model_params"+these+" ORDER BY model_id, param_key", args...)
	if err != nil {
		return err
	}
	for _, p := range params {
		d := &found[p.name].Data
		d.Params = append(d.Params, mlflow.Param{Key: p.key, Value: p.value})
	}
	metrics, err := all(t, scanLoggedMetric, "SELECT model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, run_id, COALESCE(dataset_name, ''), COALESCE(dataset_digest, '') FROM logged_model_metrics"+these+
		" ORDER BY model_id, metric_name, metric_timestamp_ms, metric_step, run_id", args...)
	for _, m := range metrics {
		d := &found[m.ModelID].Data
		d.Metrics = append(d.Metrics, m)
	}
	return err
}

// registrations reads the versions that a logged model was registered as. A tag
// that somebody has filled with something else names none.
func registrations(tags []mlflow.Tag) []mlflow.Registration {
	var list []registration
	for _, t := range tags {
		if t.Key == registrationsTag && json.Unmarshal([]byte(t.Value), &list) != nil {
			return nil
		}
	}
	var out []mlflow.Registration
	for _, r := range list {
		out = append(out, mlflow.Registration{Name: r.Name, Version: r.Version.String()})
	}
	return out
}

// registration is a version in registrationsTag. MLflow's store writes the
// number as a number, its REST client as a string.
type registration struct {
	Name    string      `json:"name"`
	Version json.Number `json:"version"`
}

// addRegistration tells a logged model that it is registered, in MLflow's words.
func (t tx) addRegistration(id string, k versionKey) error {
	m, err := t.liveModel(id)
	if err != nil {
		return err
	}
	return t.setLoggedTags(m, []mlflow.Tag{{Key: registrationsTag, Value: withRegistration(m.Info.Tags, k)}})
}

// withRegistration adds a version to registrationsTag, as Python writes JSON, and
// leaves alone what others have written there.
func withRegistration(tags []mlflow.Tag, k versionKey) string {
	var there []json.RawMessage
	for _, t := range tags {
		if t.Key == registrationsTag && json.Unmarshal([]byte(t.Value), &there) != nil {
			there = nil
		}
	}
	var entries []string
	for _, raw := range there {
		var e struct {
			Name    string
			Version int64
		}
		if json.Unmarshal(raw, &e) != nil || e.Name != k.name || e.Version != k.version {
			entries = append(entries, string(raw))
		}
	}
	entries = append(entries, fmt.Sprintf(`{"name": %s, "version": %d}`, jsonQuoted(k.name), k.version))
	return "[" + strings.Join(entries, ", ") + "]"
}

// noModel is the refusal of an id that nobody has.
func noModel(id string) error {
	return mlflow.Errorf(mlflow.ResourceDoesNotExist, "Logged model with ID '%s' not found.", id)
}

// loggedModel returns one whole logged model in any lifecycle stage.
func (t tx) loggedModel(id string) (mlflow.LoggedModel, error) {
	if t.scoped {
		if err := t.findLogged(id, ""); err != nil {
			return mlflow.LoggedModel{}, err
		}
	}
	models, err := t.loggedModels([]string{id})
	if err == nil && len(models) == 0 {
		err = noModel(id)
	}
	if err != nil {
		return mlflow.LoggedModel{}, err
	}
	return models[0], nil
}

// liveModel returns one whole logged model that is not deleted.
func (t tx) liveModel(id string) (mlflow.LoggedModel, error) {
	if err := t.findLogged(id, " AND m.lifecycle_stage <> 'deleted'"); err != nil {
		return mlflow.LoggedModel{}, err
	}
	return t.loggedModel(id)
}

// findLogged says whether a logged model is there.
func (t tx) findLogged(id, which string) error {
	here, args := t.inside("m", id)
	_, ok, err := one(t, text, "SELECT m.model_id FROM logged_models m WHERE m.model_id = ?"+which+here, args...)
	if err == nil && !ok {
		err = noModel(id)
	}
	return err
}

// CreateLoggedModel makes a logged model, pending, with a place for its files.
func (s *Store) CreateLoggedModel(ctx context.Context, n mlflow.NewLoggedModel) (m mlflow.LoggedModel, err error) {
	if strings.ContainsAny(n.Name, badModelSigns) {
		return m, mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid model name (%s) provided. Model name must be a non-empty string and cannot contain the following characters: %s", quoted(n.Name), badModelTuple)
	}
	id, now := "m-"+newID(), s.millis()
	err = s.write(ctx, func(t tx) error {
		e, err := t.activeExperiment(n.ExperimentID)
		if err != nil {
			return err
		}
		m.Info = mlflow.LoggedModelInfo{
			ID: id, ExperimentID: e.ID, Name: n.Name, ArtifactURI: join(e.ArtifactLocation, "models", id, "artifacts"),
			CreationTime: now, LastUpdatedTime: now, Status: mlflow.ModelPending, ModelType: n.ModelType, SourceRunID: n.SourceRunID,
		}
		if m.Info.Name == "" {
			m.Info.Name = newName()
		}
		if err := t.insertLogged(m.Info); err != nil {
			return err
		}
		if err := t.insertLoggedParams(m, n.Params); err != nil {
			return err
		}
		if err := t.setLoggedTags(m, n.Tags); err != nil {
			return err
		}
		m, err = t.loggedModel(id)
		return err
	})
	return m, err
}

// insertLogged writes the row of a new logged model.
func (t tx) insertLogged(i mlflow.LoggedModelInfo) error {
	for _, f := range []struct {
		column string
		limit  int
		value  string
	}{{"name", maxLoggedName, i.Name}, {"model_type", maxLoggedName, i.ModelType}, {"source_run_id", maxRunID, i.SourceRunID}} {
		if err := t.fits(f.column, f.limit, f.value); err != nil {
			return err
		}
	}
	_, err := t.exec("INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		i.ID, i.ExperimentID, i.Name, i.ArtifactURI, i.CreationTime, i.LastUpdatedTime, slices.Index(modelStatuses[:], i.Status), mlflow.Active, i.ModelType, i.SourceRunID)
	return err
}

// insertLoggedParams writes params, none of which may be there.
func (t tx) insertLoggedParams(m mlflow.LoggedModel, params []mlflow.Param) error {
	taken := map[string]bool{}
	for _, p := range m.Data.Params {
		taken[p.Key] = true
	}
	values := make([]any, 0, 4*len(params))
	for _, p := range params {
		if taken[p.Key] {
			return mlflow.Errorf(mlflow.BadRequest, "(sqlite3.IntegrityError) UNIQUE constraint failed: logged_model_params.model_id, logged_model_params.param_key")
		}
		taken[p.Key] = true
		if err := t.fits("param_key", maxLoggedKey, p.Key); err != nil {
			return err
		}
		if err := t.fits("param_value", maxText, p.Value); err != nil {
			return err
		}
		values = append(values, m.Info.ID, m.Info.ExperimentID, p.Key, p.Value)
	}
	return t.insert("INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value)", 4, "", values)
}

// setLoggedTags writes tags; of several with one key the last one stays.
func (t tx) setLoggedTags(m mlflow.LoggedModel, tags []mlflow.Tag) error {
	values := make([]any, 0, 4*len(tags))
	for _, tag := range tags {
		if err := t.fits("tag_key", maxLoggedKey, tag.Key); err != nil {
			return err
		}
		if err := t.fits("tag_value", maxText, tag.Value); err != nil {
			return err
		}
		values = append(values, m.Info.ID, m.Info.ExperimentID, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value)", 4, t.onTaken("model_id, tag_key", "tag_value"), values)
}

// GetLoggedModel returns a logged model that is not deleted.
func (s *Store) GetLoggedModel(ctx context.Context, id string) (m mlflow.LoggedModel, err error) {
	err = s.read(ctx, func(t tx) error {
		m, err = t.liveModel(id)
		return err
	})
	return m, err
}

// changeLogged runs f on a logged model, deleted or not, and returns what it
// then is.
func (s *Store) changeLogged(ctx context.Context, id string, f func(tx, mlflow.LoggedModel) error) (m mlflow.LoggedModel, err error) {
	err = s.write(ctx, func(t tx) error {
		if m, err = t.loggedModel(id); err != nil {
			return err
		}
		if err := f(t, m); err != nil {
			return err
		}
		m, err = t.loggedModel(id)
		return err
	})
	return m, err
}

// FinalizeLoggedModel writes where a logged model stands.
func (s *Store) FinalizeLoggedModel(ctx context.Context, id string, status mlflow.ModelStatus) (mlflow.LoggedModel, error) {
	n := slices.Index(modelStatuses[:], status)
	if n < 0 {
		return mlflow.LoggedModel{}, mlflow.Errorf(mlflow.InvalidParameterValue, "Unknown model status: %s", status)
	}
	return s.changeLogged(ctx, id, func(t tx, _ mlflow.LoggedModel) error {
		_, err := t.exec("UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ?"+oneLogged, n, s.millis(), id)
		return err
	})
}

// DeleteLoggedModel marks a logged model as deleted.
func (s *Store) DeleteLoggedModel(ctx context.Context, id string) error {
	_, err := s.changeLogged(ctx, id, func(t tx, _ mlflow.LoggedModel) error {
		_, err := t.exec("UPDATE logged_models SET lifecycle_stage = ?, last_updated_timestamp_ms = ?"+oneLogged, mlflow.Deleted, s.millis(), id)
		return err
	})
	return err
}

// SetLoggedModelTags writes tags of a logged model.
func (s *Store) SetLoggedModelTags(ctx context.Context, id string, tags []mlflow.Tag) (mlflow.LoggedModel, error) {
	return s.changeLogged(ctx, id, func(t tx, m mlflow.LoggedModel) error { return t.setLoggedTags(m, tags) })
}

// DeleteLoggedModelTag deletes a tag of a logged model, which must have it.
func (s *Store) DeleteLoggedModelTag(ctx context.Context, id, key string) error {
	_, err := s.changeLogged(ctx, id, func(t tx, _ mlflow.LoggedModel) error {
		n, err := t.exec("DELETE FROM logged_model_tags"+oneLogged+" AND tag_key = ?", id, key)
		if err == nil && n == 0 {
			err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "No tag with key %s found for model with ID %s.", quoted(key), quoted(id))
		}
		return err
	})
	return err
}

// LogLoggedModelParams writes params of a logged model, all of them or none.
func (s *Store) LogLoggedModelParams(ctx context.Context, id string, params []mlflow.Param) error {
	_, err := s.changeLogged(ctx, id, func(t tx, m mlflow.LoggedModel) error { return t.insertLoggedParams(m, params) })
	return err
}
