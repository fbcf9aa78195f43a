package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// The ids that stand for RUN and MODEL in recorded answers.
const (
	testRun   = "0123456789abcdef0123456789abcdef"
	testModel = "m-0123456789abcdef0123456789abcdef"
)

// oneRun is a tracking server that knows one run and one logged model.
type oneRun struct {
	mlflow.Tracking
	uri string // of the run's artifacts
}

func (o oneRun) GetRun(_ context.Context, id string) (mlflow.Run, error) {
	if id != testRun {
		return mlflow.Run{}, mlflow.Errorf(mlflow.ResourceDoesNotExist, "Run with id=%s not found", id)
	}
	return mlflow.Run{Info: mlflow.RunInfo{ID: id, ExperimentID: "0", ArtifactURI: o.uri}}, nil
}

func (o oneRun) GetLoggedModel(_ context.Context, id string) (mlflow.LoggedModel, error) {
	if id != testModel {
		return mlflow.LoggedModel{}, mlflow.Errorf(mlflow.ResourceDoesNotExist, "Logged model with ID '%s' not found.", id)
	}
	return mlflow.LoggedModel{Info: mlflow.LoggedModelInfo{ID: id, ArtifactURI: "mlflow-artifacts:/0/models/" + id + "/artifacts"}}, nil
}

// oneVersion is a registry that knows version 1 of "name".
type oneVersion struct{ mlflow.Registry }

func (oneVersion) ModelVersionDownloadURI(_ context.Context, name, version string) (string, error) {
	if name != "name" || version != "1" {
		return "", mlflow.Errorf(mlflow.ResourceDoesNotExist, "Model Version (name=%s, version=%s) not found", name, version)
	}
	return "mlflow-artifacts:/0/" + testRun + "/artifacts/dir", nil
}

// artifactServer serves the routes for artifacts over the store.
func artifactServer(t *testing.T, o Options) *httptest.Server {
	t.Helper()
	if o.Tracking == nil {
		o.Tracking = oneRun{uri: "mlflow-artifacts:/0/" + testRun + "/artifacts"}
	}
	o.Registry = oneVersion{}
	s := httptest.NewServer(New(o))

	t.Cleanup(s.Close)
	return s
}

// reply is an answer with its body read.
type reply struct {
	*http.Response
	body string
}

// ask sends a request whose path goes over the wire as it stands.
func ask(t *testing.T, s *httptest.Server, method, path string, body io.Reader, head map[string]string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	at, query, _ := strings.Cut(path, "?")
	plain, err := url.PathUnescape(at)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = plain, at, query
	for k, v := range head {
		r.Header.Set(k, v)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{got, string(b)}
}

// recorded is a request and what MLflow's own server answered.
type recorded struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Body    *string           `json:"body"`
	Send    map[string]string `json:"send"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Answer  string            `json:"answer"`
}

// differs lists the requests that we answer otherwise, with our status and why.
var differs = map[string]struct {
	status int
	why    string
}{
	"PUT /api/2.0/mlflow-artifacts/artifacts/dir":              {400, "MLflow answers 500 where a folder is in the way"},
	"PUT /api/2.0/mlflow-artifacts/artifacts/.":                {400, "the same, of the root"},
	"PUT /api/2.0/mlflow-artifacts/artifacts/%2e":              {400, "the same, of the root"},
	"GET /api/2.0/mlflow-artifacts/artifacts/a%0ab":            {404, "FastAPI finds no route, we no file"},
	"DELETE /api/2.0/mlflow-artifacts/artifacts/%2fetc/passwd": {400, "MLflow redirects to etc/passwd, inside its root"},
	"DELETE /api/2.0/mlflow-artifacts/artifacts":               {307, "http.ServeMux redirects to the address with a slash, which is refused"},
	"GET /get-artifact?run_id=RUN":                             {400, "MLflow answers an HTML page"},
	"GET /model-versions/get-artifact?name=name&version=1":     {400, "MLflow answers an HTML page"},
	"PUT /api/2.0/mlflow-artifacts/artifacts/a.txt/below":      {400, "MLflow answers 500 where a file is in the way"},
	"GET /api/2.0/mlflow-artifacts/artifacts/missing":          {404, ""},
}

// TestArtifactsAnswerAsMLflow replays what testdata/artifacts.py recorded, in its
// order, for later requests read what earlier ones wrote.
func TestArtifactsAnswerAsMLflow(t *testing.T) {
	raw, err := os.ReadFile("testdata/artifacts.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Answers []recorded }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(t.TempDir())})
	ids := strings.NewReplacer("RUN", testRun, "MODEL", testModel)
	for _, want := range file.Answers {
		t.Run(want.Method+" "+want.Path, func(t *testing.T) {
			var body io.Reader
			if want.Body != nil {
				body = strings.NewReader(ids.Replace(*want.Body))
			}
			got := ask(t, s, want.Method, ids.Replace(want.Path), body, want.Send)
			if d, ok := differs[want.Method+" "+want.Path]; ok {
				if got.StatusCode != d.status {
					t.Errorf("status %d, want %d: %s", got.StatusCode, d.status, got.body)
				}
				return
			}
			want.compare(t, got, ids)
		})
	}
}

// compare holds our answer against MLflow's: status and headers, a file's bytes,
// a message's members, an error's code and text.
func (want recorded) compare(t *testing.T, got reply, ids *strings.Replacer) {
	t.Helper()
	if got.StatusCode != want.Status {
		t.Fatalf("status %d, want %d: %s", got.StatusCode, want.Status, got.body)
	}
	if want.Status == http.StatusRequestedRangeNotSatisfiable {
		want.Answer = got.body // a text for people
	}
	for k, v := range want.Headers {
		if k == "Content-Type" && want.Status == http.StatusRequestedRangeNotSatisfiable {
			continue
		}
		if g := got.Header.Get(k); g != v && (k != "X-Content-Type-Options" || want.Headers["Content-Disposition"] != "") {
			t.Errorf("%s: %q, want %q", k, g, v)
		}
	}
	text := ids.Replace(want.Answer)
	if want.Headers["Content-Type"] != "application/json" || text == "" {
		if got.body != text {
			t.Errorf("body %q, want %q", got.body, text)
		}
		return
	}
	var g, w map[string]any
	if err := errors.Join(json.Unmarshal([]byte(got.body), &g), json.Unmarshal([]byte(text), &w)); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if detail, ok := w["detail"]; ok { // FastAPI's form; ours is MLflow's everywhere
		w = map[string]any{"error_code": "INVALID_PARAMETER_VALUE", "message": detail}
		delete(g, "sqlstate")
		delete(g, "error_class")
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("-MLflow +ours\n%s", d)
	}
}

// A path that was read anywhere and passed stays where it is asked of.
func FuzzSafePath(f *testing.F) {
	for _, p := range []string{"a/b", "..", "%2e%2e/x", "%25252e.", "/etc", "file:///x", "a#b", `..\x`, "a%00b", "%", "%zz", " ../x", ".\t./x", "..?", "..;", "#", "\xff", "%ff", "a:b", `a\b`, "C:/x", `\\s\x`} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		got, err := safePath(p)
		if err != nil {
			if mlflow.CodeOf(err) != mlflow.InvalidParameterValue || err.Error() != "Invalid path" {
				t.Errorf("%q: %v", p, err)
			}
			return
		}
		if strings.Contains("/"+got+"/", "/../") || strings.HasPrefix(got, "/") || strings.ContainsAny(got, "\x00\n") || !inside(got) {
			t.Errorf("%q leads out: %q", p, got)
		}
		if _, err := safePath(got); err != nil {
			t.Errorf("%q became %q, which is refused", p, got)
		}
		if _, err := artifact.Clean("x/" + got); err != nil {
			t.Errorf("%q passed as %q, which the store refuses: %v", p, got, err)
		}
	})
}

// inside reports whether the path names something in whatever folder it is joined
// to, on this system.
func inside(p string) bool {
	root := filepath.Join(string(filepath.Separator), "root")
	at := filepath.Join(root, filepath.FromSlash(p))
	return at == root || strings.HasPrefix(at, root+string(filepath.Separator))
}

func TestSafePath(t *testing.T) {
	for in, want := range map[string]string{
		"": "", ".": ".", "a/b": "a/b", "a/": "a/", "%61": "a", "%2561": "a", "100%": "100%", "dog%step%1": "dog%step%1",
		"x?y": "x?y", "x?": "x", "#": "", "a\x01b": "a%01b", "\xc3\xa9": "é", "%c3%a9": "é", "%ff": "\ufffd",
		"a:b": "a:b", "d/C:x": "d/C:x", `a\b`: `a\b`, `..\x`: `..\x`, `\x`: `\x`, "files:x": "files:x", "s3://b/x": "s3://b/x",
	} {
		if runtime.GOOS == "windows" && strings.ContainsAny(in, `\:`) {
			want = "" // refused there
		}
		if got, err := safePath(in); (err != nil) != (want == "" && in != "" && in != "#") || got != want {
			t.Errorf("safePath(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"C:/x", `c:\x`, "C%3A%5Cx", `\\server\share`, `\/server/share`, "file:x", "FILE:x", "file:///x", "/x", "a/../b", "a#b"} {
		if got, err := safePath(in); err == nil {
			t.Errorf("safePath(%q) = %q", in, got)
		}
	}
}

// Paths of every spelling either stay in the store's folder or are refused.
func TestNoPathLeavesTheStore(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(filepath.Join(dir, "store"))})
	for _, p := range []string{"../secret", "..%2fsecret", "%2e%2e/secret", "%252e%252e%252fsecret", "a/../../secret", "./../secret",
		"%2f" + secret[1:], "file:" + secret, "file:%2f%2f" + secret, "%5c%5chost%5csecret", "C:%5csecret", "%09../secret", ".%09./secret"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			got := ask(t, s, method, "/api/2.0/mlflow-artifacts/artifacts/"+p, strings.NewReader("x"), nil)
			if got.StatusCode < 400 || strings.Contains(got.body, "secret\"") && got.StatusCode == 200 {
				t.Errorf("%s %s: %d %s", method, p, got.StatusCode, got.body)
			}
		}
		for _, q := range []string{"/get-artifact?run_id=" + testRun + "&path=", "/api/2.0/mlflow/artifacts/list?run_id=" + testRun + "&path="} {
			if got := ask(t, s, http.MethodGet, q+url.QueryEscape(p), nil, nil); got.StatusCode != http.StatusBadRequest {
				t.Errorf("%s%s: %d %s", q, p, got.StatusCode, got.body)
			}
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
		t.Errorf("the file outside: %q, %v", b, err)
	}
}

func TestProxyThatIsOff(t *testing.T) {
	s := artifactServer(t, Options{})
	for _, path := range []string{"/api/2.0/mlflow-artifacts/artifacts", "/api/2.0/mlflow-artifacts/artifacts/x", "/get-artifact?run_id=" + testRun + "&path=x"} {
		if got := ask(t, s, http.MethodGet, path, nil, nil); got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "--artifacts-destination") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

// Runs keep their files at a folder of the server's machine, or at the proxy's
// full address.
func TestFilesOfRunsElsewhere(t *testing.T) {
	dir := t.TempDir()
	inside := artifact.NewLocal(filepath.Join(dir, "inside"))
	outside := artifact.NewLocal(filepath.Join(dir, "outside"))
	for s, name := range map[artifact.Store]string{inside: "exp/r/dir/in.txt", outside: "dir/out.txt"} {
		if err := s.Put(t.Context(), name, strings.NewReader(name)); err != nil {
			t.Fatal(err)
		}
	}
	openOutside := func(uri string) (artifact.Store, error) {
		if uri != "file:///outside" {
			return nil, fault.New(fault.Usage, "no such place: %s", uri)
		}
		return outside, nil
	}
	for uri, want := range map[string]string{
		"file:///outside":                                      `{"path":"dir/out.txt","is_dir":false,"file_size":11}`,
		"mlflow-artifacts:/exp/r":                              `{"path":"dir/in.txt","is_dir":false,"file_size":16}`,
		"mlflow-artifacts://host:5000/exp/r":                   `{"path":"dir/in.txt","is_dir":false,"file_size":16}`,
		"http://h/api/2.0/mlflow-artifacts/artifacts/exp/r":    `{"path":"dir/in.txt","is_dir":false,"file_size":16}`,
		"https://h/p/api/2.0/mlflow-artifacts/artifacts/exp/r": `{"path":"dir/in.txt","is_dir":false,"file_size":16}`,
		"http://h/elsewhere":                                   "INVALID_PARAMETER_VALUE",
		"ftp://h/x":                                            "INVALID_PARAMETER_VALUE",
		"mlflow-artifacts:/../x":                               "INVALID_PARAMETER_VALUE",
	} {
		s := artifactServer(t, Options{Tracking: oneRun{uri: uri}, Artifacts: inside, Open: openOutside})
		if got := ask(t, s, http.MethodGet, "/api/2.0/mlflow/artifacts/list?path=dir&run_id="+testRun, nil, nil); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", uri, got.body)
		}
	}
}

func TestUploadOfAPageHasALimit(t *testing.T) {
	dir := t.TempDir()
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(dir)})
	path := "/ajax-api/2.0/mlflow/upload-artifact?path=x&run_uuid=" + testRun
	for _, body := range []io.Reader{bytes.NewReader(make([]byte, maxPageUpload+1)), io.LimitReader(zeroReader{}, maxPageUpload+1)} {
		if got := ask(t, s, http.MethodPost, path, body, nil); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "Max size is 10MB.") {
			t.Errorf("%T: %d %s", body, got.StatusCode, got.body)
		}
	}
	if got := ask(t, s, http.MethodPost, path, bytes.NewReader(make([]byte, maxPageUpload)), nil); got.StatusCode != http.StatusOK {
		t.Errorf("just small enough: %d %s", got.StatusCode, got.body)
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { return len(p), nil }

func TestContentType(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt": "text/plain", "b/MLmodel": "text/plain", "c.JSON": "application/json", "d.csv": "text/plain", "e.html": "text/html",
		"f.tar.gz": "application/x-tar", "g.PNG": "image/png", "h": "application/octet-stream", ".yaml": "application/octet-stream", "i.pkl": "application/octet-stream", "j.csv.gz": "text/csv",
	} {
		if got := contentType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
