package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// waiting is a store that works until it is let go on, and not longer than its
// context.
type waiting struct {
	mlflow.Tracking
	mlflow.Registry
	artifact.Store
	begun chan struct{}
	goOn  chan struct{}
}

func newWaiting() *waiting {
	return &waiting{begun: make(chan struct{}, 1), goOn: make(chan struct{})}
}

func (s *waiting) work(ctx context.Context) error {
	s.begun <- struct{}{}
	select {
	case <-s.goOn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the work broke off: %w", ctx.Err())
	}
}

func (s *waiting) CreateExperiment(ctx context.Context, _ mlflow.NewExperiment) (string, error) {
	return "7", s.work(ctx)
}

func (s *waiting) Put(ctx context.Context, _ string, r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	return s.work(ctx)
}

func (s *waiting) Get(ctx context.Context, _ string) (artifact.File, error) {
	return zeros(3), s.work(ctx)
}

// dial opens a connection on which a request stands as written.
func dial(t *testing.T, s *httptest.Server, request string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

const (
	putX    = "PUT /api/2.0/mlflow-artifacts/artifacts/new/x HTTP/1.1\nHost: h\nContent-Length: 5\n\n"
	getX    = "GET /api/2.0/mlflow-artifacts/artifacts/x HTTP/1.1\nHost: h\n\n"
	createX = "POST /api/2.0/mlflow/experiments/create HTTP/1.1\nHost: h\nContent-Type: application/json\nContent-Length: 12\n\n{\"name\":\"x\"}"
)

// A client may close its side once it has said all, and is answered.
func TestAHalfClosedConnectionIsAnswered(t *testing.T) {
	for _, c := range []struct{ request, want string }{
		{createX, `{"experiment_id":"7"}`}, {putX + "12345", ""}, {getX, "\x00\x00\x00"},
	} {
		store := newWaiting()
		s := httptest.NewServer(New(Options{Tracking: store, Registry: store, Artifacts: store}))
		conn := dial(t, s, c.request)
		<-store.begun
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // for net/http to notice, or the test would prove nothing
		close(store.goOn)
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(got.Body)
		if err != nil || got.StatusCode != http.StatusOK || string(b) != c.want {
			t.Errorf("%s: %s %q, %v", c.request, got.Status, b, err)
		}
		got.Body.Close()
		s.Close()
	}
}

// An upload that breaks off leaves nothing, not even a folder. Whoever still
// listens hears why, and nobody looks for a fault of the server's in its log.
func TestABrokenUploadLeavesNoFolder(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(dir), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	conn := dial(t, s, putX+"123")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if b, err := io.ReadAll(got.Body); err != nil || got.StatusCode != http.StatusBadRequest || !strings.Contains(string(b), "broke off") {
		t.Errorf("%s %s, %v", got.Status, b, err)
	}
	s.Close() // waits for the handler
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 || log.Len() != 0 {
		t.Errorf("left behind: %v, %v; logged: %s", left, err, &log)
	}
}

// Unfinished files can neither be seen nor reached.
func TestUnfinishedFilesAreOutOfReach(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".unfinished-x"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := artifactServer(t, Options{Artifacts: artifact.NewLocal(dir)})
	const root = "/api/2.0/mlflow-artifacts/artifacts"
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if got := ask(t, s, method, root+"/.unfinished-x", strings.NewReader("y"), nil); got.StatusCode != http.StatusBadRequest || strings.Contains(got.body, "half") {
			t.Errorf("%s: %s %s", method, got.Status, got.body)
		}
	}
	if got := ask(t, s, http.MethodGet, root, nil, nil); got.body != "{}" {
		t.Errorf("listed: %s", got.body)
	}
	if b, err := os.ReadFile(filepath.Join(dir, ".unfinished-x")); err != nil || string(b) != "half" {
		t.Errorf("%q, %v", b, err)
	}
}

// away is a store that cannot be used.
type away struct{ artifact.Store }

func (away) Put(context.Context, string, io.Reader) error {
	return &artifact.UnusableError{Store: "s3://bucket", What: "S3 cannot be reached", Err: errors.New("dial tcp 10.0.0.7: refused")}
}

// The client hears what is away, the log what exactly happened.
func TestAStoreThatIsAway(t *testing.T) {
	var log bytes.Buffer
	s := artifactServer(t, Options{Artifacts: away{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	got := ask(t, s, http.MethodPut, "/api/2.0/mlflow-artifacts/artifacts/x", strings.NewReader("y"), nil)
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "s3://bucket of this server cannot be used: S3 cannot be reached") || strings.Contains(got.body, "10.0.0.7") {
		t.Errorf("%s %s", got.Status, got.body)
	}
	if !strings.Contains(log.String(), "10.0.0.7") {
		t.Errorf("logged: %s", &log)
	}
}
