package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Where the server hands artifacts through.
const (
	proxyScheme = "mlflow-artifacts"
	proxyRoute  = "/api/2.0/mlflow-artifacts/artifacts"
)

// proxied keeps artifacts behind the server.
type proxied struct {
	c    *Client
	root string // slash-separated, without slashes around it; "" is all of them
}

// Artifacts opens the place that an artifact URI of this server names:
// mlflow-artifacts:/PATH, or the same with the server's host. Of others it
// returns a fault.Config that names the scheme.
func (c *Client) Artifacts(uri string) (artifact.Store, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fault.New(fault.Config, "artifact URI %q: %w", uri, errors.Unwrap(err))
	}
	var root string
	switch u.Scheme {
	case proxyScheme:
		root = u.Path + u.Opaque // mlflow-artifacts:PATH, too
	case "http", "https":
		under, ok := strings.CutPrefix(u.Path, c.base.Path+proxyRoute)
		if !ok {
			return nil, fault.New(fault.Config, "artifact URI %s is none of an MLflow server", u.Redacted())
		}
		root = under
	default:
		return nil, fault.New(fault.Config, "artifacts of the scheme %q do not come through the MLflow server", u.Scheme)
	}
	if u.Host != "" && u.Host != c.base.Host {
		// The credentials are this server's. Whoever may name an artifact's place
		// must not get them sent elsewhere.
		return nil, fault.New(fault.Config, "artifact URI %s is on another server than %s", u.Redacted(), c.base)
	}
	root = strings.Trim(root, "/")
	if root != "" {
		if root, err = artifact.Clean(root); err != nil {
			return nil, err
		}
	}
	return proxied{c, root}, nil
}

// at is the route of one artifact.
func (p proxied) at(name string) (string, error) {
	name, err := artifact.Clean(name)
	if err != nil {
		return "", err
	}
	segments := strings.Split(path.Join(p.root, name), "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return proxyRoute + "/" + strings.Join(segments, "/"), nil
}

// Put sends all of r. What cannot be read twice goes through an unnamed temporary
// file first, so that a broken attempt can be repeated and a reader that fails
// leaves nothing on the server.
func (p proxied) Put(ctx context.Context, name string, r io.Reader) (err error) {
	at, err := p.at(name)
	if err != nil {
		return err
	}
	content, size, ok := readerAt(r)
	if !ok {
		t, err := spill(ctx, r)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close()) }()
		content, size = t, t.size
	}
	// Each attempt has a reader of its own: the sender of the one before may still
	// be at work.
	body := func() (io.Reader, error) { return io.NopCloser(io.NewSectionReader(content, 0, size)), nil }
	h, err := p.c.request(ctx, http.MethodPut, at, nil, body)
	if err != nil {
		return err
	}
	h.ContentLength = size
	if size == 0 {
		if err := h.SetBody(nil); err != nil {
			return err
		}
		h.Body = http.NoBody
	}
	h.Header.Set("Content-Type", "application/octet-stream")
	resp, err := p.c.send(p.c.files, h, false)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// readerAt returns what is left of a reader that can be read from anywhere.
func readerAt(r io.Reader) (content io.ReaderAt, size int64, ok bool) {
	at, isAt := r.(io.ReaderAt)
	s, isSeeker := r.(io.Seeker)
	if !isAt || !isSeeker {
		return nil, 0, false
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe is a *os.File, too
		return nil, 0, false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, false
	}
	if _, err := s.Seek(start, io.SeekStart); err != nil {
		return nil, 0, false
	}
	return io.NewSectionReader(at, start, end-start), end - start, true
}

// List returns what lies directly in the folder.
func (p proxied) List(ctx context.Context, folder string) ([]artifact.Entry, error) {
	if folder != "" {
		c, err := artifact.Clean(folder)
		if err != nil {
			return nil, err
		}
		folder = c
	}
	query := url.Values{}
	if full := path.Join(p.root, folder); full != "" {
		query.Set("path", full)
	}
	a, err := call[struct {
		Files []struct {
			Path string `json:"path"`
			Dir  bool   `json:"is_dir"`
			Size int64  `json:"file_size"`
		} `json:"files"`
	}](ctx, p.c, request{method: http.MethodGet, path: proxyRoute, query: query})
	if err != nil {
		return nil, err
	}
	var entries []artifact.Entry
	for _, f := range a.Files {
		// The server answers names, without the folder. One that would leave it
		// must not reach whoever copies the files to a disk.
		name, err := artifact.Clean(f.Path)
		if err != nil {
			return nil, fault.New(fault.Integrity, "MLflow server %s lists a file that is no artifact: %w", p.c.base, err)
		}
		entries = append(entries, artifact.Entry{Path: path.Join(folder, name), Dir: f.Dir, Size: f.Size})
	}
	slices.SortFunc(entries, func(a, b artifact.Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

// Delete removes the artifact. The server would remove a folder with all that is
// in it, and would not mind one that is missing: both are looked for first.
func (p proxied) Delete(ctx context.Context, name string) error {
	at, err := p.at(name)
	if err != nil {
		return err
	}
	clean := path.Clean(name)
	folder := path.Dir(clean)
	if folder == "." {
		folder = ""
	}
	there, err := p.List(ctx, folder)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(there, func(e artifact.Entry) bool { return e.Path == clean && !e.Dir }) {
		return missing(name, nil)
	}
	_, err = call[none](ctx, p.c, request{method: http.MethodDelete, path: at})
	return err
}

// missing is an artifact that is not there.
func missing(name string, cause error) error {
	if cause == nil {
		cause = os.ErrNotExist
	}
	return fault.New(fault.NotFound, "artifact %s not found: %w", name, cause)
}

// notFound turns what the server answers of a file that is missing, or is a
// folder, into the words of artifact.Store.
func notFound(name string, err error) error {
	code := mlflow.CodeOf(err)
	folder := code == mlflow.BadRequest || code == mlflow.InvalidParameterValue
	if fault.Is(err, fault.NotFound) || folder && strings.Contains(err.Error(), "a directory, not a file") {
		return missing(name, err)
	}
	return err
}
