package record

import (
	"context"
	"sync"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// experiments remembers the ids of experiments by their names. It is safe for
// concurrent use.
type experiments struct {
	mu  sync.Mutex
	ids map[string]string
}

// known returns the id without asking anybody, "" where it is not remembered.
func (e *experiments) known(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ids[name]
}

func (e *experiments) forget(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.ids, name)
}

// id returns the experiment's id, and makes the experiment where it is missing.
func (e *experiments) id(ctx context.Context, t mlflow.Experiments, name string) (string, error) {
	if id := e.known(name); id != "" {
		return id, nil
	}
	id, err := experiment(ctx, t, name)
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ids == nil {
		e.ids = map[string]string{}
	}
	e.ids[name] = id
	return id, nil
}

func experiment(ctx context.Context, t mlflow.Experiments, name string) (string, error) {
	found, err := t.GetExperimentByName(ctx, name)
	if err == nil && found.LifecycleStage == mlflow.Deleted {
		return "", fault.New(fault.Conflict, "experiment %q is deleted", name).
			WithHint("restore it, or remove it for good with `salesctl tracking gc`")
	}
	if err == nil || mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
		return found.ID, err
	}
	id, err := t.CreateExperiment(ctx, mlflow.NewExperiment{Name: name})
	if err != nil && mlflow.CodeOf(err) == mlflow.ResourceAlreadyExists { // another program was faster
		found, err = t.GetExperimentByName(ctx, name)
		id = found.ID
	}
	return id, err
}

// Known returns the id of an experiment that something was delivered to, "" of
// any other.
func (w *Writer) Known(experiment string) string { return w.experiments.known(experiment) }

// WriteRuns writes plain records, those that Batchable allows, in one transaction,
// where the destination is a store in this process; else ok is false.
func (w *Writer) WriteRuns(ctx context.Context, records []Record) (ok bool, err error) {
	store, ok := w.to.Tracking.(mlflow.RunWriter)
	if !ok || len(records) == 0 {
		return ok, nil
	}
	runs := make([]mlflow.Run, len(records))
	for i, r := range records {
		id, err := w.experiments.id(ctx, w.to.Tracking, r.Experiment)
		if err != nil {
			return true, err
		}
		runs[i] = Whole(r, id)
	}
	if err = store.WriteRuns(ctx, runs); err != nil {
		for _, r := range records {
			w.experiments.forget(r.Experiment)
		}
	}
	return true, err
}
