package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// loggedModelRoutes are the routes about logged models.
func (h *handler) loggedModelRoutes() []route {
	return slices.Concat(
		api("POST", "/logged-models", h.createLoggedModel),
		api("POST", "/logged-models/search", h.searchLoggedModels),
		api("GET", "/logged-models/{model_id}", h.getLoggedModel),
		api("PATCH", "/logged-models/{model_id}", h.finalizeLoggedModel),
		api("DELETE", "/logged-models/{model_id}", h.deleteLoggedModel),
		api("PATCH", "/logged-models/{model_id}/tags", h.setLoggedModelTags),
		api("DELETE", "/logged-models/{model_id}/tags/{tag_key}", h.deleteLoggedModelTag),
		api("POST", "/logged-models/{model_id}/params", h.logLoggedModelParams),
	)
}

// loggedModel is a logged model as MLflow's server writes it: with its type and
// its run though they be empty, and with its registrations in the tag
// mlflow.modelVersions only.
type loggedModel struct {
	Info struct {
		mlflow.LoggedModelInfo
		ModelType     string    `json:"model_type"`
		SourceRunID   string    `json:"source_run_id"`
		Registrations *struct{} `json:"registrations,omitempty"`
	} `json:"info"`
	Data mlflow.LoggedModelData `json:"data"`
}

func newLoggedModel(m mlflow.LoggedModel) (out loggedModel) {
	out.Info.LoggedModelInfo, out.Data = m.Info, m.Data
	out.Info.ModelType, out.Info.SourceRunID = m.Info.ModelType, m.Info.SourceRunID
	return out
}

// sendLoggedModel answers with a logged model, unless the store failed.
func sendLoggedModel(w http.ResponseWriter, m mlflow.LoggedModel, err error) error {
	if err != nil {
		return err
	}
	return answer(w, struct {
		Model loggedModel `json:"model"`
	}{newLoggedModel(m)})
}

func (h *handler) createLoggedModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	n := mlflow.NewLoggedModel{
		ExperimentID: q.need("experiment_id").str("experiment_id"),
		Name:         q.str("name"),
		ModelType:    q.str("model_type"),
		SourceRunID:  q.str("source_run_id"),
		Params:       each(q, "params", readParam),
		Tags:         each(q, "tags", readTag),
	}
	if q.err != nil {
		return q.err
	}
	m, err := h.Tracking.CreateLoggedModel(r.Context(), n)
	return sendLoggedModel(w, m, err)
}

func (h *handler) getLoggedModel(w http.ResponseWriter, r *http.Request) error {
	m, err := h.Tracking.GetLoggedModel(r.Context(), r.PathValue("model_id"))
	return sendLoggedModel(w, m, err)
}

func (h *handler) finalizeLoggedModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	q.need("status") // which enum by itself would let be absent
	status := enum(q, "status", 1, mlflow.ModelPending, mlflow.ModelReady, mlflow.ModelFailed)
	if q.err != nil {
		return q.err
	}
	m, err := h.Tracking.FinalizeLoggedModel(r.Context(), r.PathValue("model_id"), status)
	return sendLoggedModel(w, m, err)
}

func (h *handler) deleteLoggedModel(w http.ResponseWriter, r *http.Request) error {
	return done(w, h.Tracking.DeleteLoggedModel(r.Context(), r.PathValue("model_id")))
}

func (h *handler) searchLoggedModels(w http.ResponseWriter, r *http.Request) error {
	page, err := consult(r.Context(), h.read(w, r), readLoggedModelQuery, h.Tracking.SearchLoggedModels)
	if err != nil {
		return err
	}
	found := make([]loggedModel, len(page.Items))
	for i, m := range page.Items {
		found[i] = newLoggedModel(m)
	}
	return answer(w, struct {
		Models []loggedModel `json:"models,omitempty"`
		Next   string        `json:"next_page_token,omitempty"`
	}{found, page.Next})
}

// readLoggedModelQuery reads a search for logged models.
func readLoggedModelQuery(q *reader) mlflow.LoggedModelQuery {
	query := mlflow.LoggedModelQuery{
		ExperimentIDs: q.need("experiment_ids").strs("experiment_ids"),
		Filter:        q.str("filter"),
		Datasets: each(q, "datasets", func(q *reader) mlflow.DatasetRef {
			return mlflow.DatasetRef{Name: q.str("dataset_name"), Digest: q.str("dataset_digest")}
		}),
		OrderBy:   each(q, "order_by", readLoggedModelOrder),
		PageToken: q.str("page_token"),
	}
	query.MaxResults, _ = q.int("max_results") // its bounds are the store's: MLflow's server checks none here
	return query
}

// readLoggedModelOrder reads one term of the order of logged models.
func readLoggedModelOrder(q *reader) mlflow.LoggedModelOrder {
	o := mlflow.LoggedModelOrder{
		Field:         q.str("field_name"),
		DatasetName:   q.str("dataset_name"),
		DatasetDigest: q.str("dataset_digest"),
	}
	if q.has("ascending") {
		ascending := q.bool("ascending")
		o.Ascending = &ascending
	}
	return o
}

func (h *handler) setLoggedModelTags(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	tags := each(q, "tags", readTag)
	if q.err != nil {
		return q.err
	}
	// MLflow's server leaves the model out of the answer, though the protocol has it.
	_, err := h.Tracking.SetLoggedModelTags(r.Context(), r.PathValue("model_id"), tags)
	return done(w, err)
}

func (h *handler) deleteLoggedModelTag(w http.ResponseWriter, r *http.Request) error {
	return done(w, h.Tracking.DeleteLoggedModelTag(r.Context(), r.PathValue("model_id"), r.PathValue("tag_key")))
}

func (h *handler) logLoggedModelParams(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	params := each(q, "params", readParam)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.LogLoggedModelParams(r.Context(), r.PathValue("model_id"), params))
}

// readParam reads a param of a list.
func readParam(q *reader) mlflow.Param { return mlflow.Param(readTag(q)) }

// historyTag is the run's tag in which clients before 3.0 list their models.
const historyTag = "mlflow.log-model.history"

// logModel notes a model in its run, as clients before 3.0 do.
func (h *handler) logModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id, text := q.runID(), q.need("model_json").str("model_json")
	if q.err != nil {
		return q.err
	}
	entry, err := historyEntry(text)
	if err != nil {
		return err
	}
	run, err := h.Tracking.GetRun(r.Context(), id)
	if err != nil {
		return err
	}
	var entries []json.RawMessage
	if old := run.Data.Tag(historyTag); old != "" {
		if err := json.Unmarshal([]byte(old), &entries); err != nil {
			return fmt.Errorf("the tag %s of run %s: %w", historyTag, id, err)
		}
	}
	all, err := json.Marshal(append(entries, entry))
	if err != nil {
		return err
	}
	return done(w, h.Tracking.SetTag(r.Context(), id, mlflow.Tag{Key: historyTag, Value: string(all)}))
}

// historyEntry is what the history tag keeps of a model.
func historyEntry(text string) (json.RawMessage, error) {
	var model map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &model); err != nil {
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Malformed model info. \n %s \n is not a valid JSON.", text)
	}
	var missing []string
	for _, field := range []string{"artifact_path", "flavors", "run_id", "utc_time_created"} {
		if _, ok := model[field]; !ok {
			missing = append(missing, "'"+field+"'")
		}
	}
	if missing != nil {
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Model json is missing mandatory fields: {%s}", strings.Join(missing, ", "))
	}
	for field := range model {
		if !slices.Contains([]string{"run_id", "utc_time_created", "artifact_path", "model_uuid", "flavors"}, field) {
			delete(model, field)
		}
	}
	entry, err := json.Marshal(model)
	return entry, err
}
