package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var (
	_ mlflow.Versions    = (*Store)(nil)
	_ mlflow.VersionTags = (*Store)(nil)
)

// stageGone is the stage of a deleted version, whose number is not given again
// as long as its row is there.
const stageGone = "Deleted_Internal"

// Limits of columns that SQLite does not keep and MySQL does.
const (
	maxSourceURI = 500
	maxRunID     = 32
)

const oneVersion = oneModel + " AND version = ?"

// versionNumber reads a version.
func versionNumber(version string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(version), 10, 64)
	if err != nil {
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Parameter 'version' must be an integer, got '%s'.", version)
	}
	return n, nil
}

// checkVersion checks the words that name a version.
func checkVersion(name, version string) error {
	if err := checkModelName("name", name); err != nil {
		return err
	}
	_, err := versionNumber(version)
	return err
}

// placed is a version with its stage.
type placed struct {
	versionKey
	stage string
}

func scanPlaced(r scanner) (p placed, err error) {
	err = r.Scan(&p.name, &p.version, &p.stage)
	return p, err
}

// live finds a version that is not deleted.
func (t tx) live(name, version string) (placed, error) {
	if err := checkVersion(name, version); err != nil {
		return placed{}, err
	}
	n, err := versionNumber(version)
	if err != nil {
		return placed{}, err
	}
	p, ok, err := one(t, scanPlaced, "SELECT name, version, current_stage FROM model_versions"+oneVersion+" AND current_stage <> ?", t.workspace, name, n, stageGone)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Model Version (name=%s, version=%d) not found", name, n)
	}
	return p, err
}

// version returns one whole version.
func (t tx) version(k versionKey) (mlflow.ModelVersion, error) {
	found, err := t.versions([]versionKey{k})
	if err != nil {
		return mlflow.ModelVersion{}, err
	}
	return found[0], nil
}

// changeVersion runs f on a version of a model that nobody else writes into.
func (s *Store) changeVersion(ctx context.Context, name, version string, f func(tx, placed) error) error {
	return s.write(ctx, func(t tx) error {
		if err := t.hold(name); err != nil {
			return err
		}
		p, err := t.live(name, version)
		if err != nil {
			return err
		}
		return f(t, p)
	})
}

// CreateModelVersion registers what stands at a source as the next version of a
// registered model. A logged model is told of it.
func (s *Store) CreateModelVersion(ctx context.Context, v mlflow.NewVersion) (out mlflow.ModelVersion, err error) {
	if err := checkModelName("name", v.Name); err != nil {
		return out, err
	}
	for _, tag := range v.Tags {
		if err := checkRegistryTag(tag); err != nil {
			return out, err
		}
	}
	err = s.write(ctx, func(t tx) error {
		if err := t.hold(v.Name); err != nil {
			return err
		}
		from, err := t.follow(v)
		if err != nil {
			return err
		}
		name, err := t.registered(v.Name)
		if err != nil {
			return err
		}
		key, err := t.insertVersion(name, v, from, s.millis())
		if err != nil {
			return err
		}
		if from.modelID != "" {
			if err := t.addRegistration(from.modelID, key); err != nil {
				return err
			}
		}
		out, err = t.version(key)
		return err
	})
	return out, err
}

// insertVersion writes the row of a new version and its tags, and dates its
// model. The number follows that of the newest row, deleted or not.
func (t tx) insertVersion(name string, v mlflow.NewVersion, from origin, now int64) (versionKey, error) {
	for _, f := range []struct {
		column string
		limit  int
		value  string
	}{
		{"source", maxSourceURI, from.source},
		{"storage_location", maxSourceURI, from.storage},
		{"run_link", maxSourceURI, v.RunLink},
		{"run_id", maxRunID, from.runID},
		{"description", maxDescription, v.Description},
	} {
		if err := t.fits(f.column, f.limit, f.value); err != nil {
			return versionKey{}, err
		}
	}
	if err := t.touch(name, now); err != nil {
		return versionKey{}, err
	}
	newest, _, err := one(t, number, "SELECT COALESCE(MAX(version), 0) FROM model_versions"+oneModel, t.workspace, name)
	if err != nil {
		return versionKey{}, err
	}
	key := versionKey{name, newest + 1}
	_, err = t.exec("INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, description, current_stage, source, storage_location, run_id, run_link, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		t.workspace, name, key.version, now, now, v.Description, mlflow.StageNone, from.source, from.storage, from.runID, v.RunLink, mlflow.Ready)
	if err != nil {
		return versionKey{}, err
	}
	return key, t.setVersionTags(key, v.Tags)
}

// setVersionTags writes tags; of several with one key the last one stays.
func (t tx) setVersionTags(k versionKey, tags []mlflow.Tag) error {
	values := make([]any, 0, 5*len(tags))
	for _, tag := range tags {
		values = append(values, t.workspace, k.name, k.version, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO model_version_tags (workspace, name, version, `key`, value)", 5, t.onTaken("workspace, `key`, name, version", "value"), values)
}

// GetModelVersion returns a version that is not deleted.
func (s *Store) GetModelVersion(ctx context.Context, name, version string) (v mlflow.ModelVersion, err error) {
	err = s.read(ctx, func(t tx) error {
		p, err := t.live(name, version)
		if err == nil {
			v, err = t.version(p.versionKey)
		}
		return err
	})
	return v, err
}

// UpdateModelVersion writes a version's description.
func (s *Store) UpdateModelVersion(ctx context.Context, name, version, description string) (v mlflow.ModelVersion, err error) {
	err = s.changeVersion(ctx, name, version, func(t tx, p placed) error {
		if err := t.fits("description", maxDescription, description); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE model_versions SET description = ?, last_updated_time = ?"+oneVersion, description, s.millis(), t.workspace, p.name, p.version); err != nil {
			return err
		}
		v, err = t.version(p.versionKey)
		return err
	})
	return v, err
}

// DeleteModelVersion deletes a version with its aliases. Its row stays, without
// what it told, so that its number is not given again.
func (s *Store) DeleteModelVersion(ctx context.Context, name, version string) error {
	return s.changeVersion(ctx, name, version, func(t tx, p placed) error {
		now := s.millis()
		aliases, err := t.aliasesOf(p.versionKey)
		if err != nil {
			return err
		}
		var moves []move
		for _, alias := range aliases {
			moves = append(moves, move{mlflow.AliasMoved, alias, p.number(), ""})
		}
		moves = append(moves, staged(p, "")...) // before the row forgets its stage
		if err := t.logMoves(p.name, now, moves); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM registered_model_aliases"+oneVersion, t.workspace, p.name, p.version); err != nil {
			return err
		}
		if err := t.touch(p.name, now); err != nil {
			return err
		}
		// The words that MLflow's server writes there.
		_, err = t.exec("UPDATE model_versions SET current_stage = ?, last_updated_time = ?, description = NULL, user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', run_link = 'REDACTED-RUN-LINK', status_message = NULL"+oneVersion,
			stageGone, now, t.workspace, p.name, p.version)
		return err
	})
}

// aliasesOf returns the aliases that point at a version.
func (t tx) aliasesOf(k versionKey) ([]string, error) {
	return all(t, text, "SELECT alias FROM registered_model_aliases"+oneVersion+" ORDER BY alias", t.workspace, k.name, k.version)
}

// ModelVersionDownloadURI returns where the version's files can be read.
func (s *Store) ModelVersionDownloadURI(ctx context.Context, name, version string) (uri string, err error) {
	err = s.read(ctx, func(t tx) error {
		p, err := t.live(name, version)
		if err == nil {
			uri, err = t.downloadURI(p.versionKey)
		}
		return err
	})
	return uri, err
}

// downloadURI returns where a version's files are. It stays when the version
// that this one is a copy of goes.
func (t tx) downloadURI(k versionKey) (string, error) {
	var source, storage sql.NullString
	err := t.sql.QueryRowContext(t.ctx, "SELECT source, storage_location FROM model_versions"+oneVersion, t.workspace, k.name, k.version).Scan(&source, &storage)
	if storage.String != "" {
		return storage.String, err
	}
	return source.String, err // versions of an old MLflow
}

// SetModelVersionTag writes a tag of a version.
func (s *Store) SetModelVersionTag(ctx context.Context, name, version string, tag mlflow.Tag) error {
	if err := checkVersion(name, version); err != nil {
		return err
	}
	if err := checkRegistryTag(tag); err != nil {
		return err
	}
	return s.changeVersion(ctx, name, version, func(t tx, p placed) error {
		return t.setVersionTags(p.versionKey, []mlflow.Tag{tag})
	})
}

// DeleteModelVersionTag deletes a tag of a version, if it has it.
func (s *Store) DeleteModelVersionTag(ctx context.Context, name, version, key string) error {
	if err := checkVersion(name, version); err != nil {
		return err
	}
	if err := checkName("key", key); err != nil {
		return err
	}
	return s.changeVersion(ctx, name, version, func(t tx, p placed) error {
		_, err := t.exec("DELETE FROM model_version_tags"+oneVersion+" AND `key` = ?", t.workspace, p.name, p.version, key)
		return err
	})
}
