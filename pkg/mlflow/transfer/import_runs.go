package transfer

import (
	"context"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// begin makes the runs and logged models that are not here, empty.
func (i *importer) begin(ctx context.Context) error {
	for _, f := range slices.Concat(i.runs, i.models) {
		if x := i.byID[f.experiment]; x.deleted && !f.done {
			if err := i.restore(ctx, x); err != nil {
				return fmt.Errorf("experiment %q: %w", x.Name, err)
			}
		}
	}
	for _, f := range i.runs {
		if err := i.beginRun(ctx, f); err != nil {
			return fmt.Errorf("run %s: %w", f.id, err)
		}
	}
	for _, f := range i.models {
		if err := i.beginModel(ctx, f); err != nil {
			return fmt.Errorf("logged model %s: %w", f.id, err)
		}
	}
	return nil
}

// restore makes a deleted experiment one that can be written into; end deletes it
// again. Its runs come back with it.
func (i *importer) restore(ctx context.Context, x *experiment) error {
	if err := i.to.Tracking.RestoreExperiment(ctx, x.now); err != nil {
		return err
	}
	x.deleted = false
	for _, f := range i.runs {
		if f.experiment == x.ID && f.now != "" {
			f.stage = mlflow.Active
		}
	}
	return nil
}

// beginRun gives a run its id here. All that it says of itself comes later, but
// for what cannot be changed then: whose it is and when it began.
func (i *importer) beginRun(ctx context.Context, f *folder) error {
	r, err := i.from.run(ctx, f)
	if err != nil {
		return err
	}
	if f.now == "" {
		made, err := i.to.Tracking.CreateRun(ctx, mlflow.NewRun{
			ExperimentID: i.byID[f.experiment].now, UserID: r.Info.UserID, Name: r.Info.Name, StartTime: r.Info.StartTime,
			Tags: []mlflow.Tag{{Key: TagFrom, Value: f.origin}},
		})
		if err != nil {
			return err
		}
		f.now, f.uri, f.stage = made.Info.ID, made.Info.ArtifactURI, mlflow.Active
		i.report.New.Runs++
	}
	i.ids.move(f, r.Info.ArtifactURI)
	return nil
}

// beginModel gives a logged model its id here. The run that made it has one by
// then; one that is not imported keeps the id that it has elsewhere.
func (i *importer) beginModel(ctx context.Context, f *folder) error {
	m, err := i.from.model(ctx, f)
	if err != nil {
		return err
	}
	if f.now == "" {
		made, err := i.to.Tracking.CreateLoggedModel(ctx, mlflow.NewLoggedModel{
			ExperimentID: i.byID[f.experiment].now, Name: m.Info.Name, ModelType: m.Info.ModelType,
			SourceRunID: i.ids.text(m.Info.SourceRunID), Tags: []mlflow.Tag{{Key: TagFrom, Value: f.origin}},
		})
		if err != nil {
			return err
		}
		f.now, f.uri = made.Info.ID, made.Info.ArtifactURI
		i.report.New.LoggedModels++
	}
	i.ids.move(f, m.Info.ArtifactURI)
	return nil
}

// fill completes logged models and runs. The models come first: what a run measured
// of one is logged to the run.
func (i *importer) fill(ctx context.Context) error {
	for n, f := range i.models {
		i.o.progress("importing logged models", n, len(i.models))
		if f.done {
			continue
		}
		if err := i.fillModel(ctx, f); err != nil {
			return fmt.Errorf("logged model %s: %w", f.id, err)
		}
	}
	for n, f := range i.runs {
		i.o.progress("importing runs", n, len(i.runs))
		if err := i.fillRun(ctx, f); err != nil {
			return fmt.Errorf("run %s: %w", f.id, err)
		}
	}
	return nil
}

// fillModel completes a logged model. MLflow refuses a param that is there, even
// with the same value, and takes everything else twice. The digest goes last, with
// the other tags in one call: whoever finds it finds all.
func (i *importer) fillModel(ctx context.Context, f *folder) error {
	m, err := i.from.model(ctx, f)
	if err != nil {
		return err
	}
	here, err := i.to.Tracking.GetLoggedModel(ctx, f.now)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, p := range here.Data.Params {
		has[p.Key] = true
	}
	params := slices.DeleteFunc(m.Data.Params, func(p mlflow.Param) bool { return has[p.Key] })
	if len(params) > 0 {
		if err := i.to.Tracking.LogLoggedModelParams(ctx, f.now, params); err != nil {
			return err
		}
	}
	if err := i.files(ctx, f); err != nil {
		return err
	}
	if m.Info.Status == mlflow.ModelReady || m.Info.Status == mlflow.ModelFailed {
		if _, err := i.to.Tracking.FinalizeLoggedModel(ctx, f.now, m.Info.Status); err != nil {
			return err
		}
	}
	var tags []mlflow.Tag
	for _, t := range m.Info.Tags {
		if t, ok := i.ids.runTag(t); ok {
			tags = append(tags, t)
		}
	}
	_, err = i.to.Tracking.SetLoggedModelTags(ctx, f.now, append(tags, mlflow.Tag{Key: TagDigest, Value: f.digest}))
	return err
}

// files copies the artifacts of a run or a logged model.
func (i *importer) files(ctx context.Context, f *folder) error {
	if len(f.artifacts) == 0 {
		return nil
	}
	to, err := i.to.Files(ctx, f.uri)
	if err != nil {
		return err
	}
	i.report.New.Artifacts += len(f.artifacts)
	return i.ids.files(ctx, i.from.store, f, to)
}

// fillRun completes a run, and deletes it where it was deleted.
func (i *importer) fillRun(ctx context.Context, f *folder) error {
	if !f.done {
		if f.stage == mlflow.Deleted {
			if err := i.to.Tracking.RestoreRun(ctx, f.now); err != nil {
				return err
			}
			f.stage = mlflow.Active
		}
		if err := i.completeRun(ctx, f); err != nil {
			return err
		}
	}
	if f.deleted && f.stage != mlflow.Deleted {
		return i.to.Tracking.DeleteRun(ctx, f.now)
	}
	return nil
}

// completeRun writes all of a run. What is there already stands once: MLflow takes
// an equal param, tag or value of a metric for the one it has. The digest goes last.
func (i *importer) completeRun(ctx context.Context, f *folder) error {
	r, err := i.from.run(ctx, f)
	if err != nil {
		return err
	}
	here, err := i.to.Tracking.GetRun(ctx, f.now)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return i.data(ctx, f, r) },
		func() error { return i.metrics(ctx, f) },
		func() error { return i.modelMetrics(ctx, f) },
		func() error { return i.links(ctx, f, r, here) },
		func() error { return i.files(ctx, f) },
		func() error { return i.endRun(ctx, f, r, here.Info) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return i.to.Tracking.SetTag(ctx, f.now, mlflow.Tag{Key: TagDigest, Value: f.digest})
}

// data logs params and tags. A run whose parent did not come along still names it:
// the tag may be all that somebody knows of that run.
func (i *importer) data(ctx context.Context, f *folder, r mlflow.Run) error {
	b := mlflow.Batch{Params: r.Data.Params}
	for _, t := range r.Data.Tags {
		now, ok := i.ids.runTag(t)
		if !ok {
			continue
		}
		b.Tags = append(b.Tags, now)
		if t.Key == tagParent && i.ids.now[t.Value] == "" {
			i.warn("run %s is nested in run %s, which is not imported", f.id, t.Value)
		}
	}
	return i.log(ctx, f, b)
}

// log logs a batch in as many calls as it takes.
func (i *importer) log(ctx context.Context, f *folder, b mlflow.Batch) error {
	for part := range b.Chunks() {
		if err := i.to.Tracking.LogBatch(ctx, f.now, part); err != nil {
			return err
		}
	}
	return nil
}

// metrics logs the metrics, a call's worth at a time.
func (i *importer) metrics(ctx context.Context, f *folder) error {
	if !f.has[metricsFile] {
		return nil
	}
	var b mlflow.Batch
	err := i.from.read(ctx, at(f.path, metricsFile), func(decode func(any) error) error {
		var m mlflow.Metric
		if err := decode(&m); err != nil {
			return err
		}
		if b.Metrics = append(b.Metrics, m); len(b.Metrics) < mlflow.MaxBatchMetrics {
			return nil
		}
		err := i.log(ctx, f, b)
		b.Metrics = b.Metrics[:0]
		return err
	})
	if err != nil {
		return err
	}
	return i.log(ctx, f, b)
}

// modelMetrics logs what the run measured of logged models. A value that the run
// has already does not stand in it twice.
func (i *importer) modelMetrics(ctx context.Context, f *folder) error {
	for _, model := range i.measured[f.id] {
		m, err := i.from.model(ctx, model)
		if err != nil {
			return err
		}
		var b mlflow.Batch
		for _, x := range m.Data.Metrics {
			if x.RunID == f.id {
				x.ModelID, x.RunID = model.now, f.now
				b.Metrics = append(b.Metrics, x)
			}
		}
		if err := i.log(ctx, f, b); err != nil {
			return err
		}
	}
	return nil
}

// links joins the run with datasets and logged models, unless it is: an output that
// is logged twice is an error.
func (i *importer) links(ctx context.Context, f *folder, r, here mlflow.Run) error {
	datasets := slices.DeleteFunc(r.Inputs.Datasets, func(d mlflow.DatasetInput) bool {
		return slices.ContainsFunc(here.Inputs.Datasets, func(h mlflow.DatasetInput) bool {
			return h.Dataset.Name == d.Dataset.Name && h.Dataset.Digest == d.Dataset.Digest
		})
	})
	in, out := i.modelLinks(f, r, here)
	if len(datasets)+len(in) > 0 {
		if err := i.to.Tracking.LogInputs(ctx, f.now, datasets, in); err != nil {
			return err
		}
	}
	if len(out) == 0 {
		return nil
	}
	return i.to.Tracking.LogOutputs(ctx, f.now, out)
}

// modelLinks are the logged models that the run is to be joined with.
func (i *importer) modelLinks(f *folder, r, here mlflow.Run) (in []mlflow.ModelInput, out []mlflow.ModelOutput) {
	for _, m := range r.Inputs.Models {
		now := mlflow.ModelInput{ModelID: i.modelID(f, m.ModelID)}
		if now.ModelID != "" && !slices.Contains(here.Inputs.Models, now) {
			in = append(in, now)
		}
	}
	for _, m := range r.Outputs.Models {
		now := mlflow.ModelOutput{ModelID: i.modelID(f, m.ModelID), Step: m.Step}
		if now.ModelID != "" && !slices.ContainsFunc(here.Outputs.Models, func(h mlflow.ModelOutput) bool { return h.ModelID == now.ModelID }) {
			out = append(out, now)
		}
	}
	return in, out
}

// modelID is the id here of a logged model that a run names, "" where it has none.
func (i *importer) modelID(f *folder, id string) string {
	now := i.ids.now[id]
	if now == "" {
		i.warn("run %s names logged model %s, which is not imported", f.id, id)
	}
	return now
}

// endRun writes how the run ended, and a name that has changed since an earlier
// import. A run that still runs is left running.
func (i *importer) endRun(ctx context.Context, f *folder, r mlflow.Run, here mlflow.RunInfo) error {
	u := mlflow.RunUpdate{ID: f.now, EndTime: r.Info.EndTime}
	if r.Info.Status != here.Status {
		u.Status = r.Info.Status
	}
	if r.Info.Name != here.Name {
		u.Name = r.Info.Name
	}
	if u.Status == "" && u.EndTime == nil && u.Name == "" {
		return nil
	}
	_, err := i.to.Tracking.UpdateRun(ctx, u)
	return err
}
