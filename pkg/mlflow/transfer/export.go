package transfer

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Pages of searches are small: a page is in memory, and what a run holds can be much.
const (
	runsAtOnce   = 100
	modelsAtOnce = 50 // the most that MLflow's server gives
)

// ExportDir exports to a new folder. It is written under another name beside that,
// which it gets when it is whole.
func ExportDir(ctx context.Context, from Place, dir string, o Options) (r Report, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return r, fault.New(fault.Usage, "%s exists", dir).WithHint("name a new folder")
	}
	unfinished := dir + ".unfinished-" + rand.Text()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(unfinished))
		}
	}()
	if r, err = Export(ctx, from, artifact.NewLocal(unfinished), o); err != nil {
		return r, err
	}
	return r, os.Rename(unfinished, dir)
}

// Export writes what is chosen into an empty store.
func Export(ctx context.Context, from Place, to artifact.Store, o Options) (Report, error) {
	e := &exporter{
		from: from, o: o, w: writer{to, map[string]entry{}},
		runs: map[string]bool{}, models: map[string]bool{}, visited: map[string]bool{},
	}
	experiments, err := e.experiments(ctx)
	if err != nil {
		return e.report, err
	}
	for i, x := range experiments {
		o.progress("exporting experiments", i, len(experiments))
		if err := e.experiment(ctx, x); err != nil {
			return e.report, fmt.Errorf("experiment %q: %w", x.Name, err)
		}
	}
	if err := e.registry(ctx); err != nil {
		return e.report, err
	}
	c := &e.report.Counts
	c.Experiments, c.Runs, c.LoggedModels = len(experiments), len(e.runs), len(e.models)
	for _, f := range e.w.files {
		c.Bytes += f.Size
		if strings.Contains(f.Path, "/"+artifactsFolder+"/") {
			c.Artifacts++
		}
	}
	return e.report, e.w.close(ctx, *c)
}

// exporter is one export.
type exporter struct {
	from         Place
	o            Options
	w            writer
	report       Report
	runs, models map[string]bool // what was written, by id
	visited      map[string]bool // registered models
}

// experiments finds the chosen experiments and writes them down.
func (e *exporter) experiments(ctx context.Context) (found []mlflow.Experiment, err error) {
	for _, name := range e.o.Experiments {
		x, err := e.from.Tracking.GetExperimentByName(ctx, name)
		if absent(err) {
			err = fault.New(fault.NotFound, "there is no experiment %q: %w", name, err)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, x)
	}
	if len(e.o.Experiments) == 0 {
		err = pages(func(token string) (mlflow.Page[mlflow.Experiment], error) {
			return e.from.Tracking.SearchExperiments(ctx, mlflow.ExperimentQuery{MaxResults: mlflow.MaxSearchPage, ViewType: mlflow.All, PageToken: token})
		}, func(x mlflow.Experiment) error { found = append(found, x); return nil })
	}
	byID := func(a, b mlflow.Experiment) int { // "10" is after "9"
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(found, byID)
	found = slices.CompactFunc(found, func(a, b mlflow.Experiment) bool { return a.ID == b.ID })
	if err != nil {
		return nil, err
	}
	return found, e.w.lines(ctx, experimentsPath, func(line func(any) error) error {
		for _, x := range found {
			sortTags(x.Tags)
			if err := line(x); err != nil {
				return err
			}
		}
		return nil
	})
}

// experiment writes the runs and the logged models of an experiment.
func (e *exporter) experiment(ctx context.Context, x mlflow.Experiment) error {
	err := pages(func(token string) (mlflow.Page[mlflow.Run], error) {
		return e.from.Tracking.SearchRuns(ctx, mlflow.RunQuery{
			ExperimentIDs: []string{x.ID}, ViewType: mlflow.All, MaxResults: runsAtOnce, PageToken: token,
			OrderBy: []string{"attributes.start_time ASC"}, // what begins meanwhile comes behind
		})
	}, func(found mlflow.Run) error {
		id := found.Info.ID
		r, err := e.from.Tracking.GetRun(ctx, id) // a search leaves the logged models out that a run read
		if absent(err) {                          // it was collected meanwhile
			return nil
		}
		if err == nil {
			err = e.run(ctx, r)
		}
		if err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = pages(func(token string) (mlflow.Page[mlflow.LoggedModel], error) {
		return e.from.Tracking.SearchLoggedModels(ctx, mlflow.LoggedModelQuery{
			ExperimentIDs: []string{x.ID}, MaxResults: modelsAtOnce, PageToken: token,
		})
	}, func(m mlflow.LoggedModel) error {
		if err := e.model(ctx, m); err != nil {
			return fmt.Errorf("logged model %s: %w", m.Info.ID, err)
		}
		return nil
	})
	if mlflow.CodeOf(err) == mlflow.EndpointNotFound { // MLflow 2 has none
		err = nil
	}
	return err
}

// run writes the folder of a run. All lists are sorted: a server may return them in
// another order each time, and the digest of what has not changed must stay.
func (e *exporter) run(ctx context.Context, r mlflow.Run) error {
	folder := at(runsFolder, r.Info.ID)
	if err := e.metrics(ctx, r, at(folder, metricsFile)); err != nil {
		return err
	}
	if err := e.artifacts(ctx, r.Info.ArtifactURI, at(folder, artifactsFolder)); err != nil {
		return err
	}
	r.Data.Metrics = nil
	sortTags(r.Data.Tags)
	sortParams(r.Data.Params)
	slices.SortFunc(r.Inputs.Datasets, func(a, b mlflow.DatasetInput) int {
		return cmp.Or(strings.Compare(a.Dataset.Name, b.Dataset.Name), strings.Compare(a.Dataset.Digest, b.Dataset.Digest))
	})
	for _, d := range r.Inputs.Datasets {
		sortTags(d.Tags)
	}
	slices.SortFunc(r.Inputs.Models, func(a, b mlflow.ModelInput) int { return strings.Compare(a.ModelID, b.ModelID) })
	slices.SortFunc(r.Outputs.Models, func(a, b mlflow.ModelOutput) int { return strings.Compare(a.ModelID, b.ModelID) })
	e.runs[r.Info.ID] = true
	return e.w.value(ctx, at(folder, runFile), r)
}

// metrics writes all values of all metrics of a run; the run has the newest.
func (e *exporter) metrics(ctx context.Context, r mlflow.Run, name string) error {
	if len(r.Data.Metrics) == 0 {
		return nil
	}
	slices.SortFunc(r.Data.Metrics, func(a, b mlflow.Metric) int { return strings.Compare(a.Key, b.Key) })
	return e.w.lines(ctx, name, func(line func(any) error) error {
		for _, newest := range r.Data.Metrics {
			err := pages(func(token string) (mlflow.Page[mlflow.Metric], error) {
				return e.from.Tracking.MetricHistory(ctx, mlflow.HistoryQuery{
					RunID: r.Info.ID, Key: newest.Key, MaxResults: mlflow.MaxHistoryPage, PageToken: token,
				})
			}, func(m mlflow.Metric) error {
				return line(mlflow.Metric{Key: m.Key, Value: m.Value, Timestamp: m.Timestamp, Step: m.Step})
			})
			if err != nil {
				return fmt.Errorf("metric %q: %w", newest.Key, err)
			}
		}
		return nil
	})
}

// model writes the folder of a logged model.
func (e *exporter) model(ctx context.Context, m mlflow.LoggedModel) error {
	folder := at(modelsFolder, m.Info.ID)
	if err := e.artifacts(ctx, m.Info.ArtifactURI, at(folder, artifactsFolder)); err != nil {
		return err
	}
	sortTags(m.Info.Tags)
	sortParams(m.Data.Params)
	slices.SortFunc(m.Data.Metrics, func(a, b mlflow.Metric) int {
		return cmp.Or(strings.Compare(a.RunID, b.RunID), strings.Compare(a.Key, b.Key), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Timestamp, b.Timestamp))
	})
	m.Info.LastUpdatedTime, m.Info.Registrations = 0, nil // change whenever it is registered
	m.Info.Tags = slices.DeleteFunc(m.Info.Tags, func(t mlflow.Tag) bool { return t.Key == tagVersions })
	e.models[m.Info.ID] = true
	return e.w.value(ctx, at(folder, modelFile), m)
}

// artifacts copies all files of a run or a logged model. One that has none is no
// folder in most stores, and not an error.
func (e *exporter) artifacts(ctx context.Context, uri, folder string) error {
	if uri == "" {
		return nil
	}
	files, err := e.from.Files(ctx, uri)
	if err != nil {
		return err
	}
	return artifact.Walk(ctx, files, "", func(x artifact.Entry) (err error) {
		f, err := files.Get(ctx, x.Path)
		if err != nil {
			return err
		}
		err = e.w.put(ctx, at(folder, x.Path), func(w io.Writer) error { _, err := artifact.Copy(w, f); return err })
		return errors.Join(err, f.Close())
	})
}

// sortTags sorts by key, of which each stands once.
func sortTags(tags []mlflow.Tag) {
	slices.SortFunc(tags, func(a, b mlflow.Tag) int { return strings.Compare(a.Key, b.Key) })
}

// sortParams sorts by key, of which each stands once.
func sortParams(params []mlflow.Param) {
	slices.SortFunc(params, func(a, b mlflow.Param) int { return strings.Compare(a.Key, b.Key) })
}
