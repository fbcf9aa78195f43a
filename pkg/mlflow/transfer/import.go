package transfer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Import writes what is chosen of the export, as far as it is not there. On an
// error what is half there stays, and a later call completes it.
func (e *Exported) Import(ctx context.Context, to Place, o Options) (Report, error) {
	i := &importer{
		from: e, to: to, o: o, byID: map[string]*experiment{}, measured: map[string][]*folder{},
		ids: ids{now: map[string]string{}, places: map[string]moved{}}, numbers: map[mlflow.Registration]string{},
	}
	for _, step := range []func(context.Context) error{
		i.merge,    // experiments
		i.index,    // runs and logged models of the chosen experiments
		i.find,     // those that are here
		i.begin,    // those that are not
		i.fill,     // logged models and runs
		i.registry, // registered models and versions
		i.end,      // deleted experiments
	} {
		if err := step(ctx); err != nil {
			return i.report, err
		}
	}
	return i.report, nil
}

// importer is one import.
type importer struct {
	from   *Exported
	to     Place
	o      Options
	report Report

	experiments  []*experiment
	byID         map[string]*experiment // by the id in the export
	runs, models []*folder              // those of the chosen experiments
	measured     map[string][]*folder   // logged models by the runs that measured them
	ids          ids
	numbers      map[mlflow.Registration]string // of versions: those of the export to the number here
}

// experiment is an experiment of the export, and what became of it.
type experiment struct {
	mlflow.Experiment
	now     string // its id here
	made    bool   // an import made it
	deleted bool   // it is deleted here
}

// warn tells of something that is not here as it was there, and is no error.
func (i *importer) warn(format string, args ...any) {
	i.report.Warnings = append(i.report.Warnings, fmt.Sprintf(format, args...))
}

// merge finds the chosen experiments by their names, or makes them.
func (i *importer) merge(ctx context.Context) error {
	all, err := i.from.experiments(ctx, i.o)
	if err != nil {
		return err
	}
	for _, x := range all {
		found := &experiment{Experiment: x}
		if err := i.experiment(ctx, found); err != nil {
			return fmt.Errorf("experiment %q: %w", x.Name, err)
		}
		i.experiments = append(i.experiments, found)
		i.byID[x.ID] = found
		i.report.Experiments++
	}
	return nil
}

// experiment finds an experiment by its name, or makes it. Tags of one that is here
// stay as they are; those that it has not are added. One that is deleted here may
// be somebody's intention, unless it is deleted in the export, too.
func (i *importer) experiment(ctx context.Context, x *experiment) (err error) {
	tags := []mlflow.Tag{{Key: TagFrom, Value: origin(x.Tags, x.ID)}}
	for _, t := range x.Tags {
		if t.Key != TagFrom {
			tags = append(tags, t)
		}
	}
	here, err := i.to.Tracking.GetExperimentByName(ctx, x.Name)
	switch {
	case absent(err):
		x.made = true
		x.now, err = i.to.Tracking.CreateExperiment(ctx, mlflow.NewExperiment{Name: x.Name, Tags: tags})
		if err == nil {
			i.report.New.Experiments++
		}
		return err
	case err != nil:
		return err
	}
	x.now, x.made, x.deleted = here.ID, tag(here.Tags, TagFrom) != "", here.LifecycleStage == mlflow.Deleted
	if x.deleted && x.LifecycleStage != mlflow.Deleted {
		return fault.New(fault.Conflict, "it is deleted here and was not where it comes from").
			WithHint("restore it, or delete it for good with `salesctl tracking gc`")
	}
	if x.deleted {
		return nil
	}
	return i.addTags(ctx, x.now, here.Tags, tags)
}

// addTags writes tags of an experiment that it has not. TagFrom is for one that an
// import made.
func (i *importer) addTags(ctx context.Context, id string, has, tags []mlflow.Tag) error {
	for _, t := range tags {
		if t.Key == TagFrom || slices.ContainsFunc(has, func(h mlflow.Tag) bool { return h.Key == t.Key }) {
			continue
		}
		if err := i.to.Tracking.SetExperimentTag(ctx, id, t); err != nil {
			return err
		}
	}
	return nil
}

// index reads what the runs and logged models of the chosen experiments are, as far
// as others depend on it. The rest is read again when its turn has come: together
// it may be more than memory holds.
func (i *importer) index(ctx context.Context) error {
	for _, files := range i.from.runs {
		f := &folder{contents: files}
		r, err := i.from.run(ctx, f)
		if err != nil {
			return err
		}
		f.experiment, f.origin, f.deleted = r.Info.ExperimentID, origin(r.Data.Tags, f.id), r.Info.LifecycleStage == mlflow.Deleted
		if i.byID[f.experiment] != nil {
			i.runs = append(i.runs, f)
		}
	}
	for _, files := range i.from.models {
		f := &folder{contents: files}
		m, err := i.from.model(ctx, f)
		if err != nil {
			return err
		}
		f.experiment, f.origin = m.Info.ExperimentID, origin(m.Info.Tags, f.id)
		if i.byID[f.experiment] != nil {
			i.models = append(i.models, f)
			i.measures(f, m)
		}
	}
	i.unmeasured()
	i.report.Runs, i.report.LoggedModels = len(i.runs), len(i.models)
	for _, f := range slices.Concat(i.runs, i.models) {
		i.report.Artifacts += len(f.artifacts)
	}
	return nil
}

// measures notes which runs measured a logged model.
func (i *importer) measures(f *folder, m mlflow.LoggedModel) {
	seen := map[string]bool{}
	for _, x := range m.Data.Metrics {
		if !seen[x.RunID] {
			i.measured[x.RunID] = append(i.measured[x.RunID], f)
			seen[x.RunID] = true
		}
	}
}

// unmeasured warns of metrics of logged models whose runs are not imported.
func (i *importer) unmeasured() {
	chosen := map[string]bool{}
	for _, f := range i.runs {
		chosen[f.id] = true
	}
	for _, run := range slices.Sorted(maps.Keys(i.measured)) {
		if !chosen[run] {
			i.warn("what run %s measured of logged models stays behind: it is not imported", run)
		}
	}
}

// folder is a run or a logged model of an export, and what becomes of it.
type folder struct {
	*contents
	experiment string // its id where it was exported
	origin     string // its id where it was made
	deleted    bool   // it was deleted there
	now        string // its id here; "" as long as there is none
	uri        string // where its artifacts are here
	stage      string // its lifecycle stage here
	done       bool   // it is whole here
}

// imported finds what an import made.
const imported = "tags.`" + TagFrom + "` != ''"

// find finds the runs and logged models that are here, of an earlier import or
// because they come from here.
func (i *importer) find(ctx context.Context) error {
	runs, models := byOrigin(i.runs), byOrigin(i.models)
	for n, x := range i.experiments {
		i.o.progress("looking for what is there", n, len(i.experiments))
		if err := i.findRuns(ctx, x, runs); err != nil {
			return err
		}
		if len(models) == 0 {
			continue // MLflow 2 keeps none, and must not be asked
		}
		if err := i.findModels(ctx, x, models); err != nil {
			return err
		}
	}
	if err := i.findOwnRuns(ctx); err != nil {
		return err
	}
	return i.findOwnModels(ctx)
}

// findRuns finds the runs that an earlier import made in an experiment.
func (i *importer) findRuns(ctx context.Context, x *experiment, runs map[string]*folder) error {
	return pages(func(token string) (mlflow.Page[mlflow.Run], error) {
		return i.to.Tracking.SearchRuns(ctx, mlflow.RunQuery{
			ExperimentIDs: []string{x.now}, ViewType: mlflow.All, Filter: imported, MaxResults: runsAtOnce, PageToken: token,
		})
	}, func(r mlflow.Run) error {
		if f := runs[r.Data.Tag(TagFrom)]; f != nil {
			f.here(r.Info.ID, r.Info.ArtifactURI, r.Info.LifecycleStage, r.Data.Tag(TagDigest))
		}
		return nil
	})
}

// findModels finds the logged models that an earlier import made in an experiment.
func (i *importer) findModels(ctx context.Context, x *experiment, models map[string]*folder) error {
	err := pages(func(token string) (mlflow.Page[mlflow.LoggedModel], error) {
		return i.to.Tracking.SearchLoggedModels(ctx, mlflow.LoggedModelQuery{
			ExperimentIDs: []string{x.now}, Filter: imported, MaxResults: modelsAtOnce, PageToken: token,
		})
	}, func(m mlflow.LoggedModel) error {
		if f := models[tag(m.Info.Tags, TagFrom)]; f != nil {
			f.here(m.Info.ID, m.Info.ArtifactURI, mlflow.Active, tag(m.Info.Tags, TagDigest))
		}
		return nil
	})
	if mlflow.CodeOf(err) == mlflow.EndpointNotFound {
		return fault.New(fault.Unavailable, "the server keeps no logged models, of which the export has %d: %w", len(models), err).
			WithHint("import to MLflow 3, or to a database")
	}
	return err
}

// byOrigin makes folders findable by the value of TagFrom.
func byOrigin(all []*folder) map[string]*folder {
	m := make(map[string]*folder, len(all))
	for _, f := range all {
		m[f.origin] = f
	}
	return m
}

// here tells that a folder has come here before.
func (f *folder) here(id, uri, stage, digest string) {
	if id == f.id {
		f.own(id, uri)
		return
	}
	f.now, f.uri, f.stage = id, uri, stage
	f.done = digest == f.digest // else it is half there, or has changed since
}

// own tells that a folder has come back to where it was made. What it is there is
// left alone.
func (f *folder) own(id, uri string) {
	f.now, f.uri, f.done, f.deleted = id, uri, true, false
}

// findOwnRuns finds runs that were made here and come back, such as of a backup
// that is brought in again for what was lost. What is still here stays as it is.
func (i *importer) findOwnRuns(ctx context.Context) error {
	for _, f := range i.runs {
		if f.now != "" {
			continue
		}
		r, err := i.to.Tracking.GetRun(ctx, f.origin)
		if err != nil && !absent(err) {
			return err
		}
		if err == nil {
			f.own(f.origin, r.Info.ArtifactURI)
		}
	}
	return nil
}

// findOwnModels finds logged models that were made here and come back.
func (i *importer) findOwnModels(ctx context.Context) error {
	for _, f := range i.models {
		if f.now != "" {
			continue
		}
		m, err := i.to.Tracking.GetLoggedModel(ctx, f.origin)
		if err != nil && !absent(err) {
			return err
		}
		if err == nil {
			f.own(f.origin, m.Info.ArtifactURI)
		}
	}
	return nil
}

// end deletes the experiments that were deleted, if an import made them. One that
// was here before has runs of its own, which would go with it.
func (i *importer) end(ctx context.Context) error {
	for _, x := range i.experiments {
		if x.LifecycleStage != mlflow.Deleted || x.deleted {
			continue
		}
		if !x.made {
			i.warn("experiment %q was deleted where it comes from; the one of that name here stays", x.Name)
			continue
		}
		if err := i.to.Tracking.DeleteExperiment(ctx, x.now); err != nil {
			return fmt.Errorf("experiment %q: %w", x.Name, err)
		}
	}
	return nil
}
