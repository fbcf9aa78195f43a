package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.Stages = (*Store)(nil)

// stages are all that a version can be in, in MLflow's order.
var stages = [...]string{mlflow.StageNone, mlflow.StageStaging, mlflow.StageProduction, mlflow.StageArchived}

// stageOf reads a stage, in any case.
func stageOf(word string) (string, error) {
	for _, s := range stages {
		if strings.EqualFold(s, word) {
			return s, nil
		}
	}
	return "", mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid Model Version stage: %s. Value must be one of %s.", word, strings.Join(stages[:], ", "))
}

// TransitionStage moves a version to a stage, and those that are there to the
// archive, where that is asked.
func (s *Store) TransitionStage(ctx context.Context, c mlflow.StageChange) (v mlflow.ModelVersion, err error) {
	stage, err := stageOf(c.Stage)
	if err != nil {
		return v, err
	}
	if c.ArchiveExisting && stage != mlflow.StageStaging && stage != mlflow.StageProduction {
		return v, mlflow.Errorf(mlflow.InternalError, // MLflow's own code for it
			"Model version transition cannot archive existing model versions because '%s' is not an Active stage. Valid stages are ['Staging', 'Production']", c.Stage)
	}
	err = s.changeVersion(ctx, c.Name, c.Version, func(t tx, p placed) error {
		now := s.millis()
		if c.ArchiveExisting {
			if err := t.archiveOthers(p, stage, now); err != nil {
				return err
			}
		}
		if err := t.moveStage(p, stage, now); err != nil {
			return err
		}
		if err := t.touch(p.name, now); err != nil {
			return err
		}
		v, err = t.version(p.versionKey)
		return err
	})
	return v, err
}

// archiveOthers archives all versions in a stage but one.
func (t tx) archiveOthers(p placed, stage string, now int64) error {
	there, err := all(t, scanPlaced, "SELECT name, version, current_stage FROM model_versions"+oneModel+" AND version <> ? AND current_stage = ? ORDER BY version",
		t.workspace, p.name, p.version, stage)
	for _, other := range there {
		if err := t.moveStage(other, mlflow.StageArchived, now); err != nil {
			return err
		}
	}
	return err
}

// moveStage moves a version to a stage and dates it, also where it is there.
func (t tx) moveStage(p placed, stage string, now int64) error {
	if _, err := t.exec("UPDATE model_versions SET current_stage = ?, last_updated_time = ?"+oneVersion, stage, now, t.workspace, p.name, p.version); err != nil {
		return err
	}
	return t.logMoves(p.name, now, staged(p, stage))
}

// LatestVersions returns the newest version of each of the stages, or of all.
func (s *Store) LatestVersions(ctx context.Context, name string, of []string) (out []mlflow.ModelVersion, err error) {
	err = s.read(ctx, func(t tx) error {
		out, err = t.latestIn(name, of)
		return err
	})
	return out, err
}

// latestIn returns the newest version of each of the stages, or of all.
func (t tx) latestIn(name string, of []string) ([]mlflow.ModelVersion, error) {
	stored, err := t.registered(name)
	if err != nil {
		return nil, err
	}
	wanted := make([]string, len(of))
	for i, word := range of {
		if wanted[i], err = stageOf(word); err != nil {
			return nil, err
		}
	}
	latest, err := t.latest([]string{stored})
	if len(wanted) > 0 {
		latest = slices.DeleteFunc(latest, func(v mlflow.ModelVersion) bool { return !slices.Contains(wanted, v.CurrentStage) })
	}
	return latest, err
}
