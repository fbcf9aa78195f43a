package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

func TestArtifactURIs(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.EscapedPath()
		_, _ = io.WriteString(w, "x")
	}))
	defer s.Close()
	c := open(t, s.URL+"/pre")
	host := strings.TrimPrefix(s.URL, "http://")
	for uri, want := range map[string]string{
		"mlflow-artifacts:/1/abc/artifacts":                   "1/abc/artifacts/",
		"mlflow-artifacts:1/abc":                              "1/abc/",
		"mlflow-artifacts:/":                                  "",
		"mlflow-artifacts://" + host + "/1/":                  "1/",
		s.URL + "/pre/api/2.0/mlflow-artifacts/artifacts/1/x": "1/x/",
		"mlflow-artifacts:/a%20b/c":                           "a%20b/c/",
	} {
		store, err := c.Artifacts(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		f, err := store.Get(t.Context(), "d 1/50%?.txt")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if want := "/pre/api/2.0/mlflow-artifacts/artifacts/" + want + "d%201/50%25%3F.txt"; got != want {
			t.Errorf("%s: asked for %s, want %s", uri, got, want)
		}
	}
	for uri, want := range map[string]string{
		"s3://bucket/x":                    `"s3"`,
		"file:///srv/x":                    `"file"`,
		"/srv/x":                           `""`,
		"mlflow-artifacts://elsewhere/x":   "another server",
		"http://elsewhere/x":               "none of an MLflow server",
		s.URL + "/x":                       "none of an MLflow server",
		"mlflow-artifacts://u:p@evil/x":    "another server",
		"mlflow-artifacts:/a/../../b":      "inside the store",
		"mlflow-artifacts:/%zz":            "invalid URL escape",
		"https://" + host + "/pre/api/2.0": "none of an MLflow server",
	} {
		if _, err := c.Artifacts(uri); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%s: %v, want %s", uri, err, want)
		}
	}
}

// A server that lists what leaves the folder must not get a file written there.
func TestListedNamesStayInside(t *testing.T) {
	c := dial(t, answer(200, "application/json", `{"files":[{"path":"../../etc/passwd","is_dir":false}]}`))
	s, err := c.Artifacts("mlflow-artifacts:/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(t.Context(), ""); !fault.Is(err, fault.Integrity) {
		t.Errorf("%v", err)
	}
}

// download serves a body of 1,000 bytes and counts how often it is asked for.
func download(t *testing.T, h http.HandlerFunc) artifact.File {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s, err := dial(t, h).Artifacts("mlflow-artifacts:/x")
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Get(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadingInAnyOrder(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 100)
	for name, h := range map[string]func(http.ResponseWriter){
		"known length":   func(w http.ResponseWriter) { w.Header().Set("Content-Length", strconv.Itoa(len(body))) },
		"unknown length": func(w http.ResponseWriter) { w.WriteHeader(200); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			f := download(t, func(w http.ResponseWriter, _ *http.Request) { h(w); _, _ = w.Write(body) })
			for range 2 { // by stream, from the middle, by stream again
				var b bytes.Buffer
				if n, err := artifact.Copy(&b, f); err != nil || n != f.Size() || !bytes.Equal(b.Bytes(), body) {
					t.Fatalf("%d of %d bytes, %v", n, f.Size(), err)
				}
				p := make([]byte, 10)
				if n, err := f.ReadAt(p, 985); err != nil || string(p[:n]) != "5678901234" {
					t.Fatalf("%q, %v", p[:n], err)
				}
				if n, err := f.ReadAt(p, 995); err != io.EOF || string(p[:n]) != "56789" {
					t.Fatalf("at the end: %q, %v", p[:n], err)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestDownloadsThatBreakOff(t *testing.T) {
	h := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	f := download(t, h)
	if _, err := artifact.Copy(io.Discard, f); !fault.Is(err, fault.Unavailable) {
		t.Errorf("as a stream: %v", err)
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); !fault.Is(err, fault.Unavailable) {
		t.Errorf("from anywhere: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestArtifactThatChanges(t *testing.T) {
	body := "one"
	f := download(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body); body += "more" })
	defer f.Close()
	if _, err := artifact.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
}

func TestUploadsThatCannotBeRead(t *testing.T) {
	asked := 0
	s, err := dial(t, func(http.ResponseWriter, *http.Request) { asked++ }).Artifacts("mlflow-artifacts:/x")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := s.Put(t.Context(), "f", io.MultiReader(strings.NewReader("half"), failing{broken})); !errors.Is(err, broken) || asked != 0 {
		t.Errorf("%v after %d requests", err, asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "f", strings.NewReader("x")); !errors.Is(err, context.Canceled) || asked != 0 {
		t.Errorf("cancelled: %v after %d requests", err, asked)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
