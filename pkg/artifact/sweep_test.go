package artifact_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// What a killed program left is removed when it is old; what another is writing
// now, and what only looks like it, stays.
func TestSweep(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{".unfinished-old": 2 * time.Hour, ".unfinished-new": time.Minute, "unfinished-old": 2 * time.Hour, "x": 2 * time.Hour} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".unfinished-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	n, err := artifact.NewLocal(dir).Sweep(t.Context(), now.Add(-time.Hour))
	if n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	var left []string
	found, err := os.ReadDir(dir)
	for _, f := range found {
		left = append(left, f.Name())
	}
	if want := []string{".unfinished-folder", ".unfinished-new", "unfinished-old", "x"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q, %v", left, want, err)
	}
	if n, err := artifact.NewLocal(filepath.Join(dir, "absent")).Sweep(t.Context(), now); n != 0 || err != nil {
		t.Errorf("a folder that is not there: %d, %v", n, err)
	}
}

// Nobody can get at a file while it is written, nor put one that looks like it
// and would be swept.
func TestUnfinishedFilesAreOutOfReach(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".unfinished-x"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := artifact.NewLocal(dir)
	for _, path := range []string{".unfinished-x", "./.unfinished-x", "a/.unfinished-x", ".unfinished-x/b"} {
		_, got := s.Get(t.Context(), path)
		_, listed := s.List(t.Context(), path)
		for i, err := range []error{s.Put(t.Context(), path, strings.NewReader("x")), got, listed, s.Delete(t.Context(), path)} {
			if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), ".unfinished-") {
				t.Errorf("call %d of %s: %v", i, path, err)
			}
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, ".unfinished-x")); err != nil || string(b) != "half" {
		t.Errorf("%q, %v", b, err)
	}
}
