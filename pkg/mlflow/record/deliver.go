package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Destination is where records go: a tracking server, its registry and its
// artifacts.
type Destination struct {
	Tracking mlflow.Tracking
	Registry mlflow.Registry
	// Files opens the place of artifacts that a URI names.
	Files func(ctx context.Context, uri string) (artifact.Store, error)
	// Registered is told of the versions that a record's models stand as, fresh or
	// not, before the record's run ends: told again after a break, it must do no
	// harm. It may be nil.
	Registered func(ctx context.Context, versions []Version) error
}

// Delivered says what became of a record.
type Delivered struct {
	Run      mlflow.RunInfo
	Versions []Version // of the models that are registered, in their order
}

// Version is a version that a model stands as in the registry.
type Version struct {
	mlflow.ModelVersion
	Fresh bool // it was added; else it stood before
}

// Writer delivers records to one destination. It is safe for concurrent use.
type Writer struct {
	to          Destination
	experiments experiments
}

// NewWriter returns a Writer.
func NewWriter(to Destination) *Writer { return &Writer{to: to} }

// Deliver writes the record; again says that somebody may have tried before, and
// then only what is missing is written. On an error the run stays unfinished. A
// run that was deleted meanwhile stays so.
func (w *Writer) Deliver(ctx context.Context, r Record, again bool) (Delivered, error) {
	d := delivery{Destination: w.to, experiments: &w.experiments, again: again}
	info, err := d.run(ctx, r, "")
	if err != nil {
		w.experiments.forget(r.Experiment) // it may have been deleted since
		return Delivered{}, fmt.Errorf("log run %q: %w", r.Name, err)
	}
	return Delivered{Run: info, Versions: d.versions}, nil
}

// delivery is one call of Deliver.
type delivery struct {
	Destination
	experiments *experiments
	again       bool
	versions    []Version
}

// run writes one run and what is nested in it, and ends it last.
func (d *delivery) run(ctx context.Context, r Record, parent string) (mlflow.RunInfo, error) {
	if parent != "" {
		r.Tags = append(slices.Clip(r.Tags), mlflow.Tag{Key: TagParent, Value: parent})
	}
	run, err := d.begin(ctx, r)
	if err != nil || run.Info.LifecycleStage == mlflow.Deleted { // who deleted the run does not want it again
		return run.Info, err
	}
	for _, step := range []func(context.Context, mlflow.Run, Record) error{
		d.data, d.files, d.children, d.models,
	} {
		if err := step(ctx, run, r); err != nil {
			return run.Info, d.fail(ctx, run, err)
		}
	}
	end := r.End
	return d.Tracking.UpdateRun(ctx, mlflow.RunUpdate{ID: run.Info.ID, Status: r.Status, EndTime: &end})
}

// farewell bounds the marking of a run or model as failed.
const farewell = 5 * time.Second

// fail marks a run that could not be written to its end, unless the server is
// away: then it is to be completed later.
func (d *delivery) fail(ctx context.Context, run mlflow.Run, cause error) error {
	if fault.Is(cause, fault.Unavailable) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_, _ = d.Tracking.UpdateRun(ctx, mlflow.RunUpdate{ID: run.Info.ID, Status: mlflow.Failed}) // cause is worse
	return cause
}

// begin finds the record's run or makes it.
func (d *delivery) begin(ctx context.Context, r Record) (mlflow.Run, error) {
	experiment, err := d.experiments.id(ctx, d.Tracking, r.Experiment)
	if err != nil {
		return mlflow.Run{}, err
	}
	if d.again {
		found, err := d.Tracking.SearchRuns(ctx, mlflow.RunQuery{
			ExperimentIDs: []string{experiment}, ViewType: mlflow.All, MaxResults: 1,
			Filter: fmt.Sprintf("tags.`%s` = '%s'", TagID, r.ID), // Check lets no quote into an ID
		})
		if err != nil || len(found.Items) > 0 {
			return append(found.Items, mlflow.Run{})[0], err
		}
	}
	return d.Tracking.CreateRun(ctx, mlflow.NewRun{
		ID: r.RunID, ExperimentID: experiment, UserID: r.User, Name: r.Name, StartTime: r.Start, Tags: r.tags(),
	})
}

// data logs params, metrics and datasets; what is there already does not change.
func (d *delivery) data(ctx context.Context, run mlflow.Run, r Record) error {
	for b := range (mlflow.Batch{Params: r.Params, Metrics: r.Metrics}).Chunks() {
		if err := d.Tracking.LogBatch(ctx, run.Info.ID, b); err != nil {
			return err
		}
	}
	if len(r.Datasets) == 0 {
		return nil
	}
	return d.Tracking.LogInputs(ctx, run.Info.ID, r.Datasets, nil)
}

// files writes the run's artifacts.
func (d *delivery) files(ctx context.Context, run mlflow.Run, r Record) error {
	if len(r.Files) == 0 {
		return nil
	}
	return d.put(ctx, run.Info.ArtifactURI, r.Files, strings.NewReplacer(RunID, run.Info.ID))
}

// put writes files below a URI.
func (d *delivery) put(ctx context.Context, uri string, files []File, ids *strings.Replacer) error {
	store, err := d.Files(ctx, uri)
	if err != nil {
		return err
	}
	for _, f := range files {
		data := f.Data
		if f.Template {
			data = []byte(ids.Replace(string(data)))
		}
		if err := store.Put(ctx, f.Path, bytes.NewReader(data)); err != nil {
			return fmt.Errorf("artifact %s: %w", f.Path, err)
		}
	}
	return nil
}

// children writes the runs that are nested in this one.
func (d *delivery) children(ctx context.Context, run mlflow.Run, r Record) error {
	for _, c := range r.Children {
		if _, err := d.run(ctx, c, run.Info.ID); err != nil {
			return fmt.Errorf("nested run %q: %w", c.Name, err)
		}
	}
	return nil
}

// models logs the run's models and registers them.
func (d *delivery) models(ctx context.Context, run mlflow.Run, r Record) error {
	for _, m := range r.Models {
		if err := d.model(ctx, run, m); err != nil {
			return fmt.Errorf("model %s: %w", m.Name, err)
		}
	}
	if len(d.versions) == 0 || d.Registered == nil {
		return nil
	}
	return d.Registered(ctx, d.versions)
}

func (d *delivery) model(ctx context.Context, run mlflow.Run, m Model) error {
	if m.Register != "" {
		equal, err := d.equal(ctx, m)
		if err != nil {
			return err
		}
		if equal.Version != "" {
			d.versions = append(d.versions, equal)
			return nil
		}
	}
	source, id, err := d.logModel(ctx, run, m)
	if err != nil || m.Register == "" {
		return err
	}
	v, err := d.Registry.CreateModelVersion(ctx, mlflow.NewVersion{
		Name: m.Register, Source: source, RunID: run.Info.ID, ModelID: id,
		Tags: append(m.Tags[:len(m.Tags):len(m.Tags)], mlflow.Tag{Key: TagDigest, Value: m.Digest}),
	})
	d.versions = append(d.versions, Version{ModelVersion: v, Fresh: true})
	return err
}

// equal returns the newest version that does the same as the model, by a broken
// delivery or an earlier record. Its Version is empty where there is none. The
// registered model is made where it is missing.
func (d *delivery) equal(ctx context.Context, m Model) (Version, error) {
	_, err := d.Registry.GetRegisteredModel(ctx, m.Register)
	if fault.Is(err, fault.NotFound) {
		_, err = d.Registry.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: m.Register})
		if mlflow.CodeOf(err) == mlflow.ResourceAlreadyExists { // another program was faster
			err = nil
		}
	}
	if err != nil {
		return Version{}, err
	}
	if m.Digest == "" {
		return Version{}, nil
	}
	found, err := d.Registry.SearchModelVersions(ctx, mlflow.RegistryQuery{
		Filter:  fmt.Sprintf("name = '%s' AND tags.`%s` = '%s'", m.Register, TagDigest, m.Digest),
		OrderBy: []string{"version_number DESC"}, MaxResults: 1,
	})
	if err != nil || len(found.Items) == 0 {
		return Version{}, err
	}
	return Version{ModelVersion: found.Items[0]}, nil
}

// logModel writes the model's files: as a logged model of MLflow 3, below the
// run's artifacts on an older server. It returns where they are.
func (d *delivery) logModel(ctx context.Context, run mlflow.Run, m Model) (source, id string, err error) {
	info := run.Info
	logged, err := d.logged(ctx, info, m.Name, m.Type)
	switch {
	case mlflow.CodeOf(err) == mlflow.EndpointNotFound:
		uri := strings.TrimSuffix(info.ArtifactURI, "/") + "/" + m.Name
		return uri, "", d.put(ctx, uri, m.Files, strings.NewReplacer(RunID, info.ID, ModelID, ""))
	case err != nil:
		return "", "", err
	}
	id = logged.Info.ID
	err = d.put(ctx, logged.Info.ArtifactURI, m.Files, strings.NewReplacer(RunID, info.ID, ModelID, id))
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		_, failed := d.Tracking.FinalizeLoggedModel(ctx, id, mlflow.ModelFailed)
		return "", "", errors.Join(err, failed)
	}
	if _, err = d.Tracking.FinalizeLoggedModel(ctx, id, mlflow.ModelReady); err != nil {
		return "", "", err
	}
	made := mlflow.ModelOutput{ModelID: id}
	if !slices.Contains(run.Outputs.Models, made) { // MLflow refuses to hear of it twice
		err = d.Tracking.LogOutputs(ctx, info.ID, []mlflow.ModelOutput{made})
	}
	return "models:/" + id, id, err
}

// logged finds the run's model of that name that a broken delivery left, or
// makes one.
func (d *delivery) logged(ctx context.Context, info mlflow.RunInfo, name, kind string) (mlflow.LoggedModel, error) {
	found, err := d.Tracking.SearchLoggedModels(ctx, mlflow.LoggedModelQuery{
		ExperimentIDs: []string{info.ExperimentID}, MaxResults: 1,
		Filter: fmt.Sprintf("source_run_id = '%s' AND name = '%s'", info.ID, name),
	})
	if err != nil {
		return mlflow.LoggedModel{}, err
	}
	if len(found.Items) > 0 {
		return found.Items[0], nil
	}
	return d.Tracking.CreateLoggedModel(ctx, mlflow.NewLoggedModel{
		ExperimentID: info.ExperimentID, Name: name, ModelType: kind, SourceRunID: info.ID,
	})
}
