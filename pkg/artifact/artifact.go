// Package artifact keeps files by slash-separated paths: Put, Get, List and
// Delete, on a local folder here and on other stores behind the same interface.
package artifact

import (
	"context"
	"io"
	"path"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Store keeps artifacts. A path that does not exist is a fault.NotFound, one
// that leaves the store a fault.Usage.
type Store interface {
	// Put writes all of r under the path, replacing what was there. Nobody
	// ever sees a half-written artifact.
	Put(ctx context.Context, path string, r io.Reader) error
	// Get opens the artifact; the caller closes it.
	Get(ctx context.Context, path string) (File, error)
	// List returns the paths that start with the folder, sorted; "" means all.
	List(ctx context.Context, folder string) ([]string, error)
	// Delete removes the artifact.
	Delete(ctx context.Context, path string) error
}

// File is an open artifact, to be read from anywhere.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// clean checks that the path stays inside the store and returns its short form.
func clean(p string) (string, error) {
	c := path.Clean(p)
	if p == "" || c == "." || c == ".." || strings.HasPrefix(c, "../") || path.IsAbs(c) || strings.ContainsAny(c, "\\:\x00") {
		return "", fault.New(fault.Usage, "artifact path %q must be relative, with slashes, and stay inside the store", p)
	}
	return c, nil
}
