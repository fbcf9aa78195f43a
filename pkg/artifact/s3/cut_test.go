package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// S3 goes away in the middle of an upload: an error tells so, and the old file is
// there.
func TestCutUpload(t *testing.T) {
	g := start(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	direct := open(t, "s3://bucket", options(t, g.address))
	put(t, direct, "x", "whole")
	for _, after := range []int{10 << 10, 12 << 20} { // in a small file, in a part
		p := newProxy(t, g.address, after)
		cut := open(t, "s3://bucket", options(t, p.Addr().String()))
		err := cut.Put(t.Context(), "x", io.LimitReader(zeros{}, int64(2*after)))
		wantKind(t, err, fault.Unavailable, "cannot be reached")
	}
	f, err := direct.Get(t.Context(), "x")
	if err != nil || f.Size() != 5 {
		t.Errorf("afterwards: %v, %v", f, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A stream that breaks off goes on where it was; one that breaks off for good
// ends with an error.
func TestBrokenDownload(t *testing.T) {
	body := strings.Repeat("0123456789", 1000)
	var broken, most atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		if r.Method == http.MethodGet && broken.Load() < most.Load() {
			broken.Add(1)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			var first int
			_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, body[first:first+100])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
	}))
	defer server.Close()
	s := open(t, "s3://bucket", options(t, strings.TrimPrefix(server.URL, "http://")))
	f, err := s.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, times := range []int32{0, 3} {
		broken.Store(0)
		most.Store(times)
		var got bytes.Buffer
		if n, err := artifact.Copy(&got, f); err != nil || n != int64(len(body)) || got.String() != body {
			t.Errorf("broken %d times: %d bytes, %v", times, n, err)
		}
	}
	broken.Store(0)
	most.Store(4)
	_, err = artifact.Copy(io.Discard, f)
	wantKind(t, err, fault.Unavailable, "cannot be reached")
}
