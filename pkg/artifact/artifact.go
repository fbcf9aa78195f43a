// Package artifact keeps files by slash-separated paths: Put, Get, List and
// Delete, on a local folder here and on other stores behind the same interface.
// What a store can beyond that (Presigner, Multipart, Divider, Sweeper) is found
// by type assertion.
package artifact

import (
	"context"
	"io"
	"path"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Store keeps artifacts. A path that does not exist is a fault.NotFound, one
// that leaves the store a fault.Usage; a disk without room is told by
// fault.ErrFull, a store that cannot be used at all by an UnusableError.
type Store interface {
	// Put writes all of r under the path, replacing what was there. Nobody
	// ever sees a half-written artifact.
	Put(ctx context.Context, path string, r io.Reader) error
	// Get opens the artifact; the caller closes it.
	Get(ctx context.Context, path string) (File, error)
	// List returns what lies directly in the folder, sorted by path; "" is the
	// root. A folder that does not exist is empty.
	List(ctx context.Context, folder string) ([]Entry, error)
	// Delete removes the artifact.
	Delete(ctx context.Context, path string) error
}

// Entry is a file or a folder of a store.
type Entry struct {
	Path string // from the root of the store
	Dir  bool
	Size int64 // in bytes; 0 for a folder
}

// Presigner is a store whose files can be fetched for a while by whoever knows a
// secret address.
type Presigner interface {
	Presign(ctx context.Context, path string, valid time.Duration) (Address, error)
}

// Address is where, and with which headers, a file is fetched or a part is sent.
type Address struct {
	URL     string
	Headers map[string]string
}

// Multipart is a store that takes a large file in parts, each sent by the caller
// to an address of its own.
type Multipart interface {
	CreateMultipart(ctx context.Context, path string, parts int) (id string, to []Address, err error)
	CompleteMultipart(ctx context.Context, path, id string, parts []Part) error
	AbortMultipart(ctx context.Context, path, id string) error
}

// Part is a part that was sent: its number, from 1, and what the store answered.
type Part struct {
	Number int
	ETag   string
}

// Sweeper is a store that can remove what programs that were killed during an
// upload left in it: what was begun, or last written, before the moment.
type Sweeper interface {
	Sweep(ctx context.Context, before time.Time) (removed int, err error)
}

// UnusableError is in the chain of an error that is not about one artifact: the
// store is away, has gone, or refuses its user.
type UnusableError struct {
	Store string // its address, without secrets
	What  string // what is wrong, for anybody to read
	Err   error  // the details, for the log; never nil
}

// Error returns all of it.
func (e *UnusableError) Error() string { return e.Store + ": " + e.What + ": " + e.Err.Error() }

// Unwrap gives errors.Is and errors.As the way in.
func (e *UnusableError) Unwrap() error { return e.Err }

// File is an open artifact, to be read from anywhere.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Copy writes the whole file. A file that streams better than it is read in
// pieces implements io.WriterTo.
func Copy(w io.Writer, f File) (int64, error) {
	if t, ok := f.(io.WriterTo); ok {
		return t.WriteTo(w)
	}
	return io.Copy(w, io.NewSectionReader(f, 0, f.Size()))
}

// Walk calls f for every file below the folder, in the order of their paths
// within each folder.
func Walk(ctx context.Context, s Store, folder string, f func(Entry) error) error {
	entries, err := s.List(ctx, folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Dir {
			err = Walk(ctx, s, e.Path, f)
		} else {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Clean checks that the path stays inside the store and returns its short form. A
// colon or a backslash is a character as any other: only Local on Windows, where
// they would lead elsewhere, refuses them.
func Clean(p string) (string, error) {
	c := path.Clean(p)
	if p == "" || c == "." || c == ".." || strings.HasPrefix(c, "../") || path.IsAbs(c) || strings.Contains(c, "\x00") {
		return "", fault.New(fault.Usage, "artifact path %q must be relative, with slashes, and stay inside the store", p)
	}
	return c, nil
}
