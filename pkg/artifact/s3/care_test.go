package s3_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// Check says what is wrong with a bucket before anything is sent there, and with
// one that is right it says nothing.
func TestCheck(t *testing.T) {
	g := start(t)
	o := options(t, g.address)
	if err := open(t, "s3://bucket/not/there/yet", o).Check(t.Context()); err != nil {
		t.Error(err)
	}
	unusable := func(err error, kind fault.Kind, words ...string) {
		t.Helper()
		wantKind(t, err, kind, words...)
		if e, ok := errors.AsType[*artifact.UnusableError](err); !ok || !strings.HasPrefix(e.Store, "s3://") {
			t.Errorf("%v does not say that the store is of no use", err)
		}
	}
	unusable(open(t, "s3://absent-bucket/p", o).Check(t.Context()), fault.Config, "no bucket absent-bucket", "create it")
	o.AccessKey, o.SecretKey = accessKey, "wrong"
	unusable(open(t, "s3://bucket", o).Check(t.Context()), fault.Auth, "s3://bucket")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	unusable(open(t, "s3://bucket", options(t, "127.0.0.1:1")).Check(t.Context()), fault.Unavailable, "cannot be reached", "endpoint http://127.0.0.1:1,")

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := open(t, "s3://bucket", options(t, silent.Addr().String()))
	unusable(s.Check(t.Context()), fault.Unavailable, "cannot be reached", "within 5s")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Uploads that nobody ended are aborted when they are old, below the store's
// prefix and nowhere else.
func TestSweep(t *testing.T) {
	g := start(t)
	inside, outside := open(t, "s3://bucket/p", options(t, g.address)), open(t, "s3://bucket/other", options(t, g.address))
	for _, s := range []artifact.Multipart{inside, inside, outside} {
		if _, _, err := s.CreateMultipart(t.Context(), "large", 1); err != nil {
			t.Fatal(err)
		}
	}
	begun := len(unfinished(t, g))
	now := time.Now()
	for _, c := range []struct {
		before  time.Time
		removed int
	}{{now.Add(-time.Hour), 0}, {now.Add(time.Hour), 2}, {now.Add(time.Hour), 0}} {
		if n, err := inside.Sweep(t.Context(), c.before); n != c.removed || err != nil {
			t.Errorf("before %s: %d aborted, %v", c.before, n, err)
		}
	}
	if left := unfinished(t, g); len(left) == 0 || len(left) >= begun {
		t.Errorf("%d uploads of %d are left: %v", len(left), begun, left)
	}
	if n, err := open(t, "s3://bucket", options(t, g.address)).Sweep(t.Context(), now.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("the whole bucket: %d aborted, %v", n, err)
	}
}
