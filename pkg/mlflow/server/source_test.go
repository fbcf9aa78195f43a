package server

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// An operator may narrow down where the files of versions lie.
func TestSourcesMustMatch(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), "sqlite:///"+t.TempDir()+"/mlflow.db", sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.CreateRegisteredModel(t.Context(), mlflow.NewRegisteredModel{Name: "m"}); err != nil {
		t.Fatal(err)
	}
	h := New(Options{Tracking: s, Registry: s, Sources: regexp.MustCompile(`^s3://ours/`)})
	for source, want := range map[string]struct {
		status int
		answer string
	}{
		"s3://ours/model":   {http.StatusOK, `"version":"1"`},
		"s3://theirs/model": {http.StatusBadRequest, "Invalid model version source: 's3://theirs/model'."},
		"":                  {http.StatusBadRequest, "source"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/api/2.0/mlflow/model-versions/create", strings.NewReader(`{"name": "m", "source": "`+source+`"}`))
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(w, r)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.answer) {
			t.Errorf("%q: %d %s", source, w.Code, w.Body)
		}
	}
}
