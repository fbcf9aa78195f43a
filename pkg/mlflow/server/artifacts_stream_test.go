package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
)

// An upload that breaks off leaves nothing, and what was there stays.
func TestHalfAnUploadLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(dir)})
	const path = "/api/2.0/mlflow-artifacts/artifacts/x"
	ask(t, s, http.MethodPut, path, strings.NewReader("whole"), nil)
	broken := io.MultiReader(strings.NewReader(strings.Repeat("y", 1<<20)), errReader{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+path, broken)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := http.DefaultClient.Do(r); err == nil {
		got.Body.Close()
		t.Fatal("the upload did not break off")
	}
	s.Close() // waits for the handler
	if b, err := os.ReadFile(filepath.Join(dir, "x")); err != nil || string(b) != "whole" {
		t.Errorf("x: %q, %v", b, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// errReader breaks at once.
type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

// sink counts what is put and gives endless files, so that nothing but the
// server's own memory is measured.
type sink struct {
	artifact.Store
	got int64
}

func (s *sink) Put(_ context.Context, _ string, r io.Reader) (err error) {
	s.got, err = io.Copy(io.Discard, r)
	return err
}

func (s *sink) Get(context.Context, string) (artifact.File, error) { return zeros(1 << 30), nil }

// zeros is a file of so many bytes.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (zeros) Close() error  { return nil }
func (z zeros) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(z) {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(z)-at)
	clear(p[:n])
	return int(n), nil
}

// A gigabyte goes in and out without the heap noticing.
func TestArtifactsStream(t *testing.T) {
	const size = 1 << 30
	store := &sink{}
	s := artifactServer(t, Options{Artifacts: store})
	const path = "/api/2.0/mlflow-artifacts/artifacts/big"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+path, io.NewSectionReader(zeros(size), 0, size))
	if err != nil {
		t.Fatal(err)
	}
	put, err := http.DefaultClient.Do(r)
	if err != nil || put.StatusCode != http.StatusOK || store.got != size {
		t.Fatalf("put: %v, %v, %d bytes", put, err, store.got)
	}
	put.Body.Close()
	got, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if n, err := io.Copy(io.Discard, got.Body); err != nil || n != size {
		t.Fatalf("get: %d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d bytes were allocated for %d that passed", grown, 2*size)
	}
}

// A store that breaks in the middle of a file cuts the connection: the client
// must not take half a file, or an error's text, for the whole.
func TestABrokenDownloadIsNoticed(t *testing.T) {
	s := artifactServer(t, Options{Artifacts: breaking{}})
	got, err := http.Get(s.URL + "/api/2.0/mlflow-artifacts/artifacts/x")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

type breaking struct{ artifact.Store }

func (breaking) Get(context.Context, string) (artifact.File, error) { return half{zeros(1 << 20)}, nil }

// half is a file whose second half cannot be read.
type half struct{ zeros }

func (h half) ReadAt(p []byte, at int64) (int, error) {
	if at >= h.Size()/2 {
		return 0, errors.New("the disk broke")
	}
	return h.zeros.ReadAt(p, at)
}

// Ranges that go back and forth give the bytes asked for, not those read ahead.
func TestRangesInAnyOrder(t *testing.T) {
	store := artifact.NewLocal(t.TempDir())
	if err := store.Put(t.Context(), "x", strings.NewReader("0123456789")); err != nil {
		t.Fatal(err)
	}
	s := artifactServer(t, Options{Artifacts: store})
	got := ask(t, s, http.MethodGet, "/api/2.0/mlflow-artifacts/artifacts/x", nil, map[string]string{"Range": "bytes=7-8,1-2"})
	if at7, at1 := strings.Index(got.body, "\r\n\r\n78\r\n"), strings.Index(got.body, "\r\n\r\n12\r\n"); got.StatusCode != http.StatusPartialContent || at7 < 0 || at1 < at7 {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
}
