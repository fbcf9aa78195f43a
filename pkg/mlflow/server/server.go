// Package server answers MLflow's REST API over a tracking store and a model
// registry, so that stock MLflow clients and the stock web pages cannot tell it
// from MLflow's own server.
//
// The way of a request:
//
//  1. New's routes name every method and path once; each is served below
//     /api/2.0/mlflow for clients and below /ajax-api/2.0/mlflow for the pages.
//  2. A handler takes its parameters out of the query or of the JSON body, by the
//     rules of protocol buffers (decode.go over the tree of parse.go), and refuses
//     the first that is missing or wrong in MLflow's own words.
//     Artifacts stream by their own ways (artifacts.go), and the pages ask some
//     things as a graph (graphql.go).
//  3. It asks the store, which knows the limits of what is stored, and writes the
//     answer, whose shape is that of pkg/mlflow's types (encode.go).
//  4. Any error comes to one place, errors.go, which picks the status and the
//     code, logs what is the server's own fault, and tells the client no more
//     than it must know.
//
// What is not here, such as traces, prompts, webhooks and the gateway, answers
// 404 with ENDPOINT_NOT_FOUND, on which stock clients fall back.
package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Options says what the server stands on.
type Options struct {
	Tracking mlflow.Tracking
	Registry mlflow.Registry
	// Workspaces divide Tracking and Registry, which work in that of a call's
	// context. nil: there are none, and requests that name one are refused.
	Workspaces mlflow.Workspaces
	Artifacts  artifact.Store // what mlflow-artifacts:/ means; nil: the proxy answers that it is off
	// Open returns the files at an artifact URI that is not mlflow-artifacts:/,
	// such as file:///srv/x or s3://bucket/x.
	Open         func(uri string) (artifact.Store, error)
	StaticPrefix string         // before every path, such as /mlflow
	UI           string         // the folder of MLflow's web pages; empty: none are served
	Sources      *regexp.Regexp // what the source of a new version must match; nil: anything that is safe
	MaxBody      int64          // bytes of a request that is no artifact, half of those of one that logs datasets; 0 is DefaultMaxBody
	Logger       *slog.Logger   // nil: nothing is logged
}

// DefaultMaxBody is how long a request may be: half as much again as the largest
// batch that MLflow's limits allow (1,000 metrics, 100 params of 6,000 characters,
// 100 tags of 8,000) takes where every character is escaped. One that logs
// datasets, whose profiles have up to 16 MiB each, may have twice of it.
const DefaultMaxBody = 16 << 20

// handler answers requests.
type handler struct {
	Options
	mux *http.ServeMux
}

// route is one method and path of the server, without the static prefix. Paths
// are patterns of http.ServeMux.
type route struct {
	method, path string
	serve        func(w http.ResponseWriter, r *http.Request) error
}

// The two roots of the API: for clients, and for the web pages.
const (
	apiPath  = "/api/2.0/mlflow"
	ajaxPath = "/ajax-api/2.0/mlflow"
)

// New returns the server. It needs Tracking and Registry.
func New(o Options) http.Handler {
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{o, http.NewServeMux()}
	for _, r := range h.routes() {
		h.mux.Handle(r.method+" "+o.StaticPrefix+r.path, h.answering(promptly(h.inWorkspace(r.serve))))
	}
	return h
}

// routes are all routes.
func (h *handler) routes() []route {
	return slices.Concat(
		[]route{{"GET", "/health", plain("OK")}, {"GET", "/version", plain(mlflow.Release)}},
		h.experimentRoutes(),
		h.runRoutes(),
		h.historyRoutes(),
		h.loggedModelRoutes(),
		h.registeredModelRoutes(),
		h.versionRoutes(),
		h.artifactRoutes(),
		h.uiRoutes(),
		h.workspaceRoutes(),
	)
}

// api is a route of the API, below both of its roots.
func api(method, path string, serve func(http.ResponseWriter, *http.Request) error) []route {
	return []route{{method, apiPath + path, serve}, {method, ajaxPath + path, serve}}
}

// plain answers with a text.
func plain(text string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // a client that has gone cannot be told
		return nil
	}
}

// ServeHTTP passes the request to its route, and sees to it that a panic stays
// that request's own.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	defer h.contain(w, r)
	r = keepDots(r)
	serve, pattern := h.mux.Handler(r)
	if pattern == "" {
		h.unknown(w, r, serve)
		return
	}
	h.mux.ServeHTTP(w, r) // not serve: only the mux fills in the path's values
}

// answering makes a handler of a route.
func (h *handler) answering(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			h.refuse(w, r, err)
		}
	}
}

// contain turns a panic into a 500. Where the answer had begun, the client sees
// it break off.
func (h *handler) contain(w http.ResponseWriter, r *http.Request) {
	caught := recover()
	if caught == nil {
		return
	}
	if err, ok := caught.(error); ok && errors.Is(err, http.ErrAbortHandler) { // net/http's own way to drop a connection
		panic(caught)
	}
	h.Logger.ErrorContext(r.Context(), "panic in a request", "request_id", requestID(w, r),
		"method", r.Method, "path", r.URL.Path, "panic", caught, "stack", string(debug.Stack()))
	h.fail(w, http.StatusInternalServerError, mlflow.InternalError, internalMessage)
}

// unknown answers what has no route: it asks the mux whether it is the path or
// only the method, and says so in the protocol's words.
func (h *handler) unknown(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	verdict := verdict{header: http.Header{}}
	mux.ServeHTTP(&verdict, r)
	if verdict.status != http.StatusMethodNotAllowed {
		h.fail(w, http.StatusNotFound, mlflow.EndpointNotFound, "No endpoint "+r.Method+" "+r.URL.Path+" on this server.")
		return
	}
	w.Header()["Allow"] = verdict.header["Allow"]
	if r.Method == http.MethodOptions {
		return
	}
	h.fail(w, http.StatusMethodNotAllowed, mlflow.BadRequest, "Method "+r.Method+" is not allowed for "+r.URL.Path+".")
}

// verdict keeps the status and the header of an answer, and drops the rest.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }

// requestID is the id that whoever stands before this server gave the request.
func requestID(w http.ResponseWriter, r *http.Request) string {
	const header = "X-Request-Id"
	if id := w.Header().Get(header); id != "" {
		return id
	}
	return r.Header.Get(header)
}
