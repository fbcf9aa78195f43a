// Package disk keeps small files whole, whatever ends the program or the power,
// and gives locks to programs that share a folder.
//
//  1. WriteFile writes beside the file's place, flushes, renames, and flushes the
//     folder: a reader sees the old file or the new one.
//  2. SyncDir is the last of these steps by itself, for those who write streams.
//  3. TryLock takes a lock that the system gives back when the program ends: one
//     that crashed leaves none behind.
package disk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Unfinished begins the names of files that WriteFile is still writing. Those
// that are left belong to programs which died.
const Unfinished = ".unfinished"

// WriteFile puts the bytes into the file, in the place of what was there, for the
// owner only: what lies in it may be confidential. When it returns nil they are on
// the disk; on an error the file is as it was.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, Unfinished+"-*") // whose files nobody else may read, whatever the umask
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(dir)
}

// SyncDir flushes a folder, without which a power cut may undo a rename in it.
// Windows has no such call, and some network file systems refuse it.
func SyncDir(dir string) error {
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
