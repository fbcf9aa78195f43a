package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
)

// slow gives its bytes in pieces with pauses, longer in all than the server lets
// a request take.
type slow struct {
	left  []byte
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	n := copy(p[:min(len(p), 1000)], s.left)
	s.left = s.left[n:]
	return n, nil
}

func TestLargeArtifactsOutliveTheServersTimeouts(t *testing.T) {
	files := artifact.NewLocal(filepath.Join(t.TempDir(), "files"))
	s := httptest.NewUnstartedServer(server.New(server.Options{Artifacts: files}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	want := bytes.Repeat([]byte("0123456789"), 1000)
	url := s.URL + "/api/2.0/mlflow-artifacts/artifacts/big.bin"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, &slow{left: want, pause: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("upload: %s", resp.Status)
	}
	if resp, err = http.Get(url); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	// A request that is no artifact has the server's own limits.
	r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/2.0/mlflow/runs/search", &slow{left: want, pause: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err = http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("a slow request was read to its end")
		}
	}
}
