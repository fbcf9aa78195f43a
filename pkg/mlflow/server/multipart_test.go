package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
)

// remote is a store that takes parts and signs addresses, and writes down what it
// was asked.
type remote struct {
	artifact.Store
	asked []string
}

func (s *remote) CreateMultipart(_ context.Context, path string, parts int) (string, []artifact.Address, error) {
	s.asked = append(s.asked, fmt.Sprintf("create %s %d", path, parts))
	var to []artifact.Address
	for i := range parts {
		to = append(to, artifact.Address{URL: fmt.Sprintf("https://s3/%s?partNumber=%d", path, i+1)})
	}
	return "u1", to, nil
}

func (s *remote) CompleteMultipart(_ context.Context, path, id string, parts []artifact.Part) error {
	s.asked = append(s.asked, fmt.Sprintf("complete %s %s %v", path, id, parts))
	return nil
}

func (s *remote) AbortMultipart(_ context.Context, path, id string) error {
	s.asked = append(s.asked, fmt.Sprintf("abort %s %s", path, id))
	return nil
}

func (s *remote) Presign(_ context.Context, path string, valid time.Duration) (artifact.Address, error) {
	s.asked = append(s.asked, fmt.Sprintf("presign %s %s", path, valid))
	return artifact.Address{URL: "https://s3/" + path, Headers: map[string]string{"x": "y"}}, nil
}

func TestUploadInParts(t *testing.T) {
	const mpu = "/api/2.0/mlflow-artifacts/mpu/"
	for _, c := range []struct{ path, body, want, asked string }{
		{mpu + "create/0/r/artifacts", `{"path":"/home/me/big.bin","num_parts":2}`,
			`{"upload_id":"u1","credentials":[{"url":"https://s3/0/r/artifacts/big.bin?partNumber=1","part_number":1},{"url":"https://s3/0/r/artifacts/big.bin?partNumber=2","part_number":2}]}`,
			"create 0/r/artifacts/big.bin 2"},
		{mpu + "complete/0/r/artifacts", `{"path":"big.bin","upload_id":"u1","parts":[{"part_number":1,"etag":"a","url":null},{"part_number":2,"etag":"b"}]}`,
			`{}`, "complete 0/r/artifacts/big.bin u1 [{1 a} {2 b}]"},
		{mpu + "abort/0/r/artifacts", `{"path":"big.bin","upload_id":"u1"}`, `{}`, "abort 0/r/artifacts/big.bin u1"},
		{mpu + "create/0", `{"path":"x","num_parts":10001}`, "num_parts must be between 0 and 10000 (got 10001).", ""},
		{mpu + "create/0", `{"path":"..","num_parts":1}`, "Invalid path", ""},
		{mpu + "create/0", `{"path":"a/%2e%2e","num_parts":1}`, "Invalid path", ""},
	} {
		store := &remote{}
		s := artifactServer(t, Options{Artifacts: store})
		got := ask(t, s, http.MethodPost, c.path, strings.NewReader(c.body), map[string]string{"Content-Type": "application/json"})
		if !strings.Contains(got.body, c.want) || strings.Join(store.asked, "\n") != c.asked {
			t.Errorf("%s %s: %s; the store was asked %q", c.path, c.body, got.body, store.asked)
		}
	}
}

func TestPresignedDownloads(t *testing.T) {
	store := &remote{Store: artifact.NewLocal(t.TempDir())}
	if err := store.Put(t.Context(), "dir/big.bin", strings.NewReader("12345")); err != nil {
		t.Fatal(err)
	}
	s := artifactServer(t, Options{Artifacts: store, Tracking: oneRun{uri: "s3://bucket/x"},
		Open: func(string) (artifact.Store, error) { return store, nil }})
	const url = "/api/2.0/mlflow/artifacts/presigned-"
	for _, c := range []struct{ method, path, body, want, asked string }{
		{http.MethodGet, "/api/2.0/mlflow-artifacts/presigned/dir/big.bin", "",
			`{"url":"https://s3/dir/big.bin","headers":{"x":"y"},"file_size":5}`, "presign dir/big.bin 5m0s"},
		{http.MethodGet, "/api/2.0/mlflow-artifacts/presigned/dir/missing", "", "No such artifact: 'dir/missing'", ""},
		{http.MethodPost, url + "download-url", `{"run_id":"` + testRun + `","path":"dir/big.bin","expiration":60}`,
			`{"presigned_url":"https://s3/dir/big.bin","headers":{"x":"y"},"file_size":5}`, "presign dir/big.bin 1m0s"},
		{http.MethodPost, url + "upload-url", `{"run_id":"` + testRun + `","path":"dir/big.bin"}`,
			"Presigned upload is not supported for the current artifact repository", ""},
	} {
		store.asked = nil
		got := ask(t, s, c.method, c.path, strings.NewReader(c.body), map[string]string{"Content-Type": "application/json"})
		if !strings.Contains(got.body, c.want) || strings.Join(store.asked, "\n") != c.asked {
			t.Errorf("%s %s: %s; the store was asked %q", c.path, c.body, got.body, store.asked)
		}
	}
}
