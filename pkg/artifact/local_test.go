package artifact

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

func read(t *testing.T, s Store, path string) string {
	t.Helper()
	f, err := s.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLocalRoundTrip(t *testing.T) {
	s := NewLocal(filepath.Join(t.TempDir(), "made", "on", "demand"))
	for path, body := range map[string]string{"a/b.txt": "one", "a/c/d": "", "z": "three"} {
		if err := s.Put(t.Context(), path, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, path); got != body {
			t.Errorf("%s: %q, want %q", path, got, body)
		}
	}
	if err := s.Put(t.Context(), "z", strings.NewReader("replaced")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "z"); got != "replaced" {
		t.Errorf("z: %q", got)
	}
	all, err := s.List(t.Context(), "")
	if want := []string{"a/b.txt", "a/c/d", "z"}; err != nil || !slices.Equal(all, want) {
		t.Errorf("List: %v, %v, want %v", all, err, want)
	}
	below, err := s.List(t.Context(), "a/c")
	if err != nil || !slices.Equal(below, []string{"a/c/d"}) {
		t.Errorf("List a/c: %v, %v", below, err)
	}
	if err := s.Delete(t.Context(), "z"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Delete(t.Context(), "z"), second(s.Get(t.Context(), "z")), second(s.Get(t.Context(), "a"))} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("want not found, got %v", err)
		}
	}
}

func second(_ File, err error) error { return err }

func TestLocalListOfNothing(t *testing.T) {
	got, err := NewLocal(filepath.Join(t.TempDir(), "absent")).List(t.Context(), "")
	if err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLocalRefusesPathsThatLeave(t *testing.T) {
	s := NewLocal(t.TempDir())
	for _, path := range []string{"", ".", "..", "../x", "a/../../x", "/etc/passwd", `a\b`, "c:x", "a\x00"} {
		if err := s.Put(t.Context(), path, strings.NewReader("x")); !fault.Is(err, fault.Usage) {
			t.Errorf("Put %q: %v", path, err)
		}
	}
}

func TestWriteFileReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	places := []string{filepath.Join(dir, "folder"), filepath.Join(dir, "link")}
	if err := errors.Join(os.Mkdir(places[0], 0o755), os.Symlink("elsewhere", places[1])); err != nil {
		t.Skip(err) // Windows may refuse the link
	}
	for _, place := range places {
		if err := WriteFile(t.Context(), place, strings.NewReader("x")); !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// failing gives some bytes, then breaks.
type failing struct{ given bool }

var errBroken = errors.New("broken")

func (f *failing) Read(p []byte) (int, error) {
	if f.given {
		return 0, errBroken
	}
	f.given = true
	return copy(p, "half"), nil
}

func TestLocalPutIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	s := NewLocal(dir)
	if err := s.Put(t.Context(), "x", strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "x", &failing{}); !errors.Is(err, errBroken) {
		t.Errorf("want the reader's error, got %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(cancelled, "x", strings.NewReader("other")); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, got %v", err)
	}
	if got := read(t, s, "x"); got != "whole" {
		t.Errorf("x is %q after failed writes", got)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
