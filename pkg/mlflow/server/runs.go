package server

import (
	"net/http"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// runRoutes are the routes about runs and what is logged into them.
func (h *handler) runRoutes() []route {
	return slices.Concat(
		api("POST", "/runs/create", h.createRun),
		api("GET", "/runs/get", h.getRun),
		api("POST", "/runs/search", h.searchRuns),
		api("POST", "/runs/update", h.updateRun),
		api("POST", "/runs/delete", h.deleteRun),
		api("POST", "/runs/restore", h.restoreRun),
		api("POST", "/runs/log-metric", h.logMetric),
		api("POST", "/runs/log-parameter", h.logParam),
		api("POST", "/runs/log-batch", h.logBatch),
		api("POST", "/runs/log-inputs", h.logInputs),
		api("POST", "/runs/outputs", h.logOutputs), // not log-outputs: so MLflow's protocol has it
		api("POST", "/runs/log-model", h.logModel),
		api("POST", "/runs/set-tag", h.setTag),
		api("POST", "/runs/delete-tag", h.deleteTag),
	)
}

func (h *handler) createRun(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	n := mlflow.NewRun{
		ExperimentID: q.need("experiment_id").str("experiment_id"),
		StartTime:    q.int64("start_time"),
		Name:         q.str("run_name"),
		UserID:       q.str("user_id"),
		Tags:         each(q, "tags", readTag), // MLflow wants their keys in log-batch, and not here
	}
	if q.err != nil {
		return q.err
	}
	run, err := h.Tracking.CreateRun(r.Context(), n)
	if err != nil {
		return err
	}
	return send(w, append(appendInputs([]byte(`{"run":`), &run), `}}`...)) // a new run has no outputs to MLflow
}

func (h *handler) getRun(w http.ResponseWriter, r *http.Request) error {
	run, err := consult(r.Context(), h.read(w, r), (*reader).runID, h.Tracking.GetRun)
	if err != nil {
		return err
	}
	return sendRun(w, &run)
}

// sendRun answers with one run.
func sendRun(w http.ResponseWriter, run *mlflow.Run) error {
	return send(w, append(appendRun([]byte(`{"run":`), run), '}'))
}

func (h *handler) searchRuns(w http.ResponseWriter, r *http.Request) error {
	page, err := consult(r.Context(), h.read(w, r), readRunQuery, h.Tracking.SearchRuns)
	if err != nil {
		return err
	}
	return send(w, appendPage("runs", page, appendRun))
}

func (h *handler) updateRun(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	u := mlflow.RunUpdate{
		ID:      q.runID(),
		EndTime: q.optional("end_time"),
		// An absent one stays as it is, as all that an update does not name.
		Status: enum(q, "status", 1, mlflow.Running, mlflow.Scheduled, mlflow.Finished, mlflow.Failed, mlflow.Killed),
		Name:   q.str("run_name"),
	}
	if q.err != nil {
		return q.err
	}
	info, err := h.Tracking.UpdateRun(r.Context(), u)
	if err != nil {
		return err
	}
	return send(w, append(appendInfo([]byte(`{"run_info":`), &info), '}'))
}

func (h *handler) deleteRun(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.DeleteRun(r.Context(), id))
}

func (h *handler) restoreRun(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.RestoreRun(r.Context(), id))
}

func (h *handler) logMetric(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	m := readMetric(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogMetric(r.Context(), id, m))
}

func (h *handler) logParam(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	p := mlflow.Param(readKeyed(q))
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogParam(r.Context(), id, p))
}

func (h *handler) setTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	t := readKeyed(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.SetTag(r.Context(), id, t))
}

func (h *handler) deleteTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	key := q.need("key").str("key")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.DeleteTag(r.Context(), id, key))
}

func (h *handler) logBatch(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	batch := mlflow.Batch{
		Metrics: each(q, "metrics", readMetric),
		Params:  each(q, "params", func(q *reader) mlflow.Param { return mlflow.Param(readKeyed(q)) }),
		Tags:    each(q, "tags", readKeyed),
	}
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogBatch(r.Context(), id, batch))
}

// readMetric reads a metric.
func readMetric(q *reader) mlflow.Metric {
	return mlflow.Metric{
		Key:           q.need("key").str("key"),
		Value:         q.need("value").number("value"),
		Timestamp:     q.need("timestamp").int64("timestamp"),
		Step:          q.int64("step"),
		ModelID:       q.str("model_id"),
		DatasetName:   q.str("dataset_name"),
		DatasetDigest: q.str("dataset_digest"),
	}
}

func (h *handler) logInputs(w http.ResponseWriter, r *http.Request) error {
	q := h.readUpTo(w, r, 2*h.MaxBody) // one dataset's profile alone may be as long as any other request
	id := q.runID()
	datasets := each(q, "datasets", func(q *reader) mlflow.DatasetInput {
		return mlflow.DatasetInput{Tags: each(q, "tags", readTag), Dataset: within(q.need("dataset"), "dataset", readDataset)}
	})
	models := each(q, "models", func(q *reader) mlflow.ModelInput { return mlflow.ModelInput{ModelID: q.str("model_id")} })
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogInputs(r.Context(), id, datasets, models))
}

// readDataset reads a dataset.
func readDataset(q *reader) mlflow.Dataset {
	return mlflow.Dataset{
		Name:       q.str("name"),
		Digest:     q.str("digest"),
		SourceType: q.str("source_type"),
		Source:     q.str("source"),
		Schema:     q.str("schema"),
		Profile:    q.str("profile"),
	}
}

func (h *handler) logOutputs(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	models := each(q.need("models"), "models", func(q *reader) mlflow.ModelOutput {
		return mlflow.ModelOutput{ModelID: q.str("model_id"), Step: q.int64("step")}
	})
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogOutputs(r.Context(), id, models))
}
