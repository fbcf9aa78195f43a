package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

func TestEveryErrorHasItsStatus(t *testing.T) {
	for _, c := range []struct {
		err     error
		status  int
		code    mlflow.Code
		message string
		class   string
	}{
		{mlflow.Errorf(mlflow.ResourceDoesNotExist, "no %d", 1), 404, mlflow.ResourceDoesNotExist, "no 1", "RESOURCE_NOT_FOUND"},
		{fmt.Errorf("while: %w", mlflow.Errorf(mlflow.ResourceAlreadyExists, "is there")), 400, mlflow.ResourceAlreadyExists, "is there", "RESOURCE_ALREADY_EXISTS"},
		{mlflow.Errorf(mlflow.InvalidState, "gone"), 500, mlflow.InvalidState, "gone", "CLIENT_INTERNAL_ERROR"},
		{mlflow.Errorf(mlflow.PermissionDenied, "no"), 403, mlflow.PermissionDenied, "no", "PERMISSION_DENIED"},
		{mlflow.Errorf(mlflow.NotImplemented, "no"), 501, mlflow.NotImplemented, "no", ""},
		{mlflow.Errorf(mlflow.RequestLimitExceeded, "slow"), 429, mlflow.RequestLimitExceeded, "slow", ""},
		{mlflow.Errorf(mlflow.Unauthenticated, "who"), 401, mlflow.Unauthenticated, "who", ""},
		{fault.New(fault.Unavailable, "the database is away").WithHint("start it"), 503, mlflow.TemporarilyUnavailable, "the database is away: start it", "CLIENT_INTERNAL_ERROR"},
		{fault.New(fault.Usage, "a bad path"), 400, mlflow.InvalidParameterValue, "a bad path", "INVALID_PARAMETER_VALUE"},
		{errors.New("secret of the inside"), 500, mlflow.InternalError, internalMessage, "CLIENT_INTERNAL_ERROR"},
		{fault.New(fault.Failure, "database /secret/x.db cannot grow: %w", fault.ErrFull), 507, mlflow.ResourceExhausted, fullMessage, ""},
		{fault.New(fault.Auth, "artifact x in %w", &artifact.UnusableError{Store: "s3://b", What: "access is denied", Err: errors.New("secret")}), 503,
			mlflow.TemporarilyUnavailable, "The artifact store s3://b of this server cannot be used: access is denied. Try again later; the server's log says more.", "CLIENT_INTERNAL_ERROR"},
	} {
		w := (&fake{err: c.err}).ask(t, Options{}, "POST", apiPath+"/experiments/create", `{"name":"x"}`)
		if got := text(t, w); w.Code != c.status || got.Code != c.code || got.Message != c.message || got.Class != c.class {
			t.Errorf("%v: %d %+v", c.err, w.Code, got)
		}
	}
}

func TestOnlyOurOwnFaultsAreLogged(t *testing.T) {
	for _, c := range []struct {
		err    error
		logged bool
	}{
		{errors.New("secret of the inside"), true},
		{mlflow.Errorf(mlflow.InvalidParameterValue, "yours"), false},
	} {
		var log bytes.Buffer
		f := &fake{err: c.err}
		h := New(Options{Tracking: f, Registry: f, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		r := httptest.NewRequest("POST", apiPath+"/experiments/create", strings.NewReader(`{"name":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", "id-1")
		h.ServeHTTP(httptest.NewRecorder(), r)
		got := log.String()
		if (got != "") != c.logged || c.logged && (!strings.Contains(got, "request_id=id-1") || !strings.Contains(got, "secret of the inside")) {
			t.Errorf("%v: %q", c.err, got)
		}
	}
}

func TestAPanicIsOneRequestsOwn(t *testing.T) {
	var log bytes.Buffer
	f := &fake{panic: "boom"}
	w := f.ask(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, "POST", apiPath+"/experiments/create", `{"name":"x"}`)
	if got := text(t, w); w.Code != http.StatusInternalServerError || got.Code != mlflow.InternalError || strings.Contains(got.Message, "boom") {
		t.Errorf("%d %+v", w.Code, got)
	}
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "decode_test.go") {
		t.Errorf("the log has no stack: %s", log.String())
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("net/http's own panic was kept")
		}
	}()
	f.panic = http.ErrAbortHandler
	f.ask(t, Options{}, "POST", apiPath+"/experiments/create", `{"name":"x"}`)
}

func TestWhatHasNoRoute(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
		code         mlflow.Code
		allow        string
	}{
		{"GET", "/api/2.0/mlflow/nothing", 404, mlflow.EndpointNotFound, ""},
		{"POST", "/api/3.0/mlflow/traces", 404, mlflow.EndpointNotFound, ""},
		{"GET", "/api/2.0/mlflow/webhooks", 404, mlflow.EndpointNotFound, ""},
		{"GET", "/api/2.0/mlflow/runs/create", 405, mlflow.BadRequest, "POST"},
		{"PUT", "/api/2.0/mlflow/logged-models/m-1", 405, mlflow.BadRequest, "DELETE, GET, HEAD, PATCH"},
	} {
		w := (&fake{}).ask(t, Options{}, c.method, c.path, "")
		if got := text(t, w); w.Code != c.status || got.Code != c.code || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %+v, Allow %q", c.method, c.path, w.Code, got, w.Header().Get("Allow"))
		}
	}
	w := (&fake{}).ask(t, Options{}, "OPTIONS", "/api/2.0/mlflow/runs/create", "")
	if w.Code != http.StatusOK || w.Header().Get("Allow") != "POST" || w.Body.Len() > 0 {
		t.Errorf("OPTIONS: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestPlainPagesAndPrefix(t *testing.T) {
	f := &fake{}
	for path, want := range map[string]string{"/health": "OK", "/version": "3.17.2"} {
		w := f.ask(t, Options{StaticPrefix: "/ml"}, "GET", "/ml"+path, "")
		if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w = f.ask(t, Options{StaticPrefix: "/ml"}, "GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s without its prefix: %d", path, w.Code)
		}
	}
	w := f.ask(t, Options{StaticPrefix: "/ml"}, "POST", "/ml/ajax-api/2.0/mlflow/runs/search", `{"experiment_ids":["1"]}`)
	if w.Code != http.StatusOK || w.Body.String() != "{}" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if h := w.Header(); h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "SAMEORIGIN" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%v", h)
	}
}

// TestEveryRouteOnce: each route of the API is at both of its roots, and the mux
// takes them all.
func TestEveryRouteOnce(t *testing.T) {
	h := &handler{}
	seen := map[string]bool{}
	for _, r := range h.routes() {
		if key := r.method + " " + r.path; seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
	}
	for key := range seen {
		if method, path, _ := strings.Cut(key, " "); strings.HasPrefix(path, "/api/") && !seen[method+" /ajax-"+path[1:]] {
			t.Errorf("%s is not there for the pages", key)
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d routes", len(seen))
	}
}
