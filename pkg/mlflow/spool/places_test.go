package spool_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow/spool"
)

// What waits for one place is not seen from another, and each place is told by its
// name.
func TestPlaces(t *testing.T) {
	root := filepath.Join(t.TempDir(), "spool")
	if got, err := spool.Places(root); err != nil || got != nil {
		t.Fatalf("without a folder: %v, %v", got, err)
	}
	for place, records := range map[string]int{"http://b:5000": 2, "http://a:5000": 1, "/empty/mlflow.db": 0} {
		s, err := spool.OpenFor(root, place, spool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range records {
			if err := s.Write(t.Context(), plain("a run")); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.Len(); err != nil || n != records {
			t.Errorf("%s holds %d records, %v; want %d", place, n, err, records)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "of-somebody-else"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := spool.Places(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []spool.Place{{Name: "http://a:5000", Records: 1}, {Name: "http://b:5000", Records: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
