package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/artifact/artifacttest"
	"github.com/salesctl/salesctl/pkg/artifact/s3"
	"github.com/salesctl/salesctl/pkg/fault"
)

func TestStore(t *testing.T) {
	g, n := start(t), 0
	artifacttest.Run(t, func(t *testing.T) artifact.Store {
		n++
		t.Cleanup(func() { nothingUnfinished(t, g) })
		return open(t, fmt.Sprintf("s3://bucket/some prefix/%d", n), options(t, g.address))
	})
}

// nothingUnfinished looks for parts of uploads that were neither completed nor
// aborted, where the gateway keeps them.
func nothingUnfinished(t *testing.T, g gateway) {
	t.Helper()
	if left := unfinished(t, g); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func unfinished(t *testing.T, g gateway) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(g.dir, "bucket", ".sgwtmp", "multipart", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func wantKind(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error %v, of kind %d, want kind %d", err, fault.KindOf(err), kind)
	}
	text := err.Error() + "\n" + fault.HintOf(err)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

func put(t *testing.T, s artifact.Store, path, body string) {
	t.Helper()
	if err := s.Put(t.Context(), path, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
}

func TestAddresses(t *testing.T) {
	o := options(t, "127.0.0.1:1")
	for uri, want := range map[string]string{
		"s3://bucket":          "s3://bucket",
		"s3://bucket/":         "s3://bucket",
		"s3://bucket/a/b":      "s3://bucket/a/b",
		"s3://bucket//a#b %2F": "s3://bucket/a#b %2F",
	} {
		if s := open(t, uri, o); s.String() != want {
			t.Errorf("%s is %s, want %s", uri, s, want)
		}
	}
	for _, uri := range []string{"", "bucket", "s3:/bucket", "s3://", "s3:///a", "S3://bucket", "https://bucket.s3.amazonaws.com/a", "s3://key:secret@bucket/a"} {
		_, err := s3.Open(t.Context(), uri, o)
		wantKind(t, err, fault.Config, "s3://bucket/prefix")
	}
	_, err := s3.Open(t.Context(), "s3://bucket/a/../../b", o)
	wantKind(t, err, fault.Usage, "stay inside")
	_, err = s3.Open(t.Context(), "s3://bucket", s3.Options{})
	wantKind(t, err, fault.Config, "region", "AWS_REGION")
	for _, o := range []s3.Options{{SSE: "DES"}, {KMSKeyID: "k"}, {SSE: "AES256", KMSKeyID: "k"}} {
		_, err := s3.Open(t.Context(), "s3://bucket", o)
		wantKind(t, err, fault.Config, "AES256", "aws:kms")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err = s3.Open(t.Context(), "s3://bucket", o)
	wantKind(t, err, fault.Auth, "no credentials", "AWS_ACCESS_KEY_ID")
}

// A custom endpoint is spoken to in path style unless asked otherwise; AWS in
// virtual style. The gateway tells the styles apart by the host.
func TestStyles(t *testing.T) {
	g := start(t)
	var dialled []string
	toGateway := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		return (&net.Dialer{}).DialContext(ctx, network, g.address)
	}}}
	for _, tt := range []struct {
		endpoint string
		style    s3.Style
		want     string
	}{
		{"http://" + domain, s3.Virtual, "bucket." + domain + ":80"},
		{"http://" + domain, s3.Path, domain + ":80"},
		{"http://" + domain, s3.Auto, domain + ":80"},
	} {
		dialled = nil
		toGateway.CloseIdleConnections()
		o := options(t, g.address)
		o.Endpoint, o.Style, o.Client = tt.endpoint, tt.style, toGateway
		put(t, open(t, "s3://bucket/p", o), "x", "body")
		if diff := cmp.Diff([]string{tt.want}, dialled); diff != "" {
			t.Error(diff)
		}
	}
	for style, want := range map[s3.Style]string{s3.Auto: "https://bucket.s3.eu-west-1.amazonaws.com/k?", s3.Path: "https://s3.eu-west-1.amazonaws.com/bucket/k?"} {
		o := options(t, "")
		o.Endpoint, o.Region, o.Style = "", "eu-west-1", style
		a, err := open(t, "s3://bucket", o).Presign(t.Context(), "k", time.Minute)
		if err != nil || !strings.HasPrefix(a.URL, want) {
			t.Errorf("%s, %v", a.URL, err)
		}
	}
}

func TestEncryptionAndTypeAreAskedFor(t *testing.T) {
	g := start(t)
	for _, o := range []s3.Options{{}, {SSE: "AES256"}, {SSE: "aws:kms", KMSKeyID: "arn:key"}} {
		transport := &seen{}
		all := options(t, g.address)
		all.SSE, all.KMSKeyID, all.Client = o.SSE, o.KMSKeyID, &http.Client{Transport: transport}
		s := open(t, "s3://bucket/p", all)
		_ = s.Put(t.Context(), "small.json", strings.NewReader("{}")) // the gateway may know no keys
		_ = s.Put(t.Context(), "large.json", bytes.NewReader(make([]byte, 9<<20)))
		_, _, _ = s.CreateMultipart(t.Context(), "parts", 1)
		begun := 0
		for _, r := range transport.requests {
			query := r.URL.Query()
			if r.Method != http.MethodPut && !query.Has("uploads") || query.Has("partNumber") {
				continue
			}
			begun++
			got := [2]string{r.Header.Get("X-Amz-Server-Side-Encryption"), r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")}
			if got != [2]string{o.SSE, o.KMSKeyID} {
				t.Errorf("%s %s asks for %q", r.Method, r.URL.Path, got)
			}
			if strings.HasSuffix(r.URL.Path, ".json") && r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s is of type %s", r.URL.Path, r.Header.Get("Content-Type"))
			}
		}
		if begun < 3 {
			t.Errorf("%d files were begun, want 3", begun)
		}
	}
}

func TestLongListsComeInPages(t *testing.T) {
	g := start(t)
	s := open(t, "s3://bucket", options(t, g.address))
	want := []artifact.Entry{}
	for i := range 1005 {
		p := fmt.Sprintf("many/%04d", i)
		put(t, s, p, "")
		want = append(want, artifact.Entry{Path: p})
	}
	got, err := s.List(t.Context(), "many")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPresign(t *testing.T) {
	g := start(t)
	s := open(t, "s3://bucket/p", options(t, g.address))
	put(t, s, "a b/ü#%.txt", "body")
	part := s.Sub("a b").(artifact.Presigner) // a part keeps the ability
	a, err := part.Presign(t.Context(), "ü#%.txt", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, http.MethodGet, a, nil, http.StatusOK); got.body != "body" {
		t.Errorf("got %q", got.body)
	}
	fetch(t, http.MethodGet, artifact.Address{URL: strings.Replace(a.URL, "X-Amz-Expires=60", "X-Amz-Expires=61", 1)}, nil, http.StatusForbidden)
	for _, valid := range []time.Duration{0, -time.Second, 8 * 24 * time.Hour} {
		_, err := part.Presign(t.Context(), "x", valid)
		wantKind(t, err, fault.Usage, "7 days")
	}
	_, err = part.Presign(t.Context(), "../../x", time.Minute)
	wantKind(t, err, fault.Usage, "stay inside")
}

type answer struct{ body, tag string }

// fetch does as a client that knows nothing but the address.
func fetch(t *testing.T, method string, a artifact.Address, body []byte, want int) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range a.Headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s: %s, %v\n%s", method, resp.Status, err, b)
	}
	return answer{string(b), resp.Header.Get("ETag")}
}

func TestMultipart(t *testing.T) {
	g := start(t)
	s := open(t, "s3://bucket/p", options(t, g.address))
	bodies := [][]byte{bytes.Repeat([]byte("a"), 5<<20), bytes.Repeat([]byte("b"), 5<<20), []byte("end")}
	id, to, err := s.CreateMultipart(t.Context(), "large", len(bodies))
	if err != nil || len(to) != len(bodies) {
		t.Fatal(len(to), err)
	}
	var parts []artifact.Part
	for i := len(bodies) - 1; i >= 0; i-- { // in any order
		got := fetch(t, http.MethodPut, to[i], bodies[i], http.StatusOK)
		parts = append(parts, artifact.Part{Number: i + 1, ETag: got.tag})
	}
	if got, err := s.List(t.Context(), ""); err != nil || len(got) != 0 {
		t.Errorf("before its end: %v, %v", got, err)
	}
	wrong := append([]artifact.Part{}, parts...)
	wrong[0].ETag = `"00000000000000000000000000000000"`
	wantKind(t, s.CompleteMultipart(t.Context(), "large", id, wrong), fault.Invalid, "part", "begin")
	if err := s.CompleteMultipart(t.Context(), "large", id, parts); err != nil {
		t.Fatal(err)
	}
	f, err := s.Get(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	if _, err := artifact.Copy(&all, f); err != nil || !bytes.Equal(all.Bytes(), bytes.Join(bodies, nil)) {
		t.Errorf("%d bytes, %v", all.Len(), err)
	}

	id, _, err = s.CreateMultipart(t.Context(), "dropped", 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(unfinished(t, g)) != 1 {
		t.Error("the gateway keeps parts elsewhere: the test looks in vain")
	}
	if err := s.AbortMultipart(t.Context(), "dropped", id); err != nil {
		t.Fatal(err)
	}
	nothingUnfinished(t, g)
	wantKind(t, s.AbortMultipart(t.Context(), "dropped", id), fault.NotFound, "begin")
	wantKind(t, s.CompleteMultipart(t.Context(), "dropped", id, parts), fault.NotFound, "begin")
	wantKind(t, s.CompleteMultipart(t.Context(), "dropped", id, []artifact.Part{{Number: 10_001}}), fault.Usage, "10000")
	for _, n := range []int{0, -1, 10_001} {
		_, _, err := s.CreateMultipart(t.Context(), "x", n)
		wantKind(t, err, fault.Usage, "10000 parts")
	}
}

// What is read stays the version that was opened, or the reader hears of it.
func TestReplacedWhileItIsRead(t *testing.T) {
	g := start(t)
	s := open(t, "s3://bucket", options(t, g.address))
	put(t, s, "x", "old")
	f, err := s.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "x", "new")
	_, err = f.ReadAt(make([]byte, 3), 0)
	wantKind(t, err, fault.Conflict, "replaced", "again")
	_, err = artifact.Copy(io.Discard, f)
	wantKind(t, err, fault.Conflict, "replaced")
}

func TestFaults(t *testing.T) {
	g := start(t)
	s := open(t, "s3://absent-bucket/p", options(t, g.address))
	_, got := s.Get(t.Context(), "x")
	_, listed := s.List(t.Context(), "")
	for _, err := range []error{s.Put(t.Context(), "x", strings.NewReader("")), got, listed, s.Delete(t.Context(), "x")} {
		wantKind(t, err, fault.Config, "no bucket absent-bucket", "create it")
	}
	o := options(t, g.address)
	o.AccessKey, o.SecretKey = accessKey, "wrong"
	wantKind(t, open(t, "s3://bucket", o).Put(t.Context(), "x", strings.NewReader("")), fault.Auth, "secret key is wrong")

	s = open(t, "s3://bucket", options(t, "127.0.0.1:1"))
	wantKind(t, s.Put(t.Context(), "x", strings.NewReader("")), fault.Unavailable, "s3://bucket", "cannot be reached", "endpoint")
}

// The answers that the gateway does not give.
func TestFaultsOfAWS(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		kind   fault.Kind
		words  []string
	}{
		{403, "AccessDenied", fault.Auth, []string{"access is denied", "allow"}},
		{403, "", fault.Auth, []string{"access is denied"}},
		{403, "InvalidAccessKeyId", fault.Auth, []string{"access key is not known", "AWS_ACCESS_KEY_ID"}},
		{400, "ExpiredToken", fault.Auth, []string{"have expired", "new credentials"}},
		{403, "RequestTimeTooSkewed", fault.Auth, []string{"clock"}},
		{503, "SlowDown", fault.Unavailable, []string{"no more requests", "try again"}},
		{502, "", fault.Unavailable, []string{"has failed"}},
		{301, "PermanentRedirect", fault.Config, []string{"another region", "AWS_REGION"}},
		{400, "KMS.DisabledException", fault.Auth, []string{"encryption"}},
		{400, "Unheard", fault.Failure, []string{"Unheard"}},
	} {
		fail := func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			if tt.code != "" {
				_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>words</Message></Error>`, tt.code)
			}
		}
		server := httptest.NewServer(http.HandlerFunc(fail))
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		_, err := open(t, "s3://bucket", options(t, strings.TrimPrefix(server.URL, "http://"))).List(t.Context(), "a/b")
		server.Close()
		wantKind(t, err, tt.kind, append(tt.words, "a/b", "s3://bucket")...)
	}
}
