package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// How long things may take. A client that cuts an upload off is noticed at once;
// these are for those that stand still, and for stores that do.
const (
	answerLimit = 50 * time.Second // a request, once it is read: the server cuts its answer off after a minute
	idleLimit   = 60 * time.Second // a transfer in which no byte moves; the whole of it has no limit
	settleLimit = 10 * time.Minute // a store that makes durable, joins or deletes what may be large
)

// errTooLong ends a request whose time is over.
var errTooLong = mlflow.Errorf(mlflow.TemporarilyUnavailable, "The server gave the request up: its database or artifact store took too long. Try again later.")

// detached gives a request a context that lives as long as the request and carries
// its values. That of net/http ends sooner, when the client has closed its side
// of the connection, as some do once they have said all: MLflow's server leaves
// them without an answer, here they get it. A deadline for reading that passes
// while a file is sent would end it, too.
func detached(r *http.Request) (*http.Request, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	return r.WithContext(ctx), cancel
}

// late tells an error that came of the end of the request's time from others.
func late(r *http.Request, err error) error {
	if err != nil && errors.Is(context.Cause(r.Context()), errTooLong) {
		return fmt.Errorf("%w: %w", errTooLong, err)
	}
	return err
}

// promptly is for requests that take moments: all of one has one limit, which
// routes that move files put aside.
func promptly(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		r, cancel := detached(r)
		defer cancel(nil)
		defer time.AfterFunc(answerLimit, func() { cancel(errTooLong) }).Stop()
		return late(r, serve(w, r))
	}
}

// moving is for routes that move files: their deadlines move on as long as bytes
// do.
func moving(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		r, cancel := detached(r)
		defer cancel(nil)
		d := deadlines{http.NewResponseController(w), time.AfterFunc(idleLimit, func() { cancel(errTooLong) })}
		defer d.idle.Stop()
		if r.Body = (patientBody{r.Body, d}); r.Method == http.MethodDelete {
			d.settle()
		} else {
			d.move()
		}
		return late(r, serve(patientWriter{w, d}, r))
	}
}

// deadlines are those of a connection and of what its request waits for. A writer
// that has none, as in tests, is no trouble.
type deadlines struct {
	c    *http.ResponseController
	idle *time.Timer
}

// move gives the next bytes their time.
func (d deadlines) move() {
	at := time.Now().Add(idleLimit)
	_ = d.c.SetReadDeadline(at)
	_ = d.c.SetWriteDeadline(at)
	d.idle.Reset(idleLimit)
}

// settle gives the store its time; no bytes move meanwhile.
func (d deadlines) settle() {
	_ = d.c.SetReadDeadline(time.Time{})
	_ = d.c.SetWriteDeadline(time.Time{})
	d.idle.Reset(settleLimit)
}

type patientBody struct {
	io.ReadCloser
	deadlines
}

// Read moves the deadlines and reads.
func (b patientBody) Read(p []byte) (int, error) {
	b.move()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.settle()
	}
	return n, err
}

type patientWriter struct {
	http.ResponseWriter
	deadlines
}

// Write moves the deadlines and writes.
func (w patientWriter) Write(p []byte) (int, error) {
	w.move()
	return w.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the way in.
func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
