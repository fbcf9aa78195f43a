package server

import (
	"net/http"
	"path"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// maxParts is the most parts that an upload to S3 may have.
const maxParts = 10_000

// credential is where, and with which headers, the client sends a part.
type credential struct {
	URL     string            `json:"url"`
	Part    int               `json:"part_number"`
	Headers map[string]string `json:"headers,omitempty"`
}

// createMultipart begins an upload whose parts the client sends past this
// server.
func (h *handler) createMultipart(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r).need("path")
	parts, _ := q.int("num_parts")
	store, name, err := h.multipart(r, q)
	if err != nil {
		return err
	}
	if parts < 0 || parts > maxParts {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "num_parts must be between 0 and %d (got %d).", maxParts, parts)
	}
	id, to, err := store.CreateMultipart(r.Context(), name, parts)
	if err != nil {
		return err
	}
	var created struct {
		ID          string       `json:"upload_id,omitempty"`
		Credentials []credential `json:"credentials,omitempty"`
	}
	created.ID = id
	for i, a := range to {
		created.Credentials = append(created.Credentials, credential{a.URL, i + 1, a.Headers})
	}
	return answer(w, created)
}

// completeMultipart joins the parts that were sent to the file.
func (h *handler) completeMultipart(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r).need("path", "parts")
	id := q.str("upload_id")
	parts := each(q, "parts", func(p *reader) artifact.Part {
		n, _ := p.int("part_number")
		return artifact.Part{Number: n, ETag: p.str("etag")}
	})
	store, name, err := h.multipart(r, q)
	if err != nil {
		return err
	}
	return done(w, store.CompleteMultipart(r.Context(), name, id, parts))
}

// abortMultipart drops the parts that were sent.
func (h *handler) abortMultipart(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r).need("path")
	id := q.str("upload_id")
	store, name, err := h.multipart(r, q)
	if err != nil {
		return err
	}
	return done(w, store.AbortMultipart(r.Context(), name, id))
}

// multipart returns the store, if it takes files in parts, and the file that the
// request is about: its folder stands in the address, and in the message its
// path on the client's machine, whose last element is its name.
func (h *handler) multipart(r *http.Request, q *reader) (artifact.Multipart, string, error) {
	folder, err := safePath(r.PathValue("path"))
	if err == nil {
		folder, err = h.scoped(r.Context(), folder)
	}
	if err != nil {
		return nil, "", err
	}
	file := q.str("path")
	if q.err != nil {
		return nil, "", q.err
	}
	name, err := safeFile(path.Base(file))
	if err != nil {
		return nil, "", err
	}
	store, ok := h.Artifacts.(artifact.Multipart)
	if !ok {
		return nil, "", mlflow.Errorf(mlflow.NotImplemented, "Multipart upload is not supported for the current artifact repository")
	}
	return store, path.Join(folder, name), nil
}
