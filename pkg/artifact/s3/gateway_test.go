package s3_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact/s3"
)

// gateway is an S3 server over a folder, with the bucket "bucket". It checks
// signatures.
type gateway struct {
	address string
	dir     string
}

const (
	accessKey = "access"
	secretKey = "a secret key"
	domain    = "s3.example.test"
)

// start starts a gateway that ends with the test.
func start(t *testing.T) gateway {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		program, err = exec.LookPath("../../../.tools/versitygw")
	}
	if err != nil {
		const hint = "versitygw is missing: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"
		if os.Getenv("CI") == "true" {
			t.Fatal(hint)
		}
		t.Skip(hint)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := gateway{l.Addr().String(), t.TempDir()}
	if err := errors.Join(l.Close(), os.Mkdir(filepath.Join(g.dir, "bucket"), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", g.address, "--access", accessKey, "--secret", secretKey,
		"--virtual-domain", domain, "--keep-alive", "--quiet", "posix", g.dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
	})
	for range 1000 {
		c, err := net.Dial("tcp", g.address)
		if err == nil {
			_ = c.Close()
			return g
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("versitygw does not start")
	return g
}

// options are those of the gateway at the address, which may be a proxy's.
func options(t *testing.T, address string) s3.Options {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	return s3.Options{Endpoint: "http://" + address}
}

func open(t *testing.T, uri string, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), uri, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seen is a transport that keeps the headers of each request.
type seen struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Clone(r.Context()))
	s.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// proxy passes connections on to a server until so many bytes have come up, and
// then cuts all of them for good.
type proxy struct {
	net.Listener
	mu    sync.Mutex
	left  int
	conns []net.Conn
}

func newProxy(t *testing.T, to string, bytes int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, left: bytes}
	t.Cleanup(p.cut)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go p.pass(in, out, true)
			go p.pass(out, in, false)
		}
	}()
	return p
}

func (p *proxy) pass(from, to net.Conn, up bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err == nil && up && p.spent(n) {
			p.cut()
			return
		}
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (p *proxy) spent(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= n
	return p.left < 0
}

func (p *proxy) cut() {
	_ = p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}
