//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database/databasetest"
)

// missing ends a test whose peers are not there: skipped at home, failed in CI.
func missing(t *testing.T, hint string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(hint)
	}
	t.Skip(hint)
}

// peer is the path of a program of the venv that PEERS_VENV names.
func peer(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(os.Getenv("PEERS_VENV"), "bin", name)
	if _, err := os.Stat(filepath.Join(filepath.Dir(program), "mlflow")); err != nil || !filepath.IsAbs(program) {
		missing(t, "PEERS_VENV names no venv with mlflow in it")
	}
	return program
}

// python runs a script of testdata/e2e, which reads a JSON value and writes one.
func python(t *testing.T, environ []string, script string, in, out any) {
	t.Helper()
	given, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), peer(t, "python"), filepath.Join("testdata", "e2e", script))
	cmd.Env = append(os.Environ(), append(environ, "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT=true",
		"MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR=false", "HOME="+t.TempDir())...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(given), &problems
	said, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(said, out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, said, &problems)
	}
}

// freeAddress is an address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually waits until something is so; the limit is for a machine that does a
// lot beside.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// watched is a program in a process group of its own, which ends, with whatever
// it starts, when its standard input does: at the latest with the test program,
// however that ends.
func watched(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	const watch = `"$@" </dev/null & cat >/dev/null; kill -9 0`
	cmd := exec.Command("/bin/sh", append([]string{"-c", watch, "watch", program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// kill ends a watched program as a power cut would.
func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait() // says that it was killed
}

// bucket starts an S3 server with the bucket "bucket", which checks signatures,
// and returns the environment that reaches it.
func bucket(t *testing.T) []string {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		program, err = exec.LookPath("../../.tools/versitygw")
	}
	if err != nil {
		missing(t, "versitygw is missing: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	address, dir := freeAddress(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := watched(t, program, "--port", address, "--access", "access", "--secret", "a secret key", "--quiet", "posix", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	eventually(t, "versitygw does not start", func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
	return []string{
		"MLFLOW_S3_ENDPOINT_URL=http://" + address, "AWS_ACCESS_KEY_ID=access", "AWS_SECRET_ACCESS_KEY=a secret key",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// secured returns the addresses of an empty database for a user whom the server
// lets in by TLS only: ours and SQLAlchemy's.
func secured(t *testing.T, name string) (ours, theirs string) {
	t.Helper()
	s := databasetest.Start(t)
	s.DSN(name)
	s.Exec("CREATE OR REPLACE USER 'clerk'@'%' IDENTIFIED BY 'a:secret' REQUIRE SSL", "GRANT ALL ON *.* TO 'clerk'@'%'")
	at := "clerk:a%3Asecret@" + s.Address() + "/" + name
	return "mysql://" + at + "?ca=" + s.CA(), "mysql+pymysql://" + at + "?ssl_ca=" + s.CA()
}

// stock is MLflow's own server.
type stock struct {
	address string
	environ []string
	args    []string
	log     *os.File
	cmd     *exec.Cmd
}

// startMLflow starts MLflow's server, which ends with the test.
func startMLflow(t *testing.T, environ []string, args ...string) *stock {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &stock{address: freeAddress(t), environ: environ, args: args, log: log}
	s.start(t)
	t.Cleanup(func() { kill(s.cmd); s.log.Close() })
	return s
}

func (s *stock) uri() string { return "http://" + s.address }

// start starts it where it was, and waits until it answers.
func (s *stock) start(t *testing.T) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	s.cmd = watched(t, peer(t, "mlflow"), append([]string{"server", "--workers", "1", "--host", host, "--port", port}, s.args...)...)
	s.cmd.Env = append(os.Environ(), append(s.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true", "HOME="+t.TempDir())...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.uri()+"/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
			return
		}
		if ctx.Err() != nil {
			text, _ := os.ReadFile(s.log.Name())
			t.Fatalf("MLflow's server does not start: %v\n%s", errors.Join(ctx.Err(), err), text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// office is a directory in which salesctl runs as a process, with an environment.
type office struct {
	dir     string
	environ []string
}

// with is the same directory with more environment.
func (o office) with(environ ...string) office {
	return office{o.dir, append(o.environ[:len(o.environ):len(o.environ)], environ...)}
}

// run runs a command that has to end well.
func (o office) run(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	cmd := child(o.dir, o.environ, args...)
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("salesctl %s: %v: %s", strings.Join(args, " "), err, &messages)
	}
	return out.String(), messages.String()
}

// rows are the data of a command's JSON.
func (o office) rows(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	out, _ := o.run(t, append(args, "--json")...)
	var doc struct{ Data []map[string]any }
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return doc.Data
}
