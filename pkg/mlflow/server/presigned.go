package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// How long an address is good for, in seconds: without a wish, and at most. S3
// signs for no more than a week.
const (
	defaultValid = 300
	maxValid     = 7 * 24 * 60 * 60
)

// presignProxied answers with an address from which the client may fetch a file
// of the proxy past this server.
func (h *handler) presignProxied(w http.ResponseWriter, r *http.Request) error {
	below, err := safePath(r.PathValue("path"))
	if err == nil {
		below, err = h.scoped(r.Context(), below)
	}
	if err != nil {
		return err
	}
	if _, ok := h.Artifacts.(artifact.Presigner); !ok {
		return mlflow.Errorf(mlflow.NotImplemented, "Multipart download is not supported for the current artifact repository")
	}
	to, size, err := presign(r.Context(), place{store: h.Artifacts}, below, defaultValid)
	if err != nil {
		return err
	}
	return answer(w, struct {
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Size    int64             `json:"file_size"`
	}{to.URL, headers(to), size})
}

// headers are the address's, an empty object where it has none.
func headers(a artifact.Address) map[string]string {
	if a.Headers == nil {
		return map[string]string{}
	}
	return a.Headers
}

// presign signs an address for a file that is there.
func presign(ctx context.Context, at place, below string, seconds int) (artifact.Address, int64, error) {
	p, ok := at.store.(artifact.Presigner)
	if !ok {
		return artifact.Address{}, 0, mlflow.Errorf(mlflow.NotImplemented,
			"Presigned download is not supported for the current artifact repository")
	}
	f, err := open(ctx, at, below)
	if err != nil {
		return artifact.Address{}, 0, err
	}
	size := f.Size()
	if err := f.Close(); err != nil {
		return artifact.Address{}, 0, err
	}
	to, err := p.Presign(ctx, at.folder(below), time.Duration(seconds)*time.Second)
	return to, size, err
}

// presignDownload answers with an address of a file of a run whose artifacts are
// not behind the proxy.
func (h *handler) presignDownload(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r).need("run_id", "path")
	id, file := q.str("run_id"), q.str("path")
	seconds, given := q.int("expiration")
	if q.err != nil {
		return q.err
	}
	if !given {
		seconds = defaultValid
	}
	below, err := safePath(file)
	if err != nil {
		return err
	}
	if seconds < 1 || seconds > maxValid {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "expiration must be between 1 and %d seconds (got %d).", maxValid, seconds)
	}
	run, err := h.Tracking.GetRun(r.Context(), id)
	if err != nil {
		return err
	}
	if scheme, ok := proxied(run.Info.ArtifactURI); ok {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Presigned download is not supported for runs with proxied artifact storage "+
			"(artifact URI scheme: %s). This endpoint requires a run with a direct cloud storage artifact URI.", scheme)
	}
	at, err := h.place(r.Context(), run.Info.ArtifactURI)
	if err != nil {
		return err
	}
	to, size, err := presign(r.Context(), at, below, seconds)
	if err != nil {
		return err
	}
	return answer(w, struct {
		URL     string            `json:"presigned_url"`
		Headers map[string]string `json:"headers,omitempty"`
		Size    int64             `json:"file_size"`
	}{to.URL, to.Headers, size})
}

// presignUpload answers why there is no address to upload to: files of the proxy
// come through it, whole or in parts, and no other store signs one.
func (h *handler) presignUpload(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r).need("path")
	run, model, file := q.str("run_id"), q.str("model_id"), q.str("path")
	if q.err != nil {
		return q.err
	}
	if (run == "") == (model == "") {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Exactly one of run_id and model_id must be provided.")
	}
	if _, err := safePath(file); err != nil {
		return err
	}
	uri, err := h.artifactURI(r.Context(), run, model)
	if err != nil {
		return err
	}
	if scheme, ok := proxied(uri); ok {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Presigned upload is not supported for proxied artifact storage "+
			"(artifact URI scheme: %s). This endpoint requires a direct cloud storage artifact URI.", scheme)
	}
	return mlflow.Errorf(mlflow.NotImplemented, "Presigned upload is not supported for the current artifact repository")
}

// artifactURI returns where the run keeps its files, or else the logged model.
func (h *handler) artifactURI(ctx context.Context, run, model string) (string, error) {
	if run != "" {
		got, err := h.Tracking.GetRun(ctx, run)
		return got.Info.ArtifactURI, err
	}
	got, err := h.Tracking.GetLoggedModel(ctx, model)
	return got.Info.ArtifactURI, err
}

// proxied reports whether files at the URI come through a proxy such as this
// server, and the URI's scheme.
func proxied(uri string) (scheme string, ok bool) {
	scheme, _, _ = strings.Cut(uri, ":")
	return scheme, scheme == "mlflow-artifacts" || scheme == "http" || scheme == "https"
}
