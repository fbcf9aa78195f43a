package artifact_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/artifact/artifacttest"
	"github.com/salesctl/salesctl/pkg/fault"
)

func TestLocal(t *testing.T) {
	artifacttest.Run(t, func(t *testing.T) artifact.Store {
		dir := filepath.Join(t.TempDir(), "made", "on", "demand")
		t.Cleanup(func() { wholeFilesOnly(t, dir) })
		return artifact.NewLocal(dir)
	})
}

// wholeFilesOnly looks for files that a broken Put left behind, which List hides.
func wholeFilesOnly(t *testing.T, dir string) {
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteFileReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	places := []string{filepath.Join(dir, "folder"), filepath.Join(dir, "link")}
	if err := errors.Join(os.Mkdir(places[0], 0o755), os.Symlink("elsewhere", places[1])); err != nil {
		t.Skip(err) // Windows may refuse the link
	}
	for _, place := range places {
		if err := artifact.WriteFile(t.Context(), place, strings.NewReader("x")); !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file is no folder, a folder is no file: the text names the artifact, not where
// the store lies, and nothing is made on the way.
func TestPutWhereSomethingElseIs(t *testing.T) {
	dir := t.TempDir()
	s := artifact.NewLocal(dir)
	if err := s.Put(t.Context(), "a/file", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"a", "a/file/below"} {
		err := s.Put(t.Context(), path, strings.NewReader("y"))
		if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", path, err)
		}
	}
	wholeFilesOnly(t, dir)
}

// A store that divides itself is asked to, so that its parts keep its abilities.
func TestSubAsksADivider(t *testing.T) {
	d := divider{Store: artifact.NewLocal(t.TempDir())}
	if got, ok := artifact.Sub(d, "a//b/").(divider); !ok || got.at != "a/b" {
		t.Errorf("got %#v", got)
	}
	if _, ok := artifact.Sub(d, "../b").(divider); ok {
		t.Error("it was asked to divide outside of itself")
	}
}

type divider struct {
	artifact.Store
	at string
}

func (d divider) Sub(folder string) artifact.Store { return divider{d.Store, folder} }
