package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// headerRequestID carries the id of a request, both ways.
const headerRequestID = "X-Request-Id"

// requestKey is the context key of the request's id.
type requestKey struct{}

// requestID returns the id that ServeHTTP gave the request.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// ServeHTTP gives the request its id, its net and its line in the log, and
// passes it on.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := s.Now()
	id := r.Header.Get(headerRequestID)
	if !saneID(id) {
		id = s.NewID()
	}
	w.Header().Set(headerRequestID, id)
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
	seen := &statusWriter{ResponseWriter: w}
	defer func() { s.access(r, seen.status, s.Now().Sub(start)) }()
	defer s.contain(seen, r)
	s.route(seen, r)
}

// contain turns a panic into a 500, so that one request's fault is not another's.
func (s *server) contain(w *statusWriter, r *http.Request) {
	caught := recover()
	if caught == nil {
		return
	}
	if err, ok := caught.(error); ok && errors.Is(err, http.ErrAbortHandler) { // net/http's own way to drop a connection
		panic(caught)
	}
	s.Logger.ErrorContext(r.Context(), "panic in a request", "request_id", requestID(r.Context()),
		"panic", caught, "stack", string(debug.Stack()))
	if w.status == 0 {
		s.write(w, r, http.StatusInternalServerError, internalError)
	}
}

// access is the request's line in the log; the query stays out of it.
func (s *server) access(r *http.Request, status int, took time.Duration) {
	s.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.String("request_id", requestID(r.Context())))
}

// maxIDLength bounds the request ids that clients choose.
const maxIDLength = 128

// saneID tells whether a client's request id can go into logs and headers.
func saneID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 until the header is written
}

// WriteHeader remembers the first status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implies a 200, as it does for every ResponseWriter.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the way in.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
