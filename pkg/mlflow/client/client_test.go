package client_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial returns a client of the handler that hardly waits between attempts.
func dial(t *testing.T, h http.HandlerFunc, change ...func(*client.Options)) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return open(t, s.URL, change...)
}

func open(t *testing.T, uri string, change ...func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URI: uri, Backoff: 1}
	for _, f := range change {
		f(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func answer(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAddresses(t *testing.T) {
	for uri, want := range map[string]string{
		"http://127.0.0.1:5000":          "http://127.0.0.1:5000",
		"https://example.org/mlflow/x//": "https://example.org/mlflow/x",
		"HTTP://[::1]:80/":               "http://[::1]:80",
	} {
		c, err := client.New(client.Options{URI: uri})
		if err != nil || c.URI() != want {
			t.Errorf("%s: %v, %v", uri, c, err)
		}
	}
	for uri, want := range map[string]string{
		"":                                "empty",
		"./mlruns":                        "a folder",
		"mlruns":                          "a folder",
		"/srv/mlruns":                     "a folder",
		`C:\mlruns`:                       "a folder",
		"file:///srv/mlruns":              "a folder",
		"databricks":                      "Databricks",
		"databricks://profile":            "Databricks",
		"databricks-uc":                   "Databricks",
		"sqlite:///mlflow.db":             "a database (sqlite)",
		"mysql+pymysql://u:geheim@h/db":   "a database (mysql)",
		"postgresql://u:geheim@h/db":      "a database (postgresql)",
		"localhost:5000":                  "the scheme localhost",
		"s3://bucket/x":                   "the scheme s3",
		"http://":                         "no web address",
		"http://u:geheim@h":               "credentials",
		"http://h/?password=geheim":       "a query",
		"http://h:port%zz/":               "no web address",
		"https://token-geheim@host/x#geh": "credentials",
	} {
		_, err := client.New(client.Options{URI: uri})
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), want) || fault.HintOf(err) == "" {
			t.Errorf("%q: %v, hint %q, want %q", uri, err, fault.HintOf(err), want)
			continue
		}
		if strings.Contains(err.Error()+fault.HintOf(err), "geheim") {
			t.Errorf("%q: the error tells the password: %v", uri, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	for want, o := range map[string]client.Options{
		"Basic dTpw": {Username: "u", Password: "p", Token: "t"}, // MLflow's order
		"Bearer t":   {Username: "u", Token: "t"},
		"":           {},
	} {
		var got string
		c := dial(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") },
			func(to *client.Options) { to.Username, to.Password, to.Token = o.Username, o.Password, o.Token })
		if _, err := c.GetRun(t.Context(), "x"); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	for _, o := range []client.Options{{Username: "u"}, {Password: "p"}} {
		o.URI = "http://h"
		if _, err := client.New(o); !fault.Is(err, fault.Config) {
			t.Errorf("half of the credentials: %v", err)
		}
	}
}

// attempts counts the requests that a client sends until it gives up, or until
// the handler is content.
func attempts(t *testing.T, retries int, h http.HandlerFunc, do func(*client.Client) error) (int, error) {
	t.Helper()
	var n atomic.Int32
	c := dial(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1); h(w, r) },
		func(o *client.Options) { o.Retries = retries })
	err := do(c)
	return int(n.Load()), err
}

func TestWhatIsTriedAgain(t *testing.T) {
	getRun := func(c *client.Client) error { _, err := c.GetRun(t.Context(), "x"); return err }
	setTag := func(c *client.Client) error { return c.SetTag(t.Context(), "x", mlflow.Tag{Key: "k"}) }
	listWorkspaces := func(c *client.Client) error { _, err := c.ListWorkspaces(t.Context()); return err }
	createRun := func(c *client.Client) error { _, err := c.CreateRun(t.Context(), mlflow.NewRun{}); return err }
	createVersion := func(c *client.Client) error {
		_, err := c.CreateModelVersion(t.Context(), mlflow.NewVersion{})
		return err
	}
	put := func(c *client.Client) error {
		s, err := c.Artifacts("mlflow-artifacts:/x")
		if err != nil {
			return err
		}
		return s.Put(t.Context(), "f", io.MultiReader(strings.NewReader("no seeker")))
	}
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	for _, tt := range []struct {
		name    string
		retries int
		h       http.HandlerFunc
		do      func(*client.Client) error
		want    int
		kind    fault.Kind
	}{
		{"500", 0, answer(500, "text/plain", "x"), getRun, 8, fault.Unavailable},
		{"408", 2, answer(408, "text/plain", "x"), getRun, 3, fault.Unavailable},
		{"429", 2, answer(429, "text/plain", "x"), setTag, 3, fault.Unavailable},
		{"503", 2, answer(503, "text/plain", "x"), put, 3, fault.Unavailable},
		{"no more", -1, answer(503, "text/plain", "x"), getRun, 1, fault.Unavailable},
		{"a state that stays", 2, answer(500, "application/json", `{"error_code":"INVALID_STATE","message":"why"}`), setTag, 1, fault.Conflict},
		{"a state that passes", 2, answer(500, "application/json", `{"error_code":"INTERNAL_ERROR","message":"why"}`), setTag, 3, fault.Failure},
		{"no workspaces", 2, answer(503, "text/plain", "x"), listWorkspaces, 1, fault.Usage},
		{"501", 2, answer(501, "text/plain", "x"), getRun, 1, fault.Unavailable},
		{"400", 2, answer(400, "text/plain", "x"), getRun, 1, fault.Usage},
		{"broken connection", 2, hangUp, setTag, 3, fault.Unavailable},
		{"a run that may be there", 2, hangUp, createRun, 1, fault.Unavailable},
		{"a version that may be there", 2, answer(502, "text/plain", "x"), createVersion, 1, fault.Unavailable},
		{"a run that cannot be there", 2, answer(429, "text/plain", "x"), createRun, 3, fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := attempts(t, tt.retries, tt.h, tt.do)
			if n != tt.want || !fault.Is(err, tt.kind) {
				t.Errorf("%d attempts, kind %v: %v; want %d, kind %v", n, fault.KindOf(err), err, tt.want, tt.kind)
			}
			if strings.HasPrefix(tt.name, "a state") && err.Error() != "why" {
				t.Errorf("%v, want what the server said", err)
			}
		})
	}
}

func TestRefusedConnectionsAreTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	var waits atomic.Int32
	c := open(t, "http://"+addr, func(o *client.Options) {
		o.Retries = 3
		o.Rand = func() float64 { waits.Add(1); return 0 }
	})
	_, err = c.CreateRun(t.Context(), mlflow.NewRun{})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), addr) || !strings.Contains(fault.HintOf(err), "/health") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
	if waits.Load() != 2 { // the first retry does not wait
		t.Errorf("waited %d times", waits.Load())
	}
}

func TestAttemptsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(503)
	}, func(o *client.Options) { o.Backoff = 1 << 50 })
	if _, err := c.GetRun(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, got %v", err)
	}
}

func TestRetriedUploadsAreWhole(t *testing.T) {
	body := strings.Repeat("0123456789", 100_000)
	var tries atomic.Int32
	var got string
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) < 3 { // answer before the end of the body
			w.WriteHeader(503)
			return
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(raw)) {
			t.Errorf("%d of %d bytes, %v", len(raw), r.ContentLength, err)
		}
		got = string(raw)
	})
	s, err := c.Artifacts("mlflow-artifacts:/x")
	if err != nil {
		t.Fatal(err)
	}
	r := strings.NewReader("skipped" + body)
	if _, err := r.Seek(int64(len("skipped")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "f", r); err != nil || got != body || tries.Load() != 3 {
		t.Errorf("%v, %d bytes of %d after %d tries", err, len(got), len(body), tries.Load())
	}
}

func TestErrors(t *testing.T) {
	const token = "geheimes-token"
	for _, tt := range []struct {
		name         string
		h            http.HandlerFunc
		kind         fault.Kind
		code         mlflow.Code
		says, hinted string
	}{
		{"MLflow's own", answer(404, "application/json", `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Run with id=x not found"}`),
			fault.NotFound, mlflow.ResourceDoesNotExist, "Run with id=x not found", ""},
		{"an unknown code", answer(400, "application/json", `{"error_code":"ODD","message":"odd"}`), fault.Failure, "ODD", "odd", ""},
		{"no credentials", answer(401, "text/html", "<h1>no</h1>"), fault.Auth, mlflow.Unauthenticated, "refuses the credentials", "MLFLOW_TRACKING_TOKEN"},
		{"no permission", answer(403, "application/json", `{"error_code":"PERMISSION_DENIED","message":"Permission denied"}`),
			fault.Auth, mlflow.PermissionDenied, "Permission denied", "MLFLOW_TRACKING_USERNAME"},
		{"no such route", answer(404, "text/html", "<h1>404</h1>"), fault.NotFound, mlflow.EndpointNotFound, "GET /api/2.0/mlflow/runs/get (404)", "/health"},
		{"a gateway", answer(502, "text/html", "<h1>nginx</h1>"), fault.Unavailable, mlflow.TemporarilyUnavailable, "502 Bad Gateway", "log"},
		{"text", answer(503, "text/plain", "disabled:\n  "+token+" "+strings.Repeat("x", 999)), fault.Unavailable, mlflow.TemporarilyUnavailable, "disabled: *** xxx", "log"},
		{"FastAPI's", answer(400, "application/json", `{"detail":"is a directory"}`), fault.Usage, mlflow.BadRequest, "is a directory", ""},
		{"a login page", answer(200, "text/html", "<h1>log in</h1>"), fault.Failure, mlflow.InternalError, "text/html", "proxy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, tt.h, func(o *client.Options) { o.Token, o.Retries = token, -1 })
			_, err := c.GetRun(t.Context(), "x")
			if !fault.Is(err, tt.kind) || mlflow.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) ||
				!strings.Contains(fault.HintOf(err), tt.hinted) {
				t.Errorf("kind %v, code %s, hint %q: %v", fault.KindOf(err), mlflow.CodeOf(err), fault.HintOf(err), err)
			}
			if text := err.Error() + fault.HintOf(err); strings.Contains(text, token) || len(text) > 800 {
				t.Errorf("too much is told: %s", text)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	var seen []string
	h := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.URL.Path)
			if to, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
				http.Redirect(w, r, to+"?x=geheim", status)
			}
		}
	}
	tag := mlflow.Tag{Key: "k", Value: "v"}
	old := func(o *client.Options) { o.URI += "/old" }
	if err := dial(t, h(307), old).SetTag(t.Context(), "x", tag); err != nil || !slices.Equal(seen, []string{"POST /old/api/2.0/mlflow/runs/set-tag", "POST /api/2.0/mlflow/runs/set-tag"}) {
		t.Errorf("307: %v, %v", seen, err)
	}
	seen = nil
	err := dial(t, h(301), old).SetTag(t.Context(), "x", tag)
	if !fault.Is(err, fault.Config) || len(seen) != 1 || !strings.Contains(fault.HintOf(err), "http://127.0.0.1") || strings.Contains(err.Error()+fault.HintOf(err), "geheim") {
		t.Errorf("301: %v, %v, hint %q", seen, err, fault.HintOf(err))
	}
}

func TestOldServersHaveNoLoggedModels(t *testing.T) {
	c := dial(t, answer(404, "text/html", "<h1>404</h1>"))
	_, err := c.CreateLoggedModel(t.Context(), mlflow.NewLoggedModel{})
	if mlflow.CodeOf(err) != mlflow.EndpointNotFound || !strings.Contains(err.Error(), "older than MLflow 3") {
		t.Errorf("%v", err)
	}
}

func TestBatchesAreCut(t *testing.T) {
	var got []string
	c := dial(t, func(_ http.ResponseWriter, r *http.Request) {
		var b struct {
			RunID string `json:"run_id"`
			mlflow.Batch
		}
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil || b.RunID != "x" {
			t.Errorf("%v, run %q", err, b.RunID)
		}
		got = append(got, fmt.Sprint(len(b.Params), len(b.Tags), len(b.Metrics)))
	})
	err := c.LogBatch(t.Context(), "x", mlflow.Batch{
		Params: make([]mlflow.Param, 150), Tags: make([]mlflow.Tag, 3), Metrics: make([]mlflow.Metric, 2000),
	})
	if want := []string{"100 0 0", "50 3 947", "0 0 1000", "0 0 53"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	got = nil
	if err := c.LogBatch(t.Context(), "x", mlflow.Batch{}); err != nil || !slices.Equal(got, []string{"0 0 0"}) {
		t.Errorf("the empty batch: %v, %v", got, err)
	}
}

func TestListsOfIDsAreCut(t *testing.T) {
	ids := make([]string, 101)
	n := 0
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		_, _ = io.WriteString(w, `{"metrics":[{"key":"k"}],"dataset_summaries":[{"name":"d"}]}`)
	})
	m, err := c.MetricIntervals(t.Context(), mlflow.IntervalQuery{RunIDs: ids, Key: "k"})
	if err != nil || len(m) != 2 || n != 2 {
		t.Errorf("%d requests, %d metrics, %v", n, len(m), err)
	}
	n = 0
	d, err := c.SearchDatasets(t.Context(), ids)
	if err != nil || len(d) != 6 || n != 6 {
		t.Errorf("%d requests, %d datasets, %v", n, len(d), err)
	}
}

func TestCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(answer(200, "application/json", "{}"))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of refused handshakes
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	ca, junk := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "junk.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := errors.Join(os.WriteFile(ca, cert, 0o600), os.WriteFile(junk, []byte("junk"), 0o600)); err != nil {
		t.Fatal(err)
	}
	get := func(change func(*client.Options)) error {
		_, err := open(t, s.URL, change).GetRun(t.Context(), "x")
		return err
	}
	if err := get(func(o *client.Options) { o.CA = ca }); err != nil {
		t.Errorf("with the CA: %v", err)
	}
	if err := get(func(o *client.Options) { o.Insecure = true }); err != nil {
		t.Errorf("insecure: %v", err)
	}
	err := get(func(*client.Options) {})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.HintOf(err), "MLFLOW_TRACKING_SERVER_CERT_PATH") {
		t.Errorf("without: %v, hint %q", err, fault.HintOf(err))
	}
	for _, file := range []string{junk, filepath.Join(dir, "absent")} {
		if _, err := client.New(client.Options{URI: s.URL, CA: file}); !fault.Is(err, fault.Config) {
			t.Errorf("%s: %v", file, err)
		}
	}
	plain := httptest.NewServer(answer(200, "application/json", "{}"))
	defer plain.Close()
	_, err = open(t, strings.Replace(plain.URL, "http:", "https:", 1)).GetRun(t.Context(), "x")
	if !fault.Is(err, fault.Config) || !strings.Contains(fault.HintOf(err), "not https") {
		t.Errorf("https to an http server: %v, hint %q", err, fault.HintOf(err))
	}
}
