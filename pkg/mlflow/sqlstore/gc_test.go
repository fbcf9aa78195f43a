package sqlstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// field is a store with things in every state, by name.
type field struct {
	*Store
	t   *testing.T
	now time.Time
	ids map[string]string
}

func newField(t *testing.T, dsn string) *field {
	f := &field{t: t, now: time.UnixMilli(1e12), ids: map[string]string{}}
	f.Store = openAt(t, dsn, Options{ArtifactRoot: "s3://root", Now: func() time.Time { return f.now }})
	return f
}

func (f *field) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *field) experiment(name string) string {
	id, err := f.CreateExperiment(f.t.Context(), mlflow.NewExperiment{Name: name, Tags: []mlflow.Tag{{Key: "k", Value: "v"}}})
	f.must(err)
	return id
}

// run makes a run with something in every table.
func (f *field) run(name, experiment string) string {
	r, err := f.CreateRun(f.t.Context(), mlflow.NewRun{Name: name, ExperimentID: experiment})
	f.must(err)
	id := r.Info.ID
	model := "m-" + newID()
	insertModel(f.t, f.Store, model)
	f.must(f.LogBatch(f.t.Context(), id, mlflow.Batch{Metrics: []mlflow.Metric{{Key: "m", ModelID: model}}, Params: []mlflow.Param{{Key: "p"}}}))
	f.must(f.LogInputs(f.t.Context(), id, []mlflow.DatasetInput{{Dataset: mlflow.Dataset{Name: name, Digest: "x"}, Tags: []mlflow.Tag{{Key: "k", Value: "v"}}}}, []mlflow.ModelInput{{ModelID: model}}))
	f.must(f.LogOutputs(f.t.Context(), id, []mlflow.ModelOutput{{ModelID: model}}))
	f.ids[id] = name
	return id
}

// register adds a version that needs what run and source name.
func (f *field) register(version int, run, source string) {
	f.must(f.write(f.t.Context(), func(t tx) error {
		_, err := t.exec("INSERT INTO registered_models (name) SELECT 'M' WHERE NOT EXISTS (SELECT 1 FROM registered_models)")
		if err == nil {
			_, err = t.exec("INSERT INTO model_versions (name, version, run_id, source, current_stage) VALUES ('M', ?, ?, ?, 'None')", version, run, source)
		}
		return err
	}))
}

// names lists trash as "KIND NAME", with the versions that need it.
func (f *field) names(trash []Trash) (list []string) {
	for _, x := range trash {
		name := string(x.Kind) + " " + x.Name
		for _, v := range x.Versions {
			name += " " + v.Name + "/" + v.Version
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (f *field) expect(what string, trash []Trash, err error, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.names(trash)); err != nil || diff != "" {
		f.t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

func TestPurgeRemovesWhatIsDeletedAndNotNeeded(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		f := newField(t, dsn)
		empty, full := f.experiment("empty"), f.experiment("full")
		f.run("alive", "0")
		old, young, needed, source := f.run("old", "0"), f.run("young", "0"), f.run("needed", "0"), f.run("source", full)
		f.register(1, needed, "")
		f.register(2, "", "s3://root/"+full+"/"+source+"/artifacts/model")
		f.must(f.DeleteRun(ctx, old))
		f.must(f.DeleteRun(ctx, needed))
		f.must(f.DeleteExperiment(ctx, empty))
		f.must(f.DeleteExperiment(ctx, full))
		f.now = f.now.Add(time.Hour)
		f.must(f.DeleteRun(ctx, young))

		hour, err := f.Deleted(ctx, time.Hour)
		f.expect("older than an hour", hour, err, "experiment empty", "experiment full", "run needed M/1", "run old", "run source M/2")
		every, err := f.Deleted(ctx, 0)
		f.expect("all", every, err, "experiment empty", "experiment full", "run needed M/1", "run old", "run source M/2", "run young")
		before := f.rows()

		f.must(f.RestoreRun(ctx, young))
		purged, err := f.Purge(ctx, every, true)
		f.expect("purged", purged, err, "experiment empty", "run old")
		if _, err := f.GetRun(ctx, old); mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
			t.Errorf("old: %v", err)
		}
		if _, err := f.CreateExperiment(ctx, mlflow.NewExperiment{Name: "empty"}); err != nil {
			t.Errorf("the name of a purged experiment is not free: %v", err)
		}
		after := f.rows()
		for table, n := range before { // one run of five went
			if want := n * 4 / 5; table != "datasets" && after[table] != want {
				t.Errorf("%s: %d rows of %d are left, want %d", table, after[table], n, want)
			}
		}
		rest, err := f.Deleted(ctx, 0)
		f.expect("left", rest, err, "experiment full", "run needed M/1", "run source M/2")
		purged, err = f.Purge(ctx, rest, false)
		f.expect("purged without regard", purged, err, "experiment full", "run needed M/1", "run source M/2")
	})
}

// rows counts what runs have written.
func (f *field) rows() map[string]int64 {
	rows := map[string]int64{}
	f.must(f.read(f.t.Context(), func(t tx) (err error) {
		for _, table := range []string{"runs", "metrics", "latest_metrics", "params", "tags", "inputs", "input_tags", "logged_model_metrics"} {
			if rows[table], _, err = one(t, number, "SELECT COUNT(*) FROM "+table); err != nil {
				return err
			}
		}
		return nil
	}))
	return rows
}

func TestLoggedModelsArePurged(t *testing.T) {
	f := newField(t, file(t))
	for i := range 3 {
		insertModel(t, f.Store, fmt.Sprint("m-", i))
	}
	f.register(1, "", "models:/m-1")
	f.must(f.write(t.Context(), func(x tx) error {
		_, err := x.exec("UPDATE logged_models SET lifecycle_stage = 'deleted', name = model_id WHERE model_id <> 'm-2'")
		return err
	}))
	trash, err := f.Deleted(t.Context(), 0)
	f.expect("deleted", trash, err, "logged model m-0", "logged model m-1 M/1")
	purged, err := f.Purge(t.Context(), trash, true)
	f.expect("purged", purged, err, "logged model m-0")
}
