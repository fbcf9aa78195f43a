package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var (
	_ mlflow.Experiments    = (*Store)(nil)
	_ mlflow.ExperimentTags = (*Store)(nil)
	_ mlflow.Lifecycle      = (*Store)(nil)
)

// nameTaken is what the database says of a second experiment of one name; MLflow
// passes it on.
const nameTaken = "(sqlite3.IntegrityError) UNIQUE constraint failed: experiments.workspace, experiments.name"

const experimentColumns = "SELECT experiment_id, name, COALESCE(artifact_location, ''), lifecycle_stage, COALESCE(creation_time, 0), COALESCE(last_update_time, 0) FROM experiments"

func scanExperiment(r scanner) (e mlflow.Experiment, err error) {
	err = r.Scan(&e.ID, &e.Name, &e.ArtifactLocation, &e.LifecycleStage, &e.CreationTime, &e.LastUpdateTime)
	return e, err
}

func scanTag(r scanner) (t mlflow.Tag, err error) {
	err = r.Scan(&t.Key, &t.Value)
	return t, err
}

// experimentNumber reads an experiment's id; the empty one is the default's.
func experimentNumber(id string) (int64, error) {
	if id == "" {
		id = mlflow.DefaultExperiment
	}
	n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 64)
	if err != nil {
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid experiment ID '%s'. Experiment ID must be a valid integer.", id)
	}
	return n, nil
}

// experiment finds an experiment, without its tags.
func (t tx) experiment(id string) (mlflow.Experiment, error) {
	n, err := experimentNumber(id)
	if err != nil {
		return mlflow.Experiment{}, err
	}
	here, args := t.here("experiments", n)
	e, ok, err := one(t, scanExperiment, experimentColumns+" WHERE experiment_id = ?"+here, args...)
	if err == nil && !ok {
		err = noExperiment(n)
	}
	return e, err
}

// activeExperiment finds an experiment that may be written into.
func (t tx) activeExperiment(id string) (mlflow.Experiment, error) {
	e, err := t.experiment(id)
	if err == nil && e.LifecycleStage != mlflow.Active {
		err = mlflow.Errorf(mlflow.InvalidParameterValue, "The experiment %s must be in the 'active' state. Current state is %s.", e.ID, e.LifecycleStage)
	}
	return e, err
}

func noExperiment(id any) error {
	return mlflow.Errorf(mlflow.ResourceDoesNotExist, "No Experiment with id=%v exists", id)
}

// CreateExperiment makes an experiment and returns its id.
func (s *Store) CreateExperiment(ctx context.Context, e mlflow.NewExperiment) (id string, err error) {
	if err := checkExperimentName(e.Name); err != nil {
		return "", err
	}
	if s.scoped && e.ArtifactLocation != "" {
		return "", mlflow.Errorf(mlflow.InvalidParameterValue, "artifact_location cannot be specified when workspaces are enabled")
	}
	location, err := s.resolve(e.ArtifactLocation)
	if err != nil {
		return "", err
	}
	if len([]rune(location)) > maxLocation {
		return "", mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid artifact path length. The length of the artifact path cannot be greater than %d characters. To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.", maxLocation)
	}
	for _, t := range e.Tags {
		if err := checkExperimentTag(t); err != nil {
			return "", err
		}
	}
	err = s.write(ctx, func(t tx) error {
		n, err := t.createExperiment(e.Name, location, s.millis())
		if err != nil {
			return err
		}
		id = strconv.FormatInt(n, 10)
		if location == "" { // the id, which only the row's insertion tells, is a part of it
			root, err := t.rootOf(s.root)
			if err != nil {
				return err
			}
			if _, err := t.exec("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", join(root, id), n); err != nil {
				return err
			}
		}
		return t.setExperimentTags(n, e.Tags)
	})
	return id, err
}

func (t tx) createExperiment(name, location string, now int64) (int64, error) {
	if err := t.fits("name", 256, name); err != nil {
		return 0, err
	}
	if err := t.fits("artifact_location", 256, location); err != nil {
		return 0, err
	}
	taken := mlflow.Errorf(mlflow.ResourceAlreadyExists, "Experiment(name=%s) already exists. Error: %s", name, nameTaken)
	// MySQL would use up an id for an INSERT that fails.
	switch _, ok, err := one(t, number, "SELECT experiment_id FROM experiments"+oneModel, t.workspace, name); {
	case err != nil:
		return 0, err
	case ok:
		return 0, taken
	}
	r, err := t.sql.ExecContext(t.ctx, "INSERT INTO experiments (workspace, name, artifact_location, lifecycle_stage, creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?)",
		t.workspace, name, location, mlflow.Active, now, now)
	if err == nil {
		return r.LastInsertId()
	}
	if database.IsDuplicate(err) {
		return 0, taken
	}
	return 0, err
}

// GetExperiment returns an experiment in any lifecycle stage.
func (s *Store) GetExperiment(ctx context.Context, id string) (e mlflow.Experiment, err error) {
	err = s.read(ctx, func(t tx) error {
		if e, err = t.experiment(id); err != nil {
			return err
		}
		e.Tags, err = t.experimentTags(e.ID)
		return err
	})
	return e, err
}

// GetExperimentByName returns an experiment in any lifecycle stage.
func (s *Store) GetExperimentByName(ctx context.Context, name string) (e mlflow.Experiment, err error) {
	err = s.read(ctx, func(t tx) error {
		var ok bool
		e, ok, err = one(t, scanExperiment, experimentColumns+oneModel, t.workspace, name)
		if err == nil && !ok {
			err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Could not find experiment with name '%s'", name)
		}
		if err == nil {
			e.Tags, err = t.experimentTags(e.ID)
		}
		return err
	})
	return e, err
}

func (t tx) experimentTags(id string) ([]mlflow.Tag, error) {
	return all(t, scanTag, "SELECT `key`, COALESCE(value, '') FROM experiment_tags WHERE experiment_id = ? ORDER BY `key`", id)
}

// RenameExperiment gives an active experiment another name.
func (s *Store) RenameExperiment(ctx context.Context, id, name string) error {
	if err := checkExperimentName(name); err != nil {
		return err
	}
	return s.write(ctx, func(t tx) error {
		e, err := t.experiment(id)
		if err == nil && e.LifecycleStage != mlflow.Active {
			err = mlflow.Errorf(mlflow.InvalidState, "Cannot rename a non-active experiment.")
		}
		if err == nil {
			err = t.fits("name", 256, name)
		}
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?", name, s.millis(), e.ID)
		if database.IsDuplicate(err) {
			err = mlflow.Errorf(mlflow.BadRequest, nameTaken)
		}
		return err
	})
}

// SetExperimentTag writes a tag of an active experiment.
func (s *Store) SetExperimentTag(ctx context.Context, id string, tag mlflow.Tag) error {
	if err := checkExperimentTag(tag); err != nil {
		return err
	}
	return s.write(ctx, func(t tx) error {
		e, err := t.activeExperiment(id)
		if err != nil {
			return err
		}
		return t.setExperimentTags(e.ID, []mlflow.Tag{tag})
	})
}

func (t tx) setExperimentTags(id any, tags []mlflow.Tag) error {
	values := make([]any, 0, 3*len(tags))
	for _, tag := range tags {
		values = append(values, id, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO experiment_tags (experiment_id, `key`, value)", 3, t.onTaken("`key`, experiment_id", "value"), values)
}

// DeleteExperimentTag deletes a tag of an active experiment.
func (s *Store) DeleteExperimentTag(ctx context.Context, id, key string) error {
	return s.write(ctx, func(t tx) error {
		e, err := t.activeExperiment(id)
		if err != nil {
			return err
		}
		n, err := t.exec("DELETE FROM experiment_tags WHERE experiment_id = ? AND `key` = ?", e.ID, key)
		if err == nil && n == 0 {
			err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "No tag with name: %s in experiment with id %s", key, id)
		}
		return err
	})
}

// DeleteExperiment marks an active experiment and all its runs as deleted.
func (s *Store) DeleteExperiment(ctx context.Context, id string) error {
	return s.move(ctx, id, mlflow.Active, mlflow.Deleted, sql.NullInt64{Int64: s.millis(), Valid: true})
}

// RestoreExperiment brings a deleted experiment and all its runs back.
func (s *Store) RestoreExperiment(ctx context.Context, id string) error {
	return s.move(ctx, id, mlflow.Deleted, mlflow.Active, sql.NullInt64{})
}

// move takes an experiment from one lifecycle stage to another. Its runs follow,
// also those that went that way by themselves before.
func (s *Store) move(ctx context.Context, id, from, to string, deleted sql.NullInt64) error {
	return s.write(ctx, func(t tx) error {
		e, err := t.experiment(id)
		if err == nil && e.LifecycleStage != from {
			err = noExperiment(e.ID)
		}
		if err != nil {
			return err
		}
		n, err := t.exec("UPDATE experiments SET lifecycle_stage = ?, last_update_time = ? WHERE experiment_id = ?", to, s.millis(), e.ID)
		if err == nil && n == 0 { // purged since we looked
			err = noExperiment(e.ID)
		}
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE experiment_id = ?", to, deleted, e.ID)
		return err
	})
}
