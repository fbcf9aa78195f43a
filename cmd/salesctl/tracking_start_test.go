//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/artifact/s3"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
)

func TestClientURL(t *testing.T) {
	for at, want := range map[string]string{
		"0.0.0.0:5000": "http://127.0.0.1:5000", "[::]:5000": "http://127.0.0.1:5000",
		"127.0.0.1:7": "http://127.0.0.1:7", "[::1]:7": "http://[::1]:7", "10.0.0.7:80": "http://10.0.0.7:80",
	} {
		if got := clientURL(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at))); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// What is told to come next works, also behind a prefix and where the server
// listens on all addresses.
func TestTheNextStepWorks(t *testing.T) {
	p := start(t, t.TempDir(), nil, "tracking", "serve", "--host", "0.0.0.0", "--port", "0", "--auth", "none", "--static-prefix", "/ml")
	_, address, _ := strings.Cut(p.until(t, "next: "), "export MLFLOW_TRACKING_URI=")
	resp, err := http.Get(address + "/api/2.0/mlflow/experiments/get?experiment_id=0")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Errorf("%s: %s", address, resp.Status)
	}
	p.signal(t, os.Interrupt)
	p.end(t, exitOK)
}

// Paths of flags begin in the directory of -C, whatever the process stands in.
func TestPathsBeginInTheDirectory(t *testing.T) {
	dir := t.TempDir()
	p := start(t, t.TempDir(), nil, "-C", dir, "tracking", "serve", "--port", "0", "--artifacts-destination", "file://"+dir+"/fil%65s", "--default-artifact-root", "own")
	s := p.address(t)
	s.upload(t, "x", http.StatusOK)
	var e struct {
		Experiment struct {
			ArtifactLocation string `json:"artifact_location"`
		}
	}
	s.rest(t, http.MethodGet, "experiments/get?experiment_id=0", "", &e)
	if want := filepath.Join(dir, "own", "0"); e.Experiment.ArtifactLocation != want {
		t.Errorf("experiments lie at %s, want %s", e.Experiment.ArtifactLocation, want)
	}
	p.signal(t, os.Interrupt)
	p.end(t, exitOK)
	if b, err := os.ReadFile(filepath.Join(dir, "files", "x")); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	// A database of MLflow's may hold places as they were written.
	old := &tracking{dir: dir}
	for _, uri := range []string{"files", "./files", "file:files", "file://" + dir + "/fil%65s"} {
		files, err := old.files(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		if entries, err := files.List(t.Context(), ""); len(entries) != 1 || err != nil {
			t.Errorf("%s: %v, %v", uri, entries, err)
		}
	}
	for _, uri := range []string{"file://files", "file://host/files", "file:"} {
		if _, err := old.files(t.Context(), uri); !fault.Is(err, fault.Config) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", uri, err)
		}
	}
	code, _, stderr := salesctl(t, dir, "tracking", "serve", "--port", "0", "--mlflow-ui-dir", "pages")
	if code == exitOK || !strings.Contains(stderr, filepath.Join(dir, "pages")) {
		t.Errorf("%d, %s", code, stderr)
	}
}

// upload puts a file whose content is its name.
func (s api) upload(t *testing.T, name string, status int) answer {
	t.Helper()
	got := s.ask(t, http.MethodPut, "/api/2.0/mlflow-artifacts/artifacts/"+name, name)
	if got.status != status {
		t.Errorf("upload of %s: %d %s", name, got.status, got.body)
	}
	return got
}

// Artifacts in a bucket that is not there, that lets nobody in or that nobody
// reaches: the server does not start, and names the flag and the address.
func TestNoStartWithoutTheBucket(t *testing.T) {
	environ := bucket(t)
	away := freeAddress(t)
	for name, c := range map[string]struct {
		uri     string
		environ []string
		code    int
		want    string
	}{
		"missing":     {"s3://absent/x", nil, exitConfig, "there is no bucket absent"},
		"refused":     {"s3://bucket/x", []string{"AWS_SECRET_ACCESS_KEY=wrong"}, exitAuth, "s3://bucket/x"},
		"unreachable": {"s3://bucket/x", []string{"MLFLOW_S3_ENDPOINT_URL=http://" + away}, exitUnavailable, "http://" + away},
	} {
		dir := t.TempDir()
		p := start(t, dir, append(environ, c.environ...), "tracking", "serve", "--port", "0", "--artifacts-destination", c.uri)
		hung := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() }) // it has started
		p.end(t, c.code)
		hung.Stop()
		if said := p.said.String(); !strings.Contains(said, "salesctl: --artifacts-destination: ") || !strings.Contains(said, c.want) || !strings.Contains(said, "hint: ") || strings.Contains(said, "listening") {
			t.Errorf("%s: %s", name, said)
		}
		if left := entries(t, dir); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

// cable passes connections on to an address until it is cut.
type cable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l}
	t.Cleanup(c.cut)
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
			c.mu.Lock()
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return c
}

func (c *cable) cut() {
	_ = c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// at returns the environment with another S3 server.
func at(environ []string, address string) []string {
	return append(environ, "MLFLOW_S3_ENDPOINT_URL=http://"+address)
}

// endpoint is the S3 server of an environment.
func endpoint(environ []string) string {
	return strings.TrimPrefix(environ[0], "MLFLOW_S3_ENDPOINT_URL=http://")
}

// direct opens the bucket past every tracking server.
func direct(t *testing.T, environ []string) artifact.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), "s3://bucket/x", s3.Options{Endpoint: "http://" + endpoint(environ), Region: "us-east-1", AccessKey: "access", SecretKey: "a secret key"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// S3 goes away in the middle of an upload: the client hears what is away, and there
// is nothing of the file.
func TestS3GoesAway(t *testing.T) {
	environ := bucket(t)
	c := newCable(t, endpoint(environ))
	p := start(t, t.TempDir(), at(environ, c.Addr().String()), "tracking", "serve", "--port", "0", "--artifacts-destination", "s3://bucket/x")
	s := p.address(t)
	s.upload(t, "before", http.StatusOK)
	half := make(chan struct{})
	pieces := io.MultiReader(bytes.NewReader(make([]byte, 20<<20)), after(half), strings.NewReader("the end"))
	go func() {
		time.Sleep(300 * time.Millisecond) // some parts are on their way, or all of them wait: it is cut all the same
		c.cut()
		close(half)
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, string(s)+"/api/2.0/mlflow-artifacts/artifacts/new/large", pieces)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if text := string(b); err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "TEMPORARILY_UNAVAILABLE") ||
		!strings.Contains(text, "s3://bucket/x of this server cannot be used: S3 cannot be reached") {
		t.Errorf("%s %s, %v", resp.Status, text, err)
	}
	for _, path := range []string{"/api/2.0/mlflow-artifacts/artifacts", "/api/2.0/mlflow-artifacts/artifacts/before"} {
		if got := s.ask(t, http.MethodGet, path, ""); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got, err := direct(t, environ).List(t.Context(), ""); err != nil || len(got) != 1 || got[0].Path != "before" {
		t.Errorf("in the bucket: %v, %v", got, err)
	}
}

// after is a reader of nothing, whose end comes when the channel is closed.
type after chan struct{}

func (a after) Read([]byte) (int, error) {
	<-a
	return 0, io.EOF
}

// Where files may not grow the client hears so in MLflow's form, nothing is
// half-written, and what is there can be read. SQLite does not say why it could not
// write, which then stands in the log.
func TestFilesThatMayNotGrow(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, nil, "tracking", "serve", "--port", "0")
	first.address(t)
	first.signal(t, os.Interrupt)
	first.end(t, exitOK)
	info, err := os.Stat(filepath.Join(dir, "mlflow.db"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fmt.Sprint(info.Size()/512 + 400)
	p := &process{cmd: exec.Command("sh", "-c", `trap "" XFSZ; ulimit -f `+blocks+`; exec salesctl -C "$0" tracking serve --port 0`, dir)}
	p.begin(t)
	s := p.address(t)
	s.upload(t, "small", http.StatusOK)
	large := s.ask(t, http.MethodPut, "/api/2.0/mlflow-artifacts/artifacts/new/large", strings.Repeat("x", 8<<20))
	if large.status != http.StatusInsufficientStorage || !strings.Contains(large.body, `"RESOURCE_EXHAUSTED"`) || !strings.Contains(large.body, "is full") || !strings.Contains(large.body, "free space") {
		t.Errorf("%d %s", large.status, large.body)
	}
	if left := entries(t, filepath.Join(dir, "mlartifacts")); len(left) != 1 || left[0] != "small" {
		t.Errorf("left behind: %v", left)
	}
	var created struct {
		ID string `json:"experiment_id"`
	}
	n, last := 0, answer{}
	for ; n < 5000; n++ {
		last = s.ask(t, http.MethodPost, "/api/2.0/mlflow/experiments/create", fmt.Sprintf(`{"name":"e%d","tags":[{"key":"k","value":%q}]}`, n, strings.Repeat("v", 4000)))
		if last.status != http.StatusOK {
			break
		}
	}
	if last.status != http.StatusInternalServerError || !strings.Contains(last.body, "log says more") {
		t.Errorf("%d %s", last.status, last.body)
	}
	if got := s.ask(t, http.MethodGet, fmt.Sprintf("/api/2.0/mlflow/experiments/get-by-name?experiment_name=e%d", n), ""); got.status != http.StatusNotFound {
		t.Errorf("the experiment that did not fit: %d %s", got.status, got.body)
	}
	s.rest(t, http.MethodGet, fmt.Sprintf("experiments/get-by-name?experiment_name=e%d", n-1), "", &created)
	p.signal(t, os.Interrupt)
	p.end(t, exitOK)
	if said := p.said.String(); !strings.Contains(said, "cannot be read or written") {
		t.Errorf("the log does not say what was wrong: %s", said)
	}
}

// What a killed server left of an upload is removed when the next one starts, and
// by gc; a dry run leaves it, and what may be at work stays anyhow.
func TestAbandonedUploadsAreSwept(t *testing.T) {
	dir := t.TempDir()
	files := filepath.Join(dir, "mlartifacts")
	leave := func() {
		t.Helper()
		if err := os.MkdirAll(files, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, age := range map[string]time.Duration{".unfinished-old": 72 * time.Hour, ".unfinished-new": time.Hour} {
			write(t, files, name, "half")
			then := time.Now().Add(-age)
			if err := os.Chtimes(filepath.Join(files, name), then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := func() string { return strings.Join(entries(t, files), " ") }
	leave()
	_, stop := background(t, dir, nil, "tracking", "serve", "--port", "0")
	eventually(t, "the start swept nothing", func() bool { return left() == ".unfinished-new" })
	stop()
	leave()
	mustRun(t, dir, "tracking", "gc", "--dry-run")
	if got := left(); got != ".unfinished-new .unfinished-old" {
		t.Errorf("after a dry run: %s", got)
	}
	mustRun(t, dir, "tracking", "gc", "--yes")
	if got := left(); got != ".unfinished-new" {
		t.Errorf("after gc: %s", got)
	}
}

// Stock MLflow sends large files in parts and fetches them by signed addresses past
// our server, and our client takes the same file, and one of its own, through it.
func TestPartsOfLargeFiles(t *testing.T) {
	environ := bucket(t)
	s := start(t, t.TempDir(), environ, "tracking", "serve", "--port", "0", "--artifacts-destination", "s3://bucket/x").address(t)
	var mu sync.Mutex
	asked := map[string]int{}
	to, err := url.Parse(string(s))
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		for _, call := range []string{"/mpu/create/", "/mpu/complete/", "/presigned/", "/mlflow-artifacts/artifacts/"} {
			if strings.Contains(r.In.URL.Path, call) {
				mu.Lock()
				asked[call]++
				mu.Unlock()
			}
		}
	}}
	door := httptest.NewServer(through)
	defer door.Close()
	var out struct {
		Sent, Back  string
		Files       [][2]any
		ArtifactURI string `json:"artifact_uri"`
	}
	python(t, append(environ, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD=true",
		"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=6000000", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE=5242880",
		"MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE=6000000", "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=5242880"),
		"parts.py", map[string]any{"uri": door.URL, "size": 12_000_000}, &out)
	if out.Sent != out.Back || len(out.Files) != 1 || out.Files[0] != [2]any{"below/big file ü.bin", 12e6} {
		t.Errorf("%+v", out)
	}
	if asked["/mpu/create/"] != 1 || asked["/mpu/complete/"] != 1 || asked["/presigned/"] < 1 || asked["/mlflow-artifacts/artifacts/"] != 0 {
		t.Errorf("our server was asked %v", asked)
	}
	c, err := client.New(client.Options{URI: string(s)})
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Artifacts(out.ArtifactURI)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(t, files, "below/big file ü.bin"); got != out.Sent {
		t.Errorf("our client fetched %s, not %s", got, out.Sent)
	}
	body := bytes.Repeat([]byte("salesctl "), 2<<20) // three parts on the way to S3
	if err := files.Put(t.Context(), "below/ours", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if got := digest(t, files, "below/ours"); got != hex.EncodeToString(sum[:]) {
		t.Errorf("our client's own file came back as %s", got)
	}
}

// digest reads a whole artifact.
func digest(t *testing.T, files artifact.Store, name string) string {
	t.Helper()
	f, err := files.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := artifact.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
