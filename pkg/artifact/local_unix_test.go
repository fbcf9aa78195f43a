//go:build unix

package artifact_test

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// Artifacts are as private as the user's umask makes them.
func TestWriteFileHonoursTheUmask(t *testing.T) {
	for umask, want := range map[int]os.FileMode{0o022: 0o644, 0o077: 0o600} {
		defer syscall.Umask(syscall.Umask(umask))
		path := filepath.Join(t.TempDir(), "x")
		if err := artifact.WriteFile(t.Context(), path, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("under umask %03o: mode %03o, want %03o", umask, got, want)
		}
	}
}

// A limit on the size of files stands for a full disk: the fault says so, with
// what to do, and nothing stays, not even a folder.
func TestFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err := artifact.NewLocal(dir).Put(t.Context(), "a/b/large", strings.NewReader(strings.Repeat("x", 1<<20)))
	if restored := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, fault.ErrFull) || !strings.Contains(fault.HintOf(err), "free space") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
