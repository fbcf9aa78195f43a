package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// maxPageUpload is the largest file that a web page may upload, in bytes.
const maxPageUpload = 10 << 20

// listRun lists a folder of a run.
func (h *handler) listRun(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id, below := q.runID(), q.str("path")
	if q.err != nil {
		return q.err
	}
	files, err := h.runFiles(r.Context(), id, below)
	if err != nil {
		return err
	}
	return answer(w, files)
}

// runFiles lists a folder of a run, with the run's root.
func (h *handler) runFiles(ctx context.Context, id, below string) (fileList, error) {
	below, err := safePath(below)
	if err != nil {
		return fileList{}, err
	}
	run, err := h.Tracking.GetRun(ctx, id)
	if err != nil {
		return fileList{}, err
	}
	return h.listAt(ctx, run.Info.ArtifactURI, below)
}

// listModel lists a folder of a logged model.
func (h *handler) listModel(w http.ResponseWriter, r *http.Request) error {
	below, err := safePath(r.URL.Query().Get("artifact_directory_path"))
	if err != nil {
		return err
	}
	model, err := h.Tracking.GetLoggedModel(r.Context(), r.PathValue("model_id"))
	if err != nil {
		return err
	}
	files, err := h.listAt(r.Context(), model.Info.ArtifactURI, below)
	if err != nil {
		return err
	}
	return answer(w, files)
}

// listAt lists a folder below an artifact URI.
func (h *handler) listAt(ctx context.Context, uri, below string) (fileList, error) {
	at, err := h.place(ctx, uri)
	if err != nil {
		return fileList{}, err
	}
	files, err := listFolder(ctx, at, below)
	return fileList{uri, files}, err
}

// getRunFile sends a file of a run.
func (h *handler) getRunFile(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	below, err := queryPath(r, "path")
	if err != nil {
		return err
	}
	id := q.Get("run_id")
	if id == "" {
		id = q.Get("run_uuid")
	}
	if id == "" {
		id = "None" // as Python writes what is missing
	}
	run, err := h.Tracking.GetRun(r.Context(), id)
	if err != nil {
		return err
	}
	return h.sendFrom(w, r, run.Info.ArtifactURI, below)
}

// getVersionFile sends a file of a version of a registered model.
func (h *handler) getVersionFile(w http.ResponseWriter, r *http.Request) error {
	below, err := queryPath(r, "path")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	uri, err := h.Registry.ModelVersionDownloadURI(r.Context(), q.Get("name"), q.Get("version"))
	if err != nil {
		return err
	}
	return h.sendFrom(w, r, uri, below)
}

// getModelFile sends a file of a logged model.
func (h *handler) getModelFile(w http.ResponseWriter, r *http.Request) error {
	const name = "artifact_file_path"
	if r.URL.Query().Get(name) == "" {
		return mlflow.Errorf(mlflow.BadRequest, `Request must include the "%s" query parameter.`, name)
	}
	below, err := queryPath(r, name)
	if err != nil {
		return err
	}
	model, err := h.Tracking.GetLoggedModel(r.Context(), r.PathValue("model_id"))
	if err != nil {
		return err
	}
	return h.sendFrom(w, r, model.Info.ArtifactURI, below)
}

// queryPath reads an artifact path from the query.
func queryPath(r *http.Request, name string) (string, error) {
	if !r.URL.Query().Has(name) {
		return "", mlflow.Errorf(mlflow.BadRequest, "Request must include the \"%s\" query parameter.", name)
	}
	return safePath(r.URL.Query().Get(name))
}

// sendFrom sends a file below an artifact URI.
func (h *handler) sendFrom(w http.ResponseWriter, r *http.Request, uri, below string) error {
	at, err := h.place(r.Context(), uri)
	if err != nil {
		return err
	}
	return h.send(w, r, at, below)
}

// uploadToRun takes a small file for a run, as the web pages send it.
func (h *handler) uploadToRun(w http.ResponseWriter, r *http.Request) error {
	id, below, err := uploadTarget(r)
	if err != nil {
		return err
	}
	body := bufio.NewReader(http.MaxBytesReader(w, r.Body, maxPageUpload))
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Request must specify data.")
	}
	run, err := h.Tracking.GetRun(r.Context(), id)
	if err != nil {
		return err
	}
	at, err := h.place(r.Context(), run.Info.ArtifactURI)
	if err != nil {
		return err
	}
	err = put(r.Context(), at.store, at.folder(below), body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLargeForAPage()
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return nil
}

// uploadTarget reads which file of which run the upload is.
func uploadTarget(r *http.Request) (id, below string, err error) {
	q := r.URL.Query()
	for _, name := range []string{"run_uuid", "path"} {
		if q.Get(name) == "" {
			return "", "", mlflow.Errorf(mlflow.InvalidParameterValue, "Request must specify %s.", name)
		}
	}
	below, err = safeFile(q.Get("path"))
	return q.Get("run_uuid"), below, err
}

func tooLargeForAPage() error {
	return mlflow.Errorf(mlflow.InvalidParameterValue, "Artifact size is too large. Max size is 10MB.")
}
