//go:build unix

package artifact_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
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
