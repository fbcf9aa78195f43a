package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// idleLimit bounds how long the transfer of an artifact may stand still. The whole
// of it has no limit: the server's own, meant for small requests, would cut off
// what is large.
const idleLimit = 60 * time.Second

// patient moves the deadlines of an artifact's transfer on as long as its bytes
// move; other requests pass as they are.
func patient(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	if !strings.Contains(r.URL.Path, "artifact") {
		return w, r
	}
	d := deadlines{http.NewResponseController(w)}
	d.move()
	r = r.WithContext(r.Context())
	r.Body = patientBody{r.Body, d}
	return patientWriter{w, d}, r
}

// deadlines are those of a connection. A writer that has none, as in tests, is no
// trouble.
type deadlines struct{ c *http.ResponseController }

func (d deadlines) move() {
	at := time.Now().Add(idleLimit)
	_ = d.c.SetReadDeadline(at) // of a download, too: it lets the server notice a client that goes
	_ = d.c.SetWriteDeadline(at)
}

type patientBody struct {
	io.ReadCloser
	deadlines
}

// Read moves the deadlines and reads. After the end of an upload there is none:
// how long the store takes to make it durable is its own matter.
func (b patientBody) Read(p []byte) (int, error) {
	b.move()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.c.SetReadDeadline(time.Time{})
		_ = b.c.SetWriteDeadline(time.Time{})
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
