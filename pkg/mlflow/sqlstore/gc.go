package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Kind says what sort of thing a piece of trash is.
type Kind string

// The things that can be deleted, in the order in which they are purged.
const (
	KindModel      Kind = "logged model"
	KindRun        Kind = "run"
	KindExperiment Kind = "experiment"
)

// Trash is something in the lifecycle stage deleted, or in a deleted experiment.
type Trash struct {
	Kind         Kind
	ID           string
	Name         string
	ExperimentID string
	Workspace    string // DefaultWorkspace in a database without workspaces
	// ArtifactURI is where its files are. An experiment has none of its own: its
	// place may hold the files of others.
	ArtifactURI string
	Deleted     time.Time
	Versions    []mlflow.Registration // the registered versions that need it
}

// Deleted lists what was deleted in the workspace at least that long ago, and what
// else is in an experiment that was: logged models first, then runs, then experiments.
func (s *Store) Deleted(ctx context.Context, olderThan time.Duration) (trash []Trash, err error) {
	before := s.now().Add(-olderThan).UnixMilli()
	err = s.read(ctx, func(t tx) error {
		trash, err = t.trash(before)
		return err
	})
	return trash, err
}

// Purge removes for good what of the workspace's trash is still deleted, with all
// rows that belong to it, and returns that; the files are the caller's to remove. An
// experiment stays as long as anything in it does. With keepRegistered what a
// registered version needs stays, too.
func (s *Store) Purge(ctx context.Context, trash []Trash, keepRegistered bool) (purged []Trash, err error) {
	type key struct {
		kind Kind
		id   string
	}
	asked := make(map[key]bool, len(trash))
	for _, x := range trash {
		asked[key{x.Kind, x.ID}] = true
	}
	err = s.write(ctx, func(t tx) error {
		if err := t.pin(trash); err != nil {
			return err
		}
		now, err := t.trash(s.millis())
		if err != nil {
			return err
		}
		purged = slices.DeleteFunc(now, func(x Trash) bool {
			return !asked[key{x.Kind, x.ID}] || keepRegistered && len(x.Versions) > 0
		})
		if purged, err = t.emptied(purged); err != nil {
			return err
		}
		return t.purge(purged)
	})
	if err != nil {
		return nil, err
	}
	return purged, nil
}

// pin keeps the trash, and the experiments that it is in, as they are for the
// transaction: on MySQL somebody could else restore what was read as deleted before
// it is gone. On SQLite nobody else writes.
func (t tx) pin(trash []Trash) error {
	if t.dialect == database.SQLite {
		return nil
	}
	ids := map[Kind][]string{}
	for _, x := range trash {
		ids[KindExperiment] = append(ids[KindExperiment], x.ExperimentID)
		if x.Kind != KindExperiment {
			ids[x.Kind] = append(ids[x.Kind], x.ID)
		}
	}
	for _, held := range []struct { // in the order in which a restore locks them
		kind       Kind
		table, key string
	}{{KindExperiment, "experiments", "experiment_id"}, {KindRun, "runs", "run_uuid"}, {KindModel, "logged_models", "model_id"}} {
		slices.Sort(ids[held.kind])
		for some := range slices.Chunk(slices.Compact(ids[held.kind]), rowsAtOnce) {
			_, err := all(t, text, "SELECT "+held.key+" FROM "+held.table+" WHERE "+held.key+" IN "+marks(len(some))+" ORDER BY "+held.key+" FOR UPDATE", anys(some)...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// trash lists what was deleted before a time.
func (t tx) trash(before int64) ([]Trash, error) {
	const old = "e.lifecycle_stage = 'deleted' AND COALESCE(e.last_update_time, 0) <= ?"
	here, args := t.here("e", before, before)
	models, err := all(t, trashOf(KindModel), "SELECT m.model_id, m.name, m.experiment_id, e.workspace, m.artifact_location, m.last_updated_timestamp_ms FROM logged_models m JOIN experiments e ON e.experiment_id = m.experiment_id WHERE (m.lifecycle_stage = 'deleted' AND m.last_updated_timestamp_ms <= ? OR "+old+")"+here+" ORDER BY m.model_id", args...)
	if err != nil {
		return nil, err
	}
	runs, err := all(t, trashOf(KindRun), "SELECT r.run_uuid, COALESCE(r.name, ''), r.experiment_id, e.workspace, COALESCE(r.artifact_uri, ''), COALESCE(r.deleted_time, 0) FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.lifecycle_stage = 'deleted' AND (COALESCE(r.deleted_time, 0) <= ? OR "+old+")"+here+" ORDER BY r.run_uuid", args...)
	if err != nil {
		return nil, err
	}
	experiments, err := all(t, trashOf(KindExperiment), "SELECT e.experiment_id, e.name, e.experiment_id, e.workspace, '', COALESCE(e.last_update_time, 0) FROM experiments e WHERE "+old+here+" ORDER BY e.experiment_id", args[1:]...)
	if err != nil {
		return nil, err
	}
	trash := slices.Concat(models, runs, experiments)
	return trash, t.findVersions(trash)
}

func trashOf(kind Kind) func(scanner) (Trash, error) {
	return func(r scanner) (Trash, error) {
		x := Trash{Kind: kind}
		var deleted int64
		err := r.Scan(&x.ID, &x.Name, &x.ExperimentID, &x.Workspace, &x.ArtifactURI, &deleted)
		x.Deleted = time.UnixMilli(deleted)
		return x, err
	}
}

// claim is a registered version and all texts that may name what it needs.
type claim struct {
	mlflow.Registration
	run, source, storage string
}

func scanClaim(r scanner) (v claim, err error) {
	err = r.Scan(&v.Name, &v.Version, &v.run, &v.source, &v.storage)
	return v, err
}

// findVersions notes the registered versions that need a piece of the trash: those
// whose run it is, or whose files lie in a folder with its id, which stands in
// every artifact URI that MLflow makes.
func (t tx) findVersions(trash []Trash) error {
	at := make(map[string]int, len(trash))
	for i, x := range trash {
		if x.Kind != KindExperiment {
			at[x.ID] = i
		}
	}
	// Of all workspaces: a source is a text, which may name files anywhere. And all of
	// them: no index finds an id within a text.
	versions, err := all(t, scanClaim, "SELECT name, version, COALESCE(run_id, ''), COALESCE(source, ''), COALESCE(storage_location, '') FROM model_versions WHERE COALESCE(current_stage, '') <> 'Deleted_Internal' ORDER BY name, version")
	if err != nil {
		return err
	}
	split := func(r rune) bool { return strings.ContainsRune("/:?#", r) }
	for _, v := range versions {
		for _, id := range append(strings.FieldsFunc(v.source+" / "+v.storage, split), v.run) {
			if i, ok := at[strings.TrimSpace(id)]; ok && !slices.Contains(trash[i].Versions, v.Registration) {
				trash[i].Versions = append(trash[i].Versions, v.Registration)
			}
		}
	}
	return nil
}

// emptied leaves out the experiments in which something else than trash is.
func (t tx) emptied(trash []Trash) ([]Trash, error) {
	going := make(map[string]int64, len(trash))
	for _, x := range trash {
		if x.Kind != KindExperiment {
			going[x.ExperimentID]++
		}
	}
	left := trash[:0]
	for _, x := range trash {
		if x.Kind == KindExperiment {
			// A key of MLflow's deletes logged models with their experiment: those that are
			// no trash would go unseen, and leave their files behind.
			n, _, err := one(t, number, "SELECT (SELECT COUNT(*) FROM runs WHERE experiment_id = ?) + (SELECT COUNT(*) FROM logged_models WHERE experiment_id = ?)", x.ID, x.ID)
			if err != nil {
				return nil, err
			}
			if n > going[x.ID] {
				continue
			}
		}
		left = append(left, x)
	}
	return left, nil
}

// dependents lists, for each kind, the statements that remove it with what belongs
// to it, up to the list of ids. What the schema removes by itself is not here.
var dependents = map[Kind][]string{
	KindModel: {
		"DELETE FROM inputs WHERE destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT') AND destination_id IN ",
		"DELETE FROM logged_models WHERE model_id IN ",
	},
	KindRun: {
		"DELETE FROM metrics WHERE run_uuid IN ",
		"DELETE FROM latest_metrics WHERE run_uuid IN ",
		"DELETE FROM params WHERE run_uuid IN ",
		"DELETE FROM tags WHERE run_uuid IN ",
		"DELETE FROM input_tags WHERE input_uuid IN (SELECT input_uuid FROM inputs WHERE destination_type = 'RUN' AND source_type = 'DATASET' AND destination_id IN #)",
		"DELETE FROM inputs WHERE destination_type = 'RUN' AND source_type = 'DATASET' AND destination_id IN ",
		"DELETE FROM inputs WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id IN ",
		"DELETE FROM runs WHERE run_uuid IN ",
	},
	KindExperiment: {
		"DELETE FROM sql_trace_rollup_rebuild_queue WHERE experiment_id IN ",
		"DELETE FROM sql_trace_metric_daily_rollups WHERE experiment_id IN ",
		"DELETE FROM sql_span_cost_daily_rollups WHERE experiment_id IN ",
		"DELETE FROM sql_assessment_daily_rollups WHERE experiment_id IN ",
		"DELETE FROM online_scoring_configs WHERE experiment_id IN ",
		"DELETE FROM trace_info WHERE experiment_id IN ",
		"DELETE FROM experiment_tags WHERE experiment_id IN ",
		"DELETE FROM experiments WHERE experiment_id IN ",
	},
}

func (t tx) purge(trash []Trash) error {
	ids := make(map[Kind][]any)
	for _, x := range trash {
		ids[x.Kind] = append(ids[x.Kind], x.ID)
	}
	for _, kind := range []Kind{KindModel, KindRun, KindExperiment} {
		for some := range slices.Chunk(ids[kind], rowsAtOnce) {
			for _, statement := range dependents[kind] {
				if !strings.Contains(statement, "#") {
					statement += "#"
				}
				if _, err := t.exec(strings.Replace(statement, "#", marks(len(some)), 1), some...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
