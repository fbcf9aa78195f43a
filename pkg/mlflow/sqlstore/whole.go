package sqlstore

import (
	"context"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.RunWriter = (*Store)(nil)

// WriteRuns writes whole runs under their own ids, all in one transaction.
// The artifact place of a run is below the experiment's, whatever the run says.
func (s *Store) WriteRuns(ctx context.Context, runs []mlflow.Run) error {
	checked := make([]mlflow.Run, len(runs))
	for i, r := range runs {
		var err error
		if checked[i], err = checkWhole(r); err != nil {
			return err
		}
	}
	return s.write(ctx, func(t tx) error {
		for _, r := range checked {
			if err := t.writeRun(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkWhole checks a run as if its parts were logged one by one.
func checkWhole(r mlflow.Run) (mlflow.Run, error) {
	if err := checkRunID(r.Info.ID); err != nil {
		return r, err
	}
	n := mlflow.NewRun{ID: r.Info.ID, Name: r.Info.Name, Tags: r.Data.Tags}
	tags, err := named(&n)
	if err != nil {
		return r, err
	}
	r.Info.Name = n.Name
	b, err := checkBatch(mlflow.Batch{Metrics: r.Data.Metrics, Params: r.Data.Params, Tags: tags})
	if err != nil {
		return r, err
	}
	r.Data = mlflow.RunData(b)
	return r, checkDatasets(r.Inputs.Datasets)
}

// writeRun writes one run, unless it is there.
func (t tx) writeRun(r mlflow.Run) error {
	if _, ok, err := one(t, text, "SELECT run_uuid FROM runs WHERE run_uuid = ?", r.Info.ID); err != nil || ok {
		return err
	}
	e, err := t.activeExperiment(r.Info.ExperimentID)
	if err != nil {
		return err
	}
	r.Info.ExperimentID, r.Info.LifecycleStage = e.ID, mlflow.Active
	r.Info.ArtifactURI = join(e.ArtifactLocation, r.Info.ID, "artifacts")
	for _, step := range []func() error{
		func() error { return t.insertRun(r.Info) },        // as one that has begun: MLflow knows no other new ones
		func() error { return t.updateRun(r.Info, false) }, // its end
		func() error { _, err := t.logParams(r.Info.ID, r.Data.Params); return err },
		func() error { return t.logMetrics(r.Info, r.Data.Metrics) },
		func() error { return t.insertRunTags(r.Info.ID, r.Data.Tags) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, in := range r.Inputs.Datasets {
		if err := t.logDataset(r.Info, in); err != nil {
			return err
		}
	}
	return nil
}
