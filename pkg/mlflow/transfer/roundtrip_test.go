package transfer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// whole is how much fill makes.
var whole = transfer.Counts{Experiments: 3, Runs: 4, LoggedModels: 2, Registered: 4, Versions: 5, Artifacts: 4}

func TestRoundTrip(t *testing.T) {
	from, to := open(t), open(t)
	fillSteps(t, from, mlflow.MaxBatchMetrics+100) // more than a call takes
	want := snapshot(t, from)
	filler{t, to}.experiment("here before") // so that the experiments get other numbers
	dir, _ := export(t, from, transfer.Options{})
	r, err := transfer.Import(t.Context(), dir, to, transfer.Options{})
	must(t, err)
	got := snapshot(t, to)
	delete(got, "experiment here before")
	equal(t, got, want)
	if r.Counts != whole {
		t.Errorf("counted %+v, want %+v", r.Counts, whole)
	}
	if want := []string{"the files of version 4 of Zebra of sales stay at s3://elsewhere/model"}; !slices.Equal(r.Warnings, want) {
		t.Errorf("warned of %q, want %q", r.Warnings, want)
	}
	if r.New.Runs != 4 || r.New.LoggedModels != 2 || r.New.Experiments != 2 || r.New.Versions != 5 || r.New.Registered != 4 || r.New.Artifacts != 4 {
		t.Errorf("made %+v", r.New)
	}
	untouched(t, from, to)
	promoted, err := to.Registry.GetModelVersion(t.Context(), "Zebra of sales", "3")
	must(t, err)
	if got := (mlflow.RunData{Tags: promoted.Tags}).Tag("salesctl.promoted_from"); got != "2 1" {
		t.Errorf("the version was promoted over %q, want 2 and, before that, 1", got)
	}
}

// untouched wants ids where they were, in what is not MLflow's: in a tag of
// somebody's own, and in the data of a model.
func untouched(t *testing.T, from, to transfer.Place) {
	t.Helper()
	words := func(p transfer.Place) (note, trees string) {
		runs, err := p.Tracking.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{"1", "2", "3"}, Filter: "attributes.run_name = 'parent'"})
		must(t, err)
		uri, err := p.Registry.ModelVersionDownloadURI(t.Context(), "Zebra of sales", "1")
		must(t, err)
		s, err := p.Files(t.Context(), uri)
		must(t, err)
		f, err := s.Get(t.Context(), "data/trees.json")
		must(t, err)
		var b strings.Builder
		_, err = artifact.Copy(&b, f)
		must(t, errors.Join(err, f.Close()))
		return runs.Items[0].Data.Tag("note"), b.String()
	}
	wantNote, wantTrees := words(from)
	note, trees := words(to)
	if note == "" || note != wantNote || trees == "" || trees != wantTrees {
		t.Errorf("the copy has %q and %s, want %q and %s", note, trees, wantNote, wantTrees)
	}
}

// What is imported twice, from there and back, or to where it came from, stays one.
func TestImportIsIdempotent(t *testing.T) {
	from, to := open(t), open(t)
	fill(t, from)
	dir, _ := export(t, from, transfer.Options{})
	_, err := transfer.Import(t.Context(), dir, to, transfer.Options{})
	must(t, err)
	there, here := raw(t, from), raw(t, to)
	back, _ := export(t, to, transfer.Options{})
	again, _ := export(t, from, transfer.Options{})
	for _, x := range []struct {
		name string
		do   func() (transfer.Report, error)
		of   transfer.Place
		want map[string]any
	}{
		{"again", func() (transfer.Report, error) { return transfer.Import(t.Context(), dir, to, transfer.Options{}) }, to, here},
		{"exported again", func() (transfer.Report, error) {
			return transfer.Import(t.Context(), again, to, transfer.Options{})
		}, to, here},
		{"to where it comes from", func() (transfer.Report, error) {
			return transfer.Import(t.Context(), dir, from, transfer.Options{})
		}, from, there},
		{"there and back", func() (transfer.Report, error) {
			return transfer.Import(t.Context(), back, from, transfer.Options{})
		}, from, there},
		{"the copy to itself", func() (transfer.Report, error) {
			return transfer.Import(t.Context(), back, to, transfer.Options{})
		}, to, here},
	} {
		t.Run(x.name, func(t *testing.T) {
			r, err := x.do()
			must(t, err)
			if r.New != (transfer.Counts{}) {
				t.Errorf("made %+v", r.New)
			}
			equal(t, raw(t, x.of), x.want)
		})
	}
}

// What grew since is completed: a run that was running has ended.
func TestImportCompletesWhatGrew(t *testing.T) {
	from, to := open(t), open(t)
	f := filler{t, from}
	run := f.run(f.experiment("e"), "before")
	must(t, from.Tracking.LogMetric(t.Context(), run.ID, mlflow.Metric{Key: "loss", Value: 2, Timestamp: 1}))
	for range 2 {
		dir, _ := export(t, from, transfer.Options{})
		_, err := transfer.Import(t.Context(), dir, to, transfer.Options{})
		must(t, err)
		equal(t, snapshot(t, to), snapshot(t, from))
		must(t, from.Tracking.LogMetric(t.Context(), run.ID, mlflow.Metric{Key: "loss", Value: 1, Timestamp: 2, Step: 1}))
		f.put(run.ArtifactURI, "late.txt", "late")
		_, err = from.Tracking.UpdateRun(t.Context(), mlflow.RunUpdate{ID: run.ID, Name: "after"})
		must(t, err)
		f.finish(run.ID)
	}
}

// A deleted experiment that grew is restored for as long as that takes.
func TestImportCompletesWhatIsDeleted(t *testing.T) {
	from, to := open(t), open(t)
	f, ctx := filler{t, from}, t.Context()
	id := f.experiment("e")
	for _, name := range []string{"first", "second"} {
		f.finish(f.run(id, name).ID)
		must(t, from.Tracking.DeleteExperiment(ctx, id))
		dir, _ := export(t, from, transfer.Options{})
		r, err := transfer.Import(ctx, dir, to, transfer.Options{})
		must(t, err)
		if r.New.Runs != 1 {
			t.Errorf("made %d runs, want one", r.New.Runs)
		}
		equal(t, snapshot(t, to), snapshot(t, from))
		must(t, from.Tracking.RestoreExperiment(ctx, id))
	}
}

// What names something that does not come along is told of.
func TestWhatStaysBehind(t *testing.T) {
	from := open(t)
	f, ctx := filler{t, from}, t.Context()
	a, b := f.experiment("a"), f.experiment("b")
	parent := f.run(b, "parent")
	child := f.run(a, "child", mlflow.Tag{Key: "mlflow.parentRunId", Value: parent.ID})
	m, err := from.Tracking.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: b, Name: "m", SourceRunID: parent.ID})
	must(t, err)
	must(t, from.Tracking.LogInputs(ctx, child.ID, nil, []mlflow.ModelInput{{ModelID: m.Info.ID}}))
	must(t, from.Tracking.LogMetric(ctx, child.ID, mlflow.Metric{Key: "rmse", Value: 1, Timestamp: 1, ModelID: m.Info.ID}))
	v := f.version(mlflow.NewVersion{Name: "v", Source: "models:/" + m.Info.ID, ModelID: m.Info.ID})
	f.version(mlflow.NewVersion{Name: "v", Source: "file:///on/a/disk"})
	dir, _ := export(t, from, transfer.Options{})
	const version = "version %s of v stays behind: its files at %s belong to nothing that is imported"
	local := fmt.Sprintf(version, "2", "file:///on/a/disk")
	for experiment, want := range map[string][]string{
		"a": {
			"run " + child.ID + " is nested in run " + parent.ID + ", which is not imported",
			"run " + child.ID + " names logged model " + m.Info.ID + ", which is not imported",
			fmt.Sprintf(version, v.Version, m.Info.ArtifactURI), local,
		},
		"b": {"what run " + child.ID + " measured of logged models stays behind: it is not imported", local},
	} {
		r, err := transfer.Import(ctx, dir, open(t), transfer.Options{Experiments: []string{experiment}})
		must(t, err)
		if !slices.Equal(r.Warnings, want) {
			t.Errorf("experiment %s: warned of\n%q, want\n%q", experiment, r.Warnings, want)
		}
	}
}

// Somebody else's experiments, models and aliases are there already.
func TestMerge(t *testing.T) {
	from, to := open(t), open(t)
	fill(t, from)
	o, ctx := filler{t, to}, t.Context()
	own := o.run(o.experiment("sales/Zürich 🛒"), "own")
	must(t, to.Tracking.SetExperimentTag(ctx, own.ExperimentID, mlflow.Tag{Key: "mlflow.note.content", Value: "ours"}))
	o.experiment("deleted")
	v := o.version(mlflow.NewVersion{Name: "Zebra of sales", Source: "s3://ours"})
	_, err := to.Registry.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: `A copy 'quoted"`, Tags: []mlflow.Tag{{Key: "team", Value: "ours"}}})
	must(t, err)
	must(t, to.Registry.SetAlias(ctx, v.Name, "champion", v.Version))
	dir, _ := export(t, from, transfer.Options{})

	champion := func() string {
		t.Helper()
		v, err := to.Registry.GetVersionByAlias(ctx, "Zebra of sales", "champion")
		must(t, err)
		return v.Version
	}
	r, err := transfer.Import(ctx, dir, to, transfer.Options{})
	must(t, err)
	for _, want := range []string{
		`experiment "deleted" was deleted where it comes from; the one of that name here stays`,
		"alias champion of Zebra of sales stays at version 1; it was at the one that is 3 here",
	} {
		if !slices.Contains(r.Warnings, want) {
			t.Errorf("warned of %q, want %q", r.Warnings, want)
		}
	}
	if champion() != "1" {
		t.Errorf("champion is version %s, want 1", champion())
	}
	promoted, err := to.Registry.GetModelVersion(ctx, "Zebra of sales", "4")
	must(t, err)
	if got := (mlflow.RunData{Tags: promoted.Tags}).Tag("salesctl.promoted_from"); got != "3 2" {
		t.Errorf("the version was promoted over %q, want those that are 3 and 2 here", got)
	}
	copied, err := to.Registry.GetModelVersion(ctx, `A copy 'quoted"`, "1")
	must(t, err)
	named, err := to.Registry.GetRegisteredModel(ctx, copied.Name)
	must(t, err)
	if got := (mlflow.RunData{Tags: named.Tags}).Tag("team"); got != "ours" || named.Description != "all of "+copied.Name {
		t.Errorf("the name that was taken is %+v", named)
	}
	if copied.Source != "models:/Zebra of sales/2" {
		t.Errorf("the copy is one of %s", copied.Source)
	}
	x, err := to.Tracking.GetExperiment(ctx, own.ExperimentID)
	must(t, err)
	if got := (mlflow.RunData{Tags: x.Tags}); got.Tag("mlflow.note.content") != "ours" || got.Tag(transfer.TagFrom) != "" {
		t.Errorf("the tags of what was there are %v", x.Tags)
	}
	_, err = transfer.Import(ctx, dir, to, transfer.Options{OverwriteAliases: true})
	must(t, err)
	if champion() != "3" {
		t.Errorf("champion is version %s, want 3", champion())
	}
}

func TestDeletedHereOnly(t *testing.T) {
	from, to := open(t), open(t)
	filler{t, from}.experiment("e")
	id := filler{t, to}.experiment("e")
	must(t, to.Tracking.DeleteExperiment(t.Context(), id))
	dir, _ := export(t, from, transfer.Options{})
	_, err := transfer.Import(t.Context(), dir, to, transfer.Options{})
	if !fault.Is(err, fault.Conflict) || fault.HintOf(err) == "" {
		t.Errorf("refused with %v, want a conflict with a hint", err)
	}
}

func TestChoice(t *testing.T) {
	from := open(t)
	fill(t, from)
	f := filler{t, from}
	other := f.run(f.experiment("other"), "other")
	f.put(other.ArtifactURI, "model/MLmodel", "x")
	f.version(mlflow.NewVersion{Name: "Zebra of sales", Source: other.ArtifactURI + "/model", RunID: other.ID})
	f.version(mlflow.NewVersion{Name: "Other", Source: other.ArtifactURI + "/model", RunID: other.ID})
	all, _ := export(t, from, transfer.Options{})
	for _, x := range []struct {
		name     string
		out, in  transfer.Options
		want     transfer.Counts
		warnings int
	}{
		{"export an experiment", transfer.Options{Experiments: []string{"other"}}, transfer.Options{},
			transfer.Counts{Experiments: 1, Runs: 1, Registered: 4, Versions: 4, Artifacts: 1}, 1},
		{"export a model", transfer.Options{Models: []string{"Other"}}, transfer.Options{},
			transfer.Counts{Experiments: 4, Runs: 5, LoggedModels: 2, Registered: 1, Versions: 1, Artifacts: 5}, 0},
		{"export both", transfer.Options{Experiments: []string{"other"}, Models: []string{"Other"}}, transfer.Options{},
			transfer.Counts{Experiments: 1, Runs: 1, Registered: 1, Versions: 1, Artifacts: 1}, 0},
		{"import both", transfer.Options{}, transfer.Options{Experiments: []string{"other"}, Models: []string{"Other"}},
			transfer.Counts{Experiments: 1, Runs: 1, Registered: 1, Versions: 1, Artifacts: 1}, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := all
			if len(x.out.Experiments)+len(x.out.Models) > 0 {
				dir, _ = export(t, from, x.out)
			}
			r, err := transfer.Import(t.Context(), dir, open(t), x.in)
			must(t, err)
			if r.Counts != x.want || len(r.Warnings) != x.warnings {
				t.Errorf("counted %+v, want %+v; warned of %q", r.Counts, x.want, r.Warnings)
			}
		})
	}
	for _, o := range []transfer.Options{{Experiments: []string{"nosuch"}}, {Models: []string{"nosuch"}}} {
		dir := filepath.Join(t.TempDir(), "export")
		if _, err := transfer.ExportDir(t.Context(), from, dir, o); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%+v: exported with %v", o, err)
		}
		if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
			t.Errorf("a failed export left %q (%v)", left, err)
		}
		if _, err := transfer.Import(t.Context(), all, open(t), o); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%+v: imported with %v", o, err)
		}
	}
	if _, err := transfer.ExportDir(t.Context(), from, t.TempDir(), transfer.Options{}); !fault.Is(err, fault.Usage) {
		t.Errorf("exported to a folder that exists with %v", err)
	}
}

func TestProgress(t *testing.T) {
	from, to := open(t), open(t)
	fill(t, from)
	var steps []string
	o := transfer.Options{Progress: func(p transfer.Progress) {
		if p.Done >= p.Total || p.Done < 0 {
			t.Errorf("%s: %d of %d", p.Step, p.Done, p.Total)
		}
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
	}}
	dir := filepath.Join(t.TempDir(), "export")
	_, err := transfer.ExportDir(t.Context(), from, dir, o)
	must(t, err)
	_, err = transfer.Import(t.Context(), localStore(dir), to, o)
	must(t, err)
	want := []string{"exporting experiments", "exporting registered models", "checking files", "looking for what is there",
		"importing logged models", "importing runs", "importing registered models"}
	if !slices.Equal(steps, want) {
		t.Errorf("the steps are %q, want %q", steps, want)
	}
	info, err := os.Stat(filepath.Join(dir, "manifest.json"))
	must(t, err)
	if info.Size() == 0 {
		t.Error("the manifest is empty")
	}
}
