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
	if r.Method == http.MethodGet || r.Method == http.MethodHead || looks(r.URL.Path) {
		return auth.TrackingRead
	}
	return auth.TrackingWrite
}

// looks reports whether POST requests to the path only read.
func looks(path string) bool {
	return slices.ContainsFunc([]string{
		"/search", "/search-datasets", "/get-latest-versions", "/graphql", "/presigned-download-url",
	}, func(end string) bool { return strings.HasSuffix(path, end) })
}

// Deny answers a request that was not let in, as MLflow's server words errors.
func Deny(w http.ResponseWriter, status int, err error) {
	code := mlflow.PermissionDenied
	if status == http.StatusUnauthorized {
		code = mlflow.Unauthenticated
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
