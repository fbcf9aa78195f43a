package etl

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Input is a CSV to read.
type Input struct {
	Name   string    // the path as the user gave it, "-" for standard input
	Reader io.Reader // standard input or data in memory; nil opens the file Name
	// TempDir takes the copy of an Input that cannot be read twice, such as a
	// pipe; empty means the system's.
	TempDir string
}

// label names the input in messages.
func (in Input) label() string {
	if in.Name == "-" {
		return "standard input"
	}
	return in.Name
}

// source is an opened Input, which can be read from its start again and again.
type source struct {
	io.ReadSeeker
	start int64
	close func()
}

// open opens the input; what cannot seek is copied to a temporary file, which
// close removes.
func (in Input) open(ctx context.Context) (*source, error) {
	r := in.Reader
	closeFile := func() {}
	if r == nil {
		f, err := os.Open(in.Name)
		if err != nil {
			return nil, in.openFault(err)
		}
		closeFile = func() { _ = f.Close() }
		r = f
	}
	s, err := in.seekable(ctx, r)
	if err != nil {
		closeFile()
		return nil, err
	}
	closeCopy := s.close
	s.close = func() { closeCopy(); closeFile() }
	return s, nil
}

// seekable returns r itself where it can be read twice, else a copy.
func (in Input) seekable(ctx context.Context, r io.Reader) (*source, error) {
	s, ok := r.(io.ReadSeeker)
	if f, isFile := r.(*os.File); isFile {
		info, err := f.Stat()
		if err != nil {
			return nil, fault.New(fault.Failure, "%s: %w", in.label(), err)
		}
		if info.IsDir() {
			return nil, fault.New(fault.Invalid, "%s is a directory", in.label()).
				WithHint("give one CSV file, or join several: their lines behind one header")
		}
		ok = info.Mode().IsRegular()
	}
	if !ok {
		return in.spool(ctx, r)
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fault.New(fault.Failure, "%s: %w", in.label(), err)
	}
	return &source{s, start, func() {}}, nil
}

// spool copies r to a temporary file. A read that blocks, as on a terminal, does
// not hold up a cancellation: the reading goroutine is left to fail on the
// closed file.
func (in Input) spool(ctx context.Context, r io.Reader) (*source, error) {
	f, err := os.CreateTemp(in.TempDir, "salesctl-*.csv")
	if err != nil {
		return nil, fault.New(fault.Failure, "keep %s for its second reading: %w", in.label(), err)
	}
	// Closed first: Windows does not remove an open file.
	s := &source{f, 0, func() { _, _ = f.Close(), os.Remove(f.Name()) }}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, cancelled{ctx, r})
		done <- err
	}()
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-done:
	}
	if err != nil {
		s.close()
		return nil, in.readFault(ctx, err)
	}
	return s, nil
}

func (in Input) openFault(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Failure, "%w", err)
	}
	e := fault.New(fault.NotFound, "there is no file %s", in.Name)
	if path, err := filepath.Abs(in.Name); err == nil && path != in.Name {
		return e.WithHint("it was looked for as %s; - reads standard input", path)
	}
	return e.WithHint("check the path; - reads standard input")
}

func (in Input) readFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Failure, "read %s: %w", in.label(), err)
}

// rewind returns a reader of the whole source that also writes what it reads to
// w and stops when ctx is cancelled.
func (s *source) rewind(ctx context.Context, w io.Writer) (io.Reader, error) {
	if _, err := s.Seek(s.start, io.SeekStart); err != nil {
		return nil, err
	}
	return io.TeeReader(cancelled{ctx, s.ReadSeeker}, w), nil
}

// cancelled is a reader that fails once its context is done.
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
