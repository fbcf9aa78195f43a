package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// Get opens the artifact. Read as a whole, by artifact.Copy, it streams from the
// server; the first ReadAt takes it into an unnamed temporary file.
func (p proxied) Get(ctx context.Context, name string) (artifact.File, error) {
	at, err := p.at(name)
	if err != nil {
		return nil, err
	}
	f := &file{ctx: ctx, c: p.c, name: name, at: at}
	if f.body, f.size, err = f.open(); err != nil {
		return nil, err
	}
	if f.size < 0 { // the server does not say how long it is
		if err := f.keep(); err != nil {
			return nil, err
		}
		f.size = f.kept.size
	}
	return f, nil
}

// file is an artifact that is still on its way, or has come.
type file struct {
	ctx      context.Context // of Get, as of a http.Request: the answer's body lives as long
	c        *Client
	name, at string
	size     int64

	mu   sync.Mutex
	body io.ReadCloser // unread; nil after it was used
	kept *temporary    // nil until somebody reads from the middle
}

// open asks for the bytes.
func (f *file) open() (io.ReadCloser, int64, error) {
	h, err := f.c.request(f.ctx, http.MethodGet, f.at, nil, nil)
	if err != nil {
		return nil, 0, err
	}
	h.Header.Set("Accept-Encoding", "identity") // else the length is that of the compressed bytes
	resp, err := f.c.send(f.c.files, h, false)
	if err != nil {
		return nil, 0, notFound(f.name, err)
	}
	return resp.Body, resp.ContentLength, nil
}

// take returns the unread body, asking again where it is used.
func (f *file) take() (io.ReadCloser, error) {
	if b := f.body; b != nil {
		f.body = nil
		return b, nil
	}
	b, size, err := f.open()
	if err == nil && f.size >= 0 && size >= 0 && size != f.size {
		err = errors.Join(fault.New(fault.Conflict, "artifact %s changed while it was read", f.name), b.Close())
	}
	return b, err
}

// keep takes the bytes into a temporary file.
func (f *file) keep() error {
	if f.kept != nil {
		return nil
	}
	b, err := f.take()
	if err != nil {
		return err
	}
	f.kept, err = spill(f.ctx, b)
	return f.lost(errors.Join(err, b.Close()))
}

// lost is a connection that broke in the middle of the bytes.
func (f *file) lost(err error) error {
	if err == nil || f.ctx.Err() != nil {
		return errors.Join(err, f.ctx.Err())
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Unavailable, "artifact %s: MLflow server %s ended the answer before its end: %w", f.name, f.c.base, err).
			WithHint("try again")
	}
	return err
}

// Size returns the length in bytes.
func (f *file) Size() int64 { return f.size }

// ReadAt reads from anywhere.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	err := f.keep()
	kept := f.kept // which a Close meanwhile takes away
	f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return kept.ReadAt(p, off)
}

// WriteTo writes the whole file.
func (f *file) WriteTo(w io.Writer) (n int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != nil {
		return io.Copy(w, io.NewSectionReader(f.kept, 0, f.size))
	}
	b, err := f.take()
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(w, b)
	return n, f.lost(errors.Join(err, b.Close()))
}

// Close gives up what is still on its way, and the temporary file.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.body != nil {
		_ = f.body.Close() // nobody misses the rest
		f.body = nil
	}
	if f.kept != nil {
		err = f.kept.Close()
		f.kept = nil
	}
	return err
}

// temporary is a file that goes with its Close, and where the system allows it
// has no name even before.
type temporary struct {
	*os.File
	size int64
}

// spill writes all of r to a temporary file.
func spill(ctx context.Context, r io.Reader) (*temporary, error) {
	f, err := os.CreateTemp("", "salesctl-artifact-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // Windows keeps the name of an open file; Close removes it
	t := &temporary{File: f}
	if t.size, err = io.Copy(f, cancelled{ctx, r}); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Close removes the file.
func (t *temporary) Close() error {
	err := t.File.Close()
	if rm := os.Remove(t.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

// cancelled stops reading when the context is.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
