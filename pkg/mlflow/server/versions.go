package server

import (
	"net/http"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// versionRoutes are the routes about versions of registered models.
func (h *handler) versionRoutes() []route {
	return slices.Concat(
		api("POST", "/model-versions/create", h.createVersion),
		api("PATCH", "/model-versions/update", h.updateVersion),
		api("POST", "/model-versions/transition-stage", h.transitionStage),
		api("DELETE", "/model-versions/delete", h.deleteVersion),
		api("GET", "/model-versions/get", h.getVersion),
		api("GET", "/model-versions/search", h.searchVersions),
		api("GET", "/model-versions/get-download-uri", h.versionDownloadURI),
		api("POST", "/model-versions/set-tag", h.setVersionTag),
		api("DELETE", "/model-versions/delete-tag", h.deleteVersionTag),
	)
}

// versionsAnswer holds versions.
type versionsAnswer struct {
	Versions []mlflow.ModelVersion `json:"model_versions,omitempty"`
	Next     string                `json:"next_page_token,omitempty"`
}

// sendVersions answers with versions.
func sendVersions(w http.ResponseWriter, p mlflow.Page[mlflow.ModelVersion]) error {
	for i := range p.Items {
		p.Items[i].ModelID = "" // MLflow's server leaves it out
	}
	return answer(w, versionsAnswer{p.Items, p.Next})
}

// sendVersion answers with a version, unless the store failed.
func sendVersion(w http.ResponseWriter, v mlflow.ModelVersion, err error) error {
	if err != nil {
		return err
	}
	v.ModelID = "" // MLflow's server leaves it out
	return answer(w, struct {
		Version mlflow.ModelVersion `json:"model_version"`
	}{v})
}

// readVersion reads which version a request is about.
func readVersion(q *reader) (name, version string) {
	return q.need("name").str("name"), q.need("version").str("version")
}

func (h *handler) createVersion(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	n := mlflow.NewVersion{
		Name:        q.need("name").str("name"),
		Source:      q.need("source").str("source"),
		RunID:       q.str("run_id"),
		Tags:        each(q, "tags", readTag),
		RunLink:     q.str("run_link"),
		Description: q.str("description"),
		ModelID:     q.str("model_id"),
	}
	given := origin{run: q.has("run_id"), model: q.has("model_id")} // an empty id is not the same as none
	if q.err != nil {
		return q.err
	}
	n, err := h.checkSource(r.Context(), n, given)
	if err != nil {
		return err
	}
	v, err := h.Registry.CreateModelVersion(r.Context(), n)
	return sendVersion(w, v, err)
}

func (h *handler) getVersion(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := readVersion(q)
	if q.err != nil {
		return q.err
	}
	v, err := h.Registry.GetModelVersion(r.Context(), name, version)
	return sendVersion(w, v, err)
}

func (h *handler) updateVersion(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := readVersion(q)
	description := q.str("description")
	if q.err != nil {
		return q.err
	}
	v, err := h.Registry.UpdateModelVersion(r.Context(), name, version, description)
	return sendVersion(w, v, err)
}

func (h *handler) transitionStage(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	c := mlflow.StageChange{
		Name:            q.need("name").str("name"),
		Version:         q.need("version").str("version"),
		Stage:           q.need("stage").str("stage"),
		ArchiveExisting: q.bool("archive_existing_versions"),
	}
	if q.err != nil {
		return q.err
	}
	v, err := h.Registry.TransitionStage(r.Context(), c)
	return sendVersion(w, v, err)
}

func (h *handler) deleteVersion(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := readVersion(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.DeleteModelVersion(r.Context(), name, version))
}

func (h *handler) versionDownloadURI(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := q.str("name"), q.str("version") // not needed: the store refuses them in MLflow's words
	if q.err != nil {
		return q.err
	}
	uri, err := h.Registry.ModelVersionDownloadURI(r.Context(), name, version)
	if err != nil {
		return err
	}
	return answer(w, struct {
		URI string `json:"artifact_uri"`
	}{uri})
}

func (h *handler) searchVersions(w http.ResponseWriter, r *http.Request) error {
	page, err := consult(r.Context(), h.read(w, r), readRegistryQuery(mlflow.MaxSearchVersions), h.Registry.SearchModelVersions)
	if err != nil {
		return err
	}
	for i := range page.Items {
		page.Items[i].Aliases = nil // MLflow's search does not look for them
	}
	return sendVersions(w, page)
}

func (h *handler) setVersionTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := readVersion(q)
	tag := readKeyed(q)
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.SetModelVersionTag(r.Context(), name, version, tag))
}

func (h *handler) deleteVersionTag(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name, version := readVersion(q)
	key := q.need("key").str("key")
	if q.err != nil {
		return q.err
	}
	return done(w, h.Registry.DeleteModelVersionTag(r.Context(), name, version, key))
}
