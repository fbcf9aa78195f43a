package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// experimentRoutes are the routes about experiments.
func (h *handler) experimentRoutes() []route {
	return slices.Concat(
		api("POST", "/experiments/create", h.createExperiment),
		api("GET", "/experiments/get", h.getExperiment),
		api("GET", "/experiments/get-by-name", h.getExperimentByName),
		// Pages ask by GET, clients by POST: a filter may be longer than an address.
		api("GET", "/experiments/search", h.searchExperiments),
		api("POST", "/experiments/search", h.searchExperiments),
		api("POST", "/experiments/update", h.updateExperiment),
		api("POST", "/experiments/delete", h.deleteExperiment),
		api("POST", "/experiments/restore", h.restoreExperiment),
		api("POST", "/experiments/set-experiment-tag", h.setExperimentTag),
		api("POST", "/experiments/delete-experiment-tag", h.deleteExperimentTag),
		[]route{{"POST", ajaxPath + "/experiments/search-datasets", h.searchDatasets}},
	)
}

// experiment is an experiment as this release's server writes it: with its
// workspace, which is that of the request, since nobody sees another's.
type experiment struct {
	mlflow.Experiment
	Workspace string `json:"workspace"`
}

func newExperiment(ctx context.Context, e mlflow.Experiment) experiment {
	return experiment{e, cmp.Or(mlflow.WorkspaceOf(ctx), mlflow.DefaultWorkspace)}
}

// experimentAnswer holds an experiment.
type experimentAnswer struct {
	Experiment experiment `json:"experiment"`
}

func (h *handler) createExperiment(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	e := mlflow.NewExperiment{
		Name:             q.need("name").str("name"),
		ArtifactLocation: q.str("artifact_location"),
		Tags:             each(q, "tags", readTag),
	}
	if q.err != nil {
		return q.err
	}
	// Here and not in the store: who opens the database itself may place what he likes.
	if err := checkLocation("artifact_location", e.ArtifactLocation); err != nil {
		return err
	}
	id, err := h.Tracking.CreateExperiment(r.Context(), e)
	if err != nil {
		return err
	}
	return answer(w, struct {
		ID string `json:"experiment_id"`
	}{id})
}

func (h *handler) getExperiment(w http.ResponseWriter, r *http.Request) error {
	e, err := consult(r.Context(), h.read(w, r), readExperimentID, h.Tracking.GetExperiment)
	if err != nil {
		return err
	}
	return answer(w, experimentAnswer{newExperiment(r.Context(), e)})
}

// readExperimentID reads the experiment that a request is about.
func readExperimentID(q *reader) string { return q.need("experiment_id").str("experiment_id") }

func (h *handler) getExperimentByName(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name := q.need("experiment_name").str("experiment_name")
	if q.err != nil {
		return q.err
	}
	e, err := h.Tracking.GetExperimentByName(r.Context(), name)
	if err != nil {
		return err
	}
	return answer(w, experimentAnswer{newExperiment(r.Context(), e)})
}

func (h *handler) searchExperiments(w http.ResponseWriter, r *http.Request) error {
	page, err := consult(r.Context(), h.read(w, r), readExperimentQuery, h.Tracking.SearchExperiments)
	if err != nil {
		return err
	}
	found := make([]experiment, len(page.Items))
	for i, e := range page.Items {
		found[i] = newExperiment(r.Context(), e)
	}
	return answer(w, struct {
		Experiments []experiment `json:"experiments,omitempty"`
		Next        string       `json:"next_page_token,omitempty"`
	}{found, page.Next})
}

// readExperimentQuery reads a search for experiments.
func readExperimentQuery(q *reader) mlflow.ExperimentQuery {
	return mlflow.ExperimentQuery{
		ViewType:   readView(q, "view_type"),
		MaxResults: q.pageSize(),
		OrderBy:    q.strs("order_by"),
		Filter:     q.str("filter"),
		PageToken:  q.str("page_token"),
	}
}

func (h *handler) updateExperiment(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id, name := readExperimentID(q), q.need("new_name").str("new_name")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.RenameExperiment(r.Context(), id, name))
}

func (h *handler) deleteExperiment(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := readExperimentID(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.DeleteExperiment(r.Context(), id))
}

func (h *handler) restoreExperiment(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := readExperimentID(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.RestoreExperiment(r.Context(), id))
}

func (h *handler) setExperimentTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id, tag := readExperimentID(q), readKeyed(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.SetExperimentTag(r.Context(), id, tag))
}

func (h *handler) deleteExperimentTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id, key := readExperimentID(q), q.need("key").str("key")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Tracking.DeleteExperimentTag(r.Context(), id, key))
}

// maxDatasetExperiments is how many experiments one search for datasets names.
const maxDatasetExperiments = 20

func (h *handler) searchDatasets(w http.ResponseWriter, r *http.Request) error {
	found, err := consult(r.Context(), h.read(w, r), readDatasetQuery, h.Tracking.SearchDatasets)
	if err != nil {
		return err
	}
	return answer(w, struct {
		Datasets []mlflow.DatasetSummary `json:"dataset_summaries,omitempty"`
	}{found})
}

// readTag reads a tag of a list.
func readTag(q *reader) mlflow.Tag { return mlflow.Tag{Key: q.str("key"), Value: q.str("value")} }

// readKeyed reads a tag, or a param, that is the request itself.
func readKeyed(q *reader) mlflow.Tag {
	return mlflow.Tag{Key: q.need("key").str("key"), Value: q.str("value")}
}

// readView reads which lifecycle stages a search returns.
func readView(q *reader, name string) mlflow.ViewType {
	return enum(q, name, 1, mlflow.ActiveOnly, mlflow.DeletedOnly, mlflow.All)
}

// maxLocation is how many characters an artifact location has at most.
const maxLocation = 2048

// checkLocation refuses artifact locations that could not be told apart from
// others, or that would make the server call hosts of the client's choice.
func checkLocation(field, uri string) error {
	address, query, _ := strings.Cut(uri, "?")
	address, _, fragment := strings.Cut(address, "#")
	scheme, _ := cutScheme(uri)
	switch {
	case fragment || strings.Contains(query, "#") || scheme == "" && strings.Contains(address[strings.LastIndexByte(address, '/')+1:], ";"):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "'%s' URL can't include fragments or params.", field)
	case strings.Contains(unescape(query), ".."):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid query string")
	}
	if err := checkScheme(uri, field); err != nil {
		return err
	}
	if strings.HasPrefix(uri, "runs:") {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Artifact location cannot be a runs:/ URI. Given: '%s'", uri)
	}
	if len(uri) > maxLocation {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid artifact path length. The length of the artifact path"+
			" cannot be greater than %d characters.", maxLocation)
	}
	return nil
}
