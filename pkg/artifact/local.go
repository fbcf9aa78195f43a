package artifact

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/salesctl/salesctl/pkg/fault"
)

// unfinished begins the names of files that are still being written.
const unfinished = ".unfinished-"

// Local keeps artifacts in a folder, which Put creates.
type Local struct{ dir string }

// NewLocal returns a store over the folder.
func NewLocal(dir string) Local { return Local{dir} }

// Put writes beside the target, flushes to the disk, renames and flushes that.
func (l Local) Put(ctx context.Context, name string, r io.Reader) error {
	c, err := checked(ctx, name)
	if err != nil {
		return err
	}
	target := filepath.Join(l.dir, filepath.FromSlash(c))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return WriteFile(ctx, target, r)
}

// WriteFile writes all of r to a file of the system, replacing what was there.
// It writes beside the target and renames, so that nobody sees half a file. What
// is there and no regular file is a fault.Usage: a rename would put a file in the
// place of the device or link.
func WriteFile(ctx context.Context, target string, r io.Reader) error {
	if info, err := os.Lstat(target); err == nil && !info.Mode().IsRegular() {
		return fault.New(fault.Usage, "%s is not a regular file and would be replaced", target).
			WithHint("name a file")
	}
	dir := filepath.Dir(target)
	// Not os.CreateTemp, whose files nobody else may read whatever the umask.
	f, err := os.OpenFile(filepath.Join(dir, unfinished+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, reader{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir flushes a directory, without which a power cut may undo a rename in
// it. Windows has no such call, and some network file systems refuse it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// reader stops reading when the context is cancelled.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Get opens the artifact.
func (l Local) Get(ctx context.Context, path string) (File, error) {
	c, err := checked(ctx, path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(l.dir, filepath.FromSlash(c)))
	if err != nil {
		return nil, notFound(path, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fault.New(fault.NotFound, "artifact %s is a folder", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return file{f, info.Size()}, nil
}

type file struct {
	*os.File
	size int64
}

// Size returns the length in bytes when the file was opened.
func (f file) Size() int64 { return f.size }

// List reads the folder.
func (l Local) List(ctx context.Context, folder string) ([]Entry, error) {
	dir := ""
	if folder != "" {
		c, err := checked(ctx, folder)
		if err != nil {
			return nil, err
		}
		dir = c
	}
	found, err := os.ReadDir(filepath.Join(l.dir, filepath.FromSlash(dir)))
	if absent(err) {
		return nil, ctx.Err()
	}
	var entries []Entry
	for _, f := range found {
		if strings.HasPrefix(f.Name(), unfinished) {
			continue
		}
		e := Entry{Path: path.Join(dir, f.Name()), Dir: f.IsDir()}
		if info, err := f.Info(); err == nil && !e.Dir {
			e.Size = info.Size()
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(err, ctx.Err())
}

// Delete removes the artifact.
func (l Local) Delete(ctx context.Context, path string) error {
	c, err := checked(ctx, path)
	if err != nil {
		return err
	}
	return notFound(path, os.Remove(filepath.Join(l.dir, filepath.FromSlash(c))))
}

// checked is Clean, unless the context has ended.
func checked(ctx context.Context, path string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return Clean(path)
}

// absent reports whether there is no such file, also where a folder on the way to
// it is a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func notFound(path string, err error) error {
	if absent(err) {
		return fault.New(fault.NotFound, "artifact %s not found: %w", path, err)
	}
	return err
}
