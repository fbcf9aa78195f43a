package server

import (
	"net/http"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// registeredModelRoutes are the routes about registered models and their aliases.
func (h *handler) registeredModelRoutes() []route {
	return slices.Concat(
		api("POST", "/registered-models/create", h.createRegisteredModel),
		api("POST", "/registered-models/rename", h.renameRegisteredModel),
		api("PATCH", "/registered-models/update", h.updateRegisteredModel),
		api("DELETE", "/registered-models/delete", h.deleteRegisteredModel),
		api("GET", "/registered-models/get", h.getRegisteredModel),
		api("GET", "/registered-models/search", h.searchRegisteredModels),
		// By both methods: clients try one, and the other where a server knows that only.
		api("GET", "/registered-models/get-latest-versions", h.latestVersions),
		api("POST", "/registered-models/get-latest-versions", h.latestVersions),
		api("POST", "/registered-models/set-tag", h.setRegisteredModelTag),
		api("DELETE", "/registered-models/delete-tag", h.deleteRegisteredModelTag),
		api("POST", "/registered-models/alias", h.setAlias),
		api("DELETE", "/registered-models/alias", h.deleteAlias),
		api("GET", "/registered-models/alias", h.getVersionByAlias),
	)
}

// sendRegisteredModel answers with a registered model, unless the store failed.
func sendRegisteredModel(w http.ResponseWriter, m mlflow.RegisteredModel, err error) error {
	if err != nil {
		return err
	}
	return answer(w, struct {
		Model mlflow.RegisteredModel `json:"registered_model"`
	}{trim(m)})
}

// trim leaves out what MLflow's server leaves out of a registered model's latest
// versions.
func trim(m mlflow.RegisteredModel) mlflow.RegisteredModel {
	for i := range m.LatestVersions {
		m.LatestVersions[i].Aliases, m.LatestVersions[i].ModelID = nil, ""
	}
	return m
}

func (h *handler) createRegisteredModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	n := mlflow.NewRegisteredModel{
		Name:        q.need("name").str("name"),
		Tags:        each(q, "tags", readTag),
		Description: q.str("description"),
	}
	if q.err != nil {
		return q.err
	}
	m, err := h.Registry.CreateRegisteredModel(r.Context(), n)
	return sendRegisteredModel(w, m, err)
}

func (h *handler) getRegisteredModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name := q.need("name").str("name")
	if q.err != nil {
		return q.err
	}
	m, err := h.Registry.GetRegisteredModel(r.Context(), name)
	return sendRegisteredModel(w, m, err)
}

func (h *handler) updateRegisteredModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, description := q.need("name").str("name"), q.str("description")
	if q.err != nil {
		return q.err
	}
	m, err := h.Registry.UpdateRegisteredModel(r.Context(), name, description)
	return sendRegisteredModel(w, m, err)
}

func (h *handler) renameRegisteredModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, newName := q.need("name").str("name"), q.need("new_name").str("new_name")
	if q.err != nil {
		return q.err
	}
	m, err := h.Registry.RenameRegisteredModel(r.Context(), name, newName)
	return sendRegisteredModel(w, m, err)
}

func (h *handler) deleteRegisteredModel(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name := q.need("name").str("name")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.DeleteRegisteredModel(r.Context(), name))
}

func (h *handler) searchRegisteredModels(w http.ResponseWriter, r *http.Request) error {
	page, err := consult(r.Context(), h.read(w, r), readRegistryQuery(mlflow.MaxSearchPage), h.Registry.SearchRegisteredModels)
	if err != nil {
		return err
	}
	for i, m := range page.Items {
		page.Items[i] = trim(m)
	}
	return answer(w, struct {
		Models []mlflow.RegisteredModel `json:"registered_models,omitempty"`
		Next   string                   `json:"next_page_token,omitempty"`
	}{page.Items, page.Next})
}

// readRegistryQuery reads a search of the registry for so many results at most.
func readRegistryQuery(limit int) func(*reader) mlflow.RegistryQuery {
	return func(q *reader) mlflow.RegistryQuery {
		// The registry's own words for it, which are not those of the other searches.
		if n, given := q.int("max_results"); given && n < 1 {
			q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for max_results. It must be a positive integer, but got %d", n))
		}
		return mlflow.RegistryQuery{
			Filter:     q.str("filter"),
			MaxResults: q.pageSizeUpTo(limit),
			OrderBy:    q.strs("order_by"),
			PageToken:  q.str("page_token"),
		}
	}
}

func (h *handler) latestVersions(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, stages := q.need("name").str("name"), q.strs("stages")
	if q.err != nil {
		return q.err
	}
	found, err := h.Registry.LatestVersions(r.Context(), name, stages)
	if err != nil {
		return err
	}
	return sendVersions(w, mlflow.Page[mlflow.ModelVersion]{Items: found})
}

func (h *handler) setRegisteredModelTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, tag := q.need("name").str("name"), readKeyed(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.SetRegisteredModelTag(r.Context(), name, tag))
}

func (h *handler) deleteRegisteredModelTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, key := q.need("name").str("name"), q.need("key").str("key")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.DeleteRegisteredModelTag(r.Context(), name, key))
}

func (h *handler) setAlias(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, alias, version := q.need("name").str("name"), q.need("alias").str("alias"), q.need("version").str("version")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.SetAlias(r.Context(), name, alias, version))
}

func (h *handler) deleteAlias(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, alias := q.need("name").str("name"), q.need("alias").str("alias")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.DeleteAlias(r.Context(), name, alias))
}

func (h *handler) getVersionByAlias(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, alias := q.need("name").str("name"), q.need("alias").str("alias")
	if q.err != nil {
		return q.err
	}
	v, err := h.Registry.GetVersionByAlias(r.Context(), name, alias)
	return sendVersion(w, v, err)
}
