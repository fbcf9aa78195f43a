package server

import (
	"archive/zip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

// The pages of these tests: a first page and a script.
var testPages = map[string]string{"index.html": "<html>first</html>", "static/js/main.1.js": "run()", "static/css/main.1.css": "p{}", "favicon.ico": "icon"}

// writePages writes the pages below the folder.
func writePages(t *testing.T, dir string) string {
	t.Helper()
	for name, body := range testPages {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writeWheel packs the pages.
func writeWheel(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "mlflow-3.17.2-py3-none-any.whl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, body := range testPages {
		w, err := z.Create(pagesBelow + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPages(t *testing.T) {
	for _, ui := range []string{writePages(t, t.TempDir()), writeWheel(t, t.TempDir())} {
		for _, prefix := range []string{"", "/mlflow"} {
			s := httptest.NewServer(New(Options{UI: ui, StaticPrefix: prefix}))
			t.Cleanup(s.Close)
			for path, want := range map[string]struct {
				status            int
				body, kind, cache string
			}{
				"/":                                   {200, testPages["index.html"], "text/html; charset=utf-8", "no-cache"},
				"/static-files/static/js/main.1.js":   {200, "run()", "text/javascript; charset=utf-8", "public, max-age=2419200"},
				"/static-files/static/css/main.1.css": {200, "p{}", "text/css; charset=utf-8", "public, max-age=2419200"},
				"/static-files/favicon.ico":           {200, "icon", "image/vnd.microsoft.icon", "public, max-age=2419200"},
				"/static-files/index.html":            {200, testPages["index.html"], "text/html; charset=utf-8", "public, max-age=2419200"},
				"/static-files/static":                {404, "", "application/json", ""},
				"/static-files/":                      {404, "", "application/json", ""},
				"/static-files/missing.js":            {404, "", "application/json", ""},
				"/static-files/..%2f..%2fsecret":      {404, "", "application/json", ""},
				"/index.html":                         {404, "", "application/json", ""},
				"/anything":                           {404, "", "application/json", ""},
			} {
				got := ask(t, s, http.MethodGet, prefix+path, nil, nil)
				if got.StatusCode != want.status || want.body != "" && got.body != want.body ||
					got.Header.Get("Content-Type") != want.kind || got.Header.Get("Cache-Control") != want.cache {
					t.Errorf("%s, %s%s: %d %q %v", filepath.Base(ui), prefix, path, got.StatusCode, got.body, got.Header)
				}
			}
		}
	}
	s := httptest.NewServer(New(Options{UI: t.TempDir(), StaticPrefix: "/mlflow"}))
	defer s.Close()
	if got := ask(t, s, http.MethodGet, "/mlflow", nil, nil); got.StatusCode/100 != 3 || got.Header.Get("Location") != "/mlflow/" {
		t.Errorf("the prefix without its slash: %d %v", got.StatusCode, got.Header)
	}
}

func TestServerWithoutPagesSaysSo(t *testing.T) {
	s := httptest.NewServer(New(Options{}))
	defer s.Close()
	if got := ask(t, s, http.MethodGet, "/", nil, nil); got.StatusCode != http.StatusOK || !strings.Contains(got.body, "--mlflow-ui-dir") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestServerInfo(t *testing.T) {
	s := httptest.NewServer(New(Options{}))
	defer s.Close()
	const want = `{"features_enabled":{"gateway":false},"multipart_downloads_enabled":false,"multipart_uploads_enabled":false,` +
		`"presigned_upload_model_id_supported":true,"presigned_upload_run_id_supported":true,"store_type":"SqlStore",` +
		`"trace_archival_enabled":false,"workspaces_enabled":false}`
	for _, path := range []string{"/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"} {
		if got := ask(t, s, http.MethodGet, path, nil, nil); got.body != want {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := ask(t, s, http.MethodGet, "/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=api/2.0/endpoints/", nil, nil); got.body != `{"endpoints":[]}` {
		t.Errorf("gateway-proxy: %s", got.body)
	}
	for method, want := range map[string]string{http.MethodGet: `"disable_ui_telemetry":true`, http.MethodPost: `{"status":"disabled"}`} {
		if got := ask(t, s, method, "/ajax-api/3.0/mlflow/ui-telemetry", nil, nil); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", method, got.body)
		}
	}
}

func TestFindUI(t *testing.T) {
	venv, bare := t.TempDir(), t.TempDir()
	packages := filepath.Join(venv, "lib", "python3.11", "site-packages")
	pages := writePages(t, filepath.Join(packages, filepath.FromSlash(pagesBelow)))
	wheel := writeWheel(t, bare)
	if err := os.MkdirAll(filepath.Join(venv, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(venv, "bin", "python3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bare, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hint string
		env  map[string]string
		want string
	}{
		{pages, nil, pages},
		{packages, nil, pages},
		{venv, nil, pages},
		{wheel, nil, wheel},
		{"auto", map[string]string{"VIRTUAL_ENV": venv}, pages},
		{"auto", map[string]string{"PATH": bare + string(filepath.ListSeparator) + filepath.Join(venv, "bin")}, pages},
		{"auto", map[string]string{"PATH": bare, "HOME": bare}, ""},
		{"auto", nil, ""},
		{bare, nil, ""},
		{filepath.Join(bare, "missing"), nil, ""},
		{filepath.Join(bare, "missing.whl"), nil, ""},
	} {
		got, err := FindUI(c.hint, func(name string) string { return c.env[name] })
		if got != c.want || (c.want == "") != fault.Is(err, fault.NotFound) {
			t.Errorf("%s %v: %q, %v", c.hint, c.env, got, err)
		}
		if err != nil && !strings.Contains(fault.HintOf(err), "pip download") {
			t.Errorf("%s: the hint is %q", c.hint, fault.HintOf(err))
		}
	}
}
