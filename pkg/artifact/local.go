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

	"github.com/salesctl/salesctl/pkg/disk"
	"github.com/salesctl/salesctl/pkg/fault"
)

// unfinished begins the names of files that are still being written.
const unfinished = ".unfinished-"

// Local keeps artifacts in a folder, which Put creates.
type Local struct{ dir string }

// NewLocal returns a store over the folder.
func NewLocal(dir string) Local { return Local{dir} }

// Put writes into the store's own folder, flushes to the disk, and moves the file
// to its place then, whose folders it makes no sooner: what breaks off leaves
// nothing, not even an empty folder.
func (l Local) Put(ctx context.Context, name string, r io.Reader) error {
	c, err := checked(ctx, name)
	if err != nil {
		return err
	}
	target := filepath.Join(l.dir, filepath.FromSlash(c))
	if err := vacant(target); err != nil {
		return fault.New(fault.Usage, "artifact %s cannot be written: a folder is there, or one of its folders is a file", name)
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return noRoom(err)
	}
	temporary, err := writeUnfinished(ctx, l.dir, r)
	if err != nil {
		return err
	}
	if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		err = move(ctx, temporary, target)
	}
	if err != nil {
		return noRoom(errors.Join(err, os.Remove(temporary)))
	}
	return disk.SyncDir(filepath.Dir(target))
}

// move renames the file. Where a folder of the store lies on another file system,
// it copies.
func move(ctx context.Context, from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	if err := errors.Join(WriteFile(ctx, to, f), f.Close()); err != nil {
		return err
	}
	return os.Remove(from)
}

// vacant reports why no file can be put at the place: a rename would replace a
// device or link that is there.
func vacant(target string) error {
	info, err := os.Lstat(target)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return err
	case err == nil && !info.Mode().IsRegular():
		return fault.New(fault.Usage, "%s is not a regular file and would be replaced", target).WithHint("name a file")
	}
	return nil // what else is wrong, the write will tell
}

// WriteFile writes all of r to a file of the system, replacing what was there.
// It writes beside the target and renames, so that nobody sees half a file. What
// is there and no regular file is a fault.Usage; a disk without room is told by
// fault.ErrFull.
func WriteFile(ctx context.Context, target string, r io.Reader) error {
	if err := vacant(target); fault.Is(err, fault.Usage) {
		return err
	}
	dir := filepath.Dir(target)
	temporary, err := writeUnfinished(ctx, dir, r)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, target); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return disk.SyncDir(dir)
}

// writeUnfinished writes all of r to a new file in the folder, flushes it to the
// disk and returns its name.
func writeUnfinished(ctx context.Context, dir string, r io.Reader) (string, error) {
	// Not os.CreateTemp, whose files nobody else may read whatever the umask.
	f, err := os.OpenFile(filepath.Join(dir, unfinished+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", noRoom(err)
	}
	_, err = io.Copy(f, reader{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", noRoom(errors.Join(err, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// The system's words for a disk without room on Windows, which package syscall
// does not match to its own; other systems use the numbers for other things.
const (
	windowsDiskFull   = syscall.Errno(112) // ERROR_DISK_FULL
	windowsHandleFull = syscall.Errno(39)  // ERROR_HANDLE_DISK_FULL
)

// noRoom tells a disk, quota or limit without room from other errors.
func noRoom(err error) error {
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
	if runtime.GOOS == "windows" {
		full = full || errors.Is(err, windowsDiskFull) || errors.Is(err, windowsHandleFull)
	}
	if !full {
		return err
	}
	return fault.New(fault.Failure, "%w: %w", fault.ErrFull, err).WithHint("free space on the disk, and try again; nothing was changed")
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

// checked is Clean, unless the context has ended, and refuses what is no name of
// an artifact in a folder.
func checked(ctx context.Context, p string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c, err := Clean(p)
	if err != nil {
		return "", err
	}
	if runtime.GOOS == "windows" && strings.ContainsAny(c, `\:`) {
		return "", fault.New(fault.Usage, "artifact path %q has a colon or a backslash, which no name on Windows may have", p)
	}
	for segment := range strings.SplitSeq(c, "/") {
		if strings.HasPrefix(segment, unfinished) {
			return "", fault.New(fault.Usage, "artifact path %q: names that begin with %s are those of files still being written", p, unfinished)
		}
	}
	return c, nil
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
