package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/auth"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Scope returns what a request needs a key for: writing, unless it only looks.
func Scope(r *http.Request) auth.Scope {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return auth.TrackingRead
	case http.MethodPost:
		if looks(r.URL.Path) {
			return auth.TrackingRead
		}
	}
	return auth.TrackingWrite
}

// looks reports whether POST requests to the path only read. The path may stand
// behind a static prefix; what follows the first root of an API is compared as a
// whole, since the names of artifacts, which clients choose, may hold anything.
func looks(path string) bool {
	if _, call, ok := strings.Cut(path, "/2.0/"); ok {
		return slices.Contains([]string{
			"mlflow/experiments/search", "mlflow/experiments/search-datasets", "mlflow/runs/search", "mlflow/logged-models/search",
			"mlflow/registered-models/get-latest-versions", "mlflow/artifacts/presigned-download-url",
		}, call)
	}
	return path == "/graphql" || strings.HasSuffix(path, "/graphql") && strings.Count(path, "/") == 2
}

// Deny answers a request that was not let in, as MLflow's server words errors.
func Deny(w http.ResponseWriter, status int, err error) {
	code := mlflow.PermissionDenied
	switch status {
	case http.StatusUnauthorized:
		code = mlflow.Unauthenticated
	case http.StatusInternalServerError:
		code = mlflow.InternalError
	}
	text := err.Error()
	if hint := fault.HintOf(err); hint != "" {
		text += ": " + hint
	}
	body, _ := json.Marshal(failure{Code: code, Message: text}) // text always can be written
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client has gone
}
