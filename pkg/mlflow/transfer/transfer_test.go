package transfer_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// open makes a tracking database with a place for its files.
func open(t testing.TB) transfer.Place {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlstore.Open(t.Context(), "sqlite:///mlflow.db", sqlstore.Options{Dir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	files := artifact.NewLocal(filepath.Join(dir, "files"))
	return transfer.Place{Tracking: s, Registry: s, Files: func(_ context.Context, uri string) (artifact.Store, error) {
		path, ok := strings.CutPrefix(uri, "mlflow-artifacts:/")
		if !ok {
			return nil, fmt.Errorf("there is no way to %s", uri)
		}
		return artifact.Sub(files, path), nil
	}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filler fills a place with examples.
type filler struct {
	testing.TB
	transfer.Place
}

func (f filler) put(uri, path, text string) {
	f.Helper()
	s, err := f.Files(f.Context(), uri)
	must(f, err)
	must(f, s.Put(f.Context(), path, strings.NewReader(text)))
}

func (f filler) experiment(name string) string {
	f.Helper()
	id, err := f.Tracking.CreateExperiment(f.Context(), mlflow.NewExperiment{Name: name, Tags: []mlflow.Tag{{Key: "mlflow.note.content", Value: "about " + name}}})
	must(f, err)
	return id
}

func (f filler) run(experiment, name string, tags ...mlflow.Tag) mlflow.RunInfo {
	f.Helper()
	r, err := f.Tracking.CreateRun(f.Context(), mlflow.NewRun{ExperimentID: experiment, UserID: "ada", Name: name, StartTime: 1700000000123, Tags: tags})
	must(f, err)
	return r.Info
}

func (f filler) finish(id string) {
	f.Helper()
	end := int64(1700000009876)
	_, err := f.Tracking.UpdateRun(f.Context(), mlflow.RunUpdate{ID: id, Status: mlflow.Finished, EndTime: &end})
	must(f, err)
}

func (f filler) version(v mlflow.NewVersion) mlflow.ModelVersion {
	f.Helper()
	if _, err := f.Registry.GetRegisteredModel(f.Context(), v.Name); err != nil {
		_, err := f.Registry.CreateRegisteredModel(f.Context(), mlflow.NewRegisteredModel{Name: v.Name, Description: "all of " + v.Name, Tags: []mlflow.Tag{{Key: "team", Value: "sales"}}})
		must(f, err)
	}
	made, err := f.Registry.CreateModelVersion(f.Context(), v)
	must(f, err)
	return made
}

// mlmodel is the description of a model, with all the ids that MLflow writes.
func mlmodel(uri, model, run string) string {
	return fmt.Sprintf("artifact_path: %s\nflavors:\n  python_function:\n    data: data\nmodel_id: %s\nmodel_uuid: %[2]s\nrun_id: %s\n", uri, model, run)
}

// fill makes one of everything.
func fill(t testing.TB, p transfer.Place) {
	t.Helper()
	fillSteps(t, p, 3)
}

// fillSteps makes one of everything, and a metric of so many values.
func fillSteps(t testing.TB, p transfer.Place, steps int64) {
	t.Helper()
	f, ctx := filler{t, p}, t.Context()
	first, gone := f.experiment("sales/Zürich 🛒"), f.experiment("deleted")

	parent := f.run(first, "parent", mlflow.Tag{Key: "mlflow.user", Value: "ada"})
	child := f.run(first, "child", mlflow.Tag{Key: "mlflow.parentRunId", Value: parent.ID})
	model, err := p.Tracking.CreateLoggedModel(ctx, mlflow.NewLoggedModel{
		ExperimentID: first, Name: "gbt", ModelType: "regressor", SourceRunID: parent.ID,
		Params: []mlflow.Param{{Key: "depth", Value: "6"}}, Tags: []mlflow.Tag{{Key: "kind", Value: "tree"}},
	})
	must(t, err)
	f.put(model.Info.ArtifactURI, "MLmodel", mlmodel(model.Info.ArtifactURI, model.Info.ID, parent.ID))
	f.put(model.Info.ArtifactURI, "data/trees.json", `{"id": "`+model.Info.ID+`"}`) // no file of ids: it stays
	_, err = p.Tracking.FinalizeLoggedModel(ctx, model.Info.ID, mlflow.ModelReady)
	must(t, err)
	pending, err := p.Tracking.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: first, Name: "pending"})
	must(t, err)

	var metrics []mlflow.Metric
	for step := range steps {
		metrics = append(metrics, mlflow.Metric{Key: "loss/train", Value: mlflow.Number(1 / float64(step+1)), Timestamp: 1700000000000 + step, Step: step})
	}
	half := len(metrics) / 2
	must(t, p.Tracking.LogBatch(ctx, parent.ID, mlflow.Batch{Metrics: metrics[:half]}))
	must(t, p.Tracking.LogBatch(ctx, parent.ID, mlflow.Batch{
		Metrics: append(metrics[half:], mlflow.Metric{Key: "nan", Value: mlflow.Number(math.NaN()), Timestamp: 1, Step: -3},
			mlflow.Metric{Key: "inf", Value: mlflow.Number(math.Inf(-1)), Timestamp: 2},
			mlflow.Metric{Key: "rmse", Value: 0.1 + 0.2, Timestamp: 3, ModelID: model.Info.ID, DatasetName: "walmart", DatasetDigest: "d1"}),
		Params: []mlflow.Param{{Key: "a/b c", Value: "x = 1\n😀"}},
		Tags: []mlflow.Tag{{Key: "mlflow.log-model.history", Value: fmt.Sprintf(`[{"run_id": %q, "model_uuid": %q}]`, parent.ID, model.Info.ID)},
			{Key: "note", Value: parent.ID}}, // somebody's own words stay
	}))
	must(t, p.Tracking.LogInputs(ctx, parent.ID, []mlflow.DatasetInput{{
		Tags:    []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
		Dataset: mlflow.Dataset{Name: "walmart", Digest: "d1", SourceType: "local", Source: `{"uri": "x.csv"}`, Schema: "{}"},
	}}, nil))
	must(t, p.Tracking.LogOutputs(ctx, parent.ID, []mlflow.ModelOutput{{ModelID: model.Info.ID, Step: 7}, {ModelID: pending.Info.ID}}))
	must(t, p.Tracking.LogInputs(ctx, child.ID, nil, []mlflow.ModelInput{{ModelID: model.Info.ID}}))
	must(t, p.Tracking.LogBatch(ctx, child.ID, mlflow.Batch{Metrics: []mlflow.Metric{{Key: "rmse", Value: 2, Timestamp: 4, ModelID: model.Info.ID}}}))
	f.put(parent.ArtifactURI, "plots/größe 📈.txt", "a plot")
	f.put(parent.ArtifactURI, "old/MLmodel", mlmodel("old", "", parent.ID))
	f.finish(parent.ID)

	trashed := f.run(first, "trashed")
	f.finish(trashed.ID)
	must(t, p.Tracking.DeleteRun(ctx, trashed.ID))
	f.finish(f.run(gone, "in a deleted experiment").ID)
	must(t, p.Tracking.DeleteExperiment(ctx, gone))

	fillRegistry(f, parent, model.Info)
}

// fillRegistry makes registered models: of a logged model, of files of a run, a
// copy, one without versions, and a prompt.
func fillRegistry(f filler, run mlflow.RunInfo, model mlflow.LoggedModelInfo) {
	f.Helper()
	ctx := f.Context()
	of := f.version(mlflow.NewVersion{Name: "Zebra of sales", Source: "models:/" + model.ID, RunID: run.ID, ModelID: model.ID,
		Description: "the first", Tags: []mlflow.Tag{{Key: "salesctl.digest", Value: "abc"}}})
	copied := f.version(mlflow.NewVersion{Name: "A copy 'quoted\"", Source: "models:/" + of.Name + "/" + of.Version})
	below := f.version(mlflow.NewVersion{Name: of.Name, Source: run.ArtifactURI + "/old", RunID: run.ID})
	hole := f.version(mlflow.NewVersion{Name: of.Name, Source: "runs:/" + run.ID + "/old", RunID: run.ID})
	last := f.version(mlflow.NewVersion{Name: of.Name, Source: "s3://elsewhere/model", Tags: []mlflow.Tag{{Key: "salesctl.promoted_from", Value: below.Version + " " + of.Version}}})
	must(f, f.Registry.DeleteModelVersion(ctx, of.Name, hole.Version))
	must(f, f.Registry.SetAlias(ctx, of.Name, "champion", below.Version))
	must(f, f.Registry.SetAlias(ctx, copied.Name, "champion", copied.Version))
	_, err := f.Registry.TransitionStage(ctx, mlflow.StageChange{Name: of.Name, Version: last.Version, Stage: mlflow.StageStaging})
	must(f, err)
	_, err = f.Registry.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "without versions"})
	must(f, err)
	prompt := []mlflow.Tag{{Key: "mlflow.prompt.is_prompt", Value: "true"}}
	_, err = f.Registry.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "prompt", Tags: prompt})
	must(f, err)
	_, err = f.Registry.CreateModelVersion(ctx, mlflow.NewVersion{Name: "prompt", Source: "dummy-source",
		Tags: append(prompt, mlflow.Tag{Key: "mlflow.prompt.text", Value: "Sell {{thing}}"})})
	must(f, err)
}

// equal compares what two places hold.
func equal(t testing.TB, got, want map[string]any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the copy differs (- what it comes from, + what it is):\n%s", d)
	}
}

// export exports to a folder, and says where that is.
func export(t testing.TB, from transfer.Place, o transfer.Options) (artifact.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	_, err := transfer.ExportDir(t.Context(), from, dir, o)
	must(t, err)
	return artifact.NewLocal(dir), dir
}

// raw is all that a place holds, as it is, but for when it was last changed.
func raw(t testing.TB, p transfer.Place) map[string]any {
	t.Helper()
	_, dir := export(t, p, transfer.Options{})
	files := map[string]any{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "manifest.json" {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = strings.Split(changed.ReplaceAllString(string(text), ""), "\n")
		return err
	}))
	return files
}

var changed = regexp.MustCompile(`"last_update[a-z_]*": ?[0-9]+`)

func localStore(dir string) artifact.Store { return artifact.NewLocal(dir) }
