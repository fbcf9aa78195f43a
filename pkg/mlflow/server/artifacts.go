package server

import (
	"context"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// artifactRoutes are the routes that move files.
func (h *handler) artifactRoutes() []route {
	return slices.Concat(
		h.proxyRoutes(),
		api(http.MethodGet, "/artifacts/list", h.listRun),
		api(http.MethodGet, "/logged-models/{model_id}/artifacts/directories", h.listModel),
		api(http.MethodPost, "/artifacts/presigned-upload-url", h.presignUpload),
		api(http.MethodPost, "/artifacts/presigned-download-url", h.presignDownload),
		[]route{
			{http.MethodGet, "/get-artifact", moving(h.getRunFile)},
			{http.MethodGet, "/model-versions/get-artifact", moving(h.getVersionFile)},
			{http.MethodGet, ajaxPath + "/logged-models/{model_id}/artifacts/files", moving(h.getModelFile)},
			{http.MethodPost, ajaxPath + "/upload-artifact", moving(h.uploadToRun)},
		},
	)
}

// proxyRoutes move files between clients and this server's own store, if it has
// one.
func (h *handler) proxyRoutes() []route {
	routes := []route{
		{http.MethodGet, "/2.0/mlflow-artifacts/artifacts", h.listProxied},
		{http.MethodGet, "/2.0/mlflow-artifacts/artifacts/{path...}", moving(h.download)},
		{http.MethodPut, "/2.0/mlflow-artifacts/artifacts/{path...}", moving(h.upload)},
		{http.MethodDelete, "/2.0/mlflow-artifacts/artifacts/{path...}", moving(h.deleteProxied)},
		{http.MethodPost, "/2.0/mlflow-artifacts/mpu/create/{path...}", h.createMultipart},
		{http.MethodPost, "/2.0/mlflow-artifacts/mpu/complete/{path...}", moving(h.completeMultipart)},
		{http.MethodPost, "/2.0/mlflow-artifacts/mpu/abort/{path...}", h.abortMultipart},
		{http.MethodGet, "/2.0/mlflow-artifacts/presigned/{path...}", h.presignProxied},
	}
	if h.Artifacts == nil {
		for i := range routes {
			routes[i].serve = func(http.ResponseWriter, *http.Request) error { return proxyIsOff() }
		}
	}
	return twins(routes)
}

// twins returns the routes below /api, for clients, and below /ajax-api, for the
// web pages.
func twins(routes []route) []route {
	var both []route
	for _, prefix := range []string{"/api", "/ajax-api"} {
		for _, r := range routes {
			r.path = prefix + r.path
			both = append(both, r)
		}
	}
	return both
}

// download sends a file of the proxy.
func (h *handler) download(w http.ResponseWriter, r *http.Request) error {
	p, err := safePath(r.PathValue("path"))
	if err == nil {
		p, err = h.scoped(r.Context(), p)
	}
	if err != nil {
		return err
	}
	return h.send(w, r, place{store: h.Artifacts}, p)
}

// upload takes a file in one stream. The store shows it when it is whole, never
// before.
func (h *handler) upload(_ http.ResponseWriter, r *http.Request) error {
	p, err := safePath(r.PathValue("path"))
	switch {
	case err != nil:
		return err
	case p == "" || strings.HasSuffix(p, "/"):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Artifact path must include a filename (cannot end with '/').")
	}
	if p, err = h.scoped(r.Context(), p); err != nil {
		return err
	}
	return put(r.Context(), h.Artifacts, path.Clean(p), r.Body)
}

// put stores what a client sends. A body that breaks off is told from a store that
// does.
func put(ctx context.Context, s artifact.Store, p string, body io.Reader) error {
	from := &sent{Reader: body}
	err := s.Put(ctx, p, from)
	if from.err != nil {
		return &brokenError{from.err}
	}
	return err
}

// sent is a body that keeps the error it ends with, if that is not its end.
type sent struct {
	io.Reader
	err error
}

// Read reads on.
func (s *sent) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a reader returns io.EOF itself
		s.err = err
	}
	return n, err
}

// deleteProxied deletes a file, or a folder with all that is in it. What is not
// there counts as deleted.
func (h *handler) deleteProxied(w http.ResponseWriter, r *http.Request) error {
	p, err := safeFile(r.PathValue("path"))
	if err == nil {
		p, err = h.scoped(r.Context(), p)
	}
	if err != nil {
		return err
	}
	return done(w, remove(r.Context(), h.Artifacts, path.Clean(p)))
}

// remove deletes what lies below the path before the path itself. A store
// without folders of its own then no longer has the path, nor did it need to.
func remove(ctx context.Context, s artifact.Store, p string) error {
	below, err := s.List(ctx, p)
	if err != nil {
		return err
	}
	for _, e := range below {
		if e.Dir {
			err = remove(ctx, s, e.Path)
		} else {
			err = s.Delete(ctx, e.Path)
		}
		if err != nil && !fault.Is(err, fault.NotFound) { // somebody else may delete it, too
			return err
		}
	}
	if err := s.Delete(ctx, p); !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// fileInfo is a file or a folder as MLflow lists it.
type fileInfo struct {
	Path  string `json:"path"`
	IsDir bool   `json:"is_dir"`
	Size  int64  `json:"file_size,omitempty"`
}

// fileList is a folder's content.
type fileList struct {
	Root  string     `json:"root_uri,omitempty"`
	Files []fileInfo `json:"files,omitempty"`
}

// listProxied lists a folder of the proxy by the names in it.
func (h *handler) listProxied(w http.ResponseWriter, r *http.Request) error {
	p, err := safePath(r.URL.Query().Get("path"))
	if err == nil {
		p, err = h.scoped(r.Context(), p)
	}
	if err != nil {
		return err
	}
	files, err := listFolder(r.Context(), place{store: h.Artifacts}, p)
	for i := range files {
		files[i].Path = path.Base(files[i].Path)
	}
	if err != nil {
		return err
	}
	return answer(w, fileList{Files: files})
}

// listFolder lists a folder of a place; the paths are those below the place.
func listFolder(ctx context.Context, at place, below string) ([]fileInfo, error) {
	entries, err := at.store.List(ctx, at.folder(below))
	if err != nil {
		return nil, err
	}
	if below != "" {
		below = strings.TrimRight(below, "/") + "/"
	}
	files := make([]fileInfo, 0, len(entries))
	for _, e := range entries {
		files = append(files, fileInfo{below + path.Base(e.Path), e.Dir, e.Size})
	}
	return files, nil
}
