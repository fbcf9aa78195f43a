package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/auth"
)

// TestScopeOfEveryRoute holds that a key which may only look reaches nothing that
// changes something.
func TestScopeOfEveryRoute(t *testing.T) {
	reads := []string{
		"experiments/search", "search-datasets", "runs/search", "logged-models/search", "get-latest-versions",
		"presigned-download-url", "graphql",
	}
	h := &handler{}
	for _, r := range h.routes() {
		path := strings.NewReplacer("{path...}", "a/search", "{", "", "}", "", "...", "").Replace(r.path)
		want := auth.TrackingWrite
		if r.method == http.MethodGet {
			want = auth.TrackingRead
		}
		for _, end := range reads {
			if r.method == http.MethodPost && strings.HasSuffix(r.path, end) {
				want = auth.TrackingRead
			}
		}
		for _, prefix := range []string{"", "/mlflow"} {
			if got := Scope(httptest.NewRequest(r.method, prefix+path, nil)); got != want {
				t.Errorf("%s %s needs %s, want %s", r.method, prefix+path, got, want)
			}
		}
	}
}

func TestScopeIsNotFooledByNames(t *testing.T) {
	for _, c := range []struct{ method, path string }{
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x/search"},
		{"DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/x/graphql"},
		{"POST", "/api/2.0/mlflow-artifacts/mpu/create/a/search"},
		{"POST", "/api/2.0/mlflow-artifacts/mpu/complete/api/2.0/mlflow/runs/search"},
		{"DELETE", "/api/2.0/mlflow/logged-models/m-1/tags/search"},
		{"PATCH", "/api/2.0/mlflow/registered-models/update"},
		{"POST", "/a/b/graphql"},
	} {
		if got := Scope(httptest.NewRequest(c.method, c.path, nil)); got != auth.TrackingWrite {
			t.Errorf("%s %s needs %s", c.method, c.path, got)
		}
	}
}
