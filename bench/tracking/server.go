package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peerName is the peer of this table.
const peerName = "MLflow's own server"

// contestant is a server that can be started.
type contestant struct {
	name    string
	dir     string // where it works
	program string
	args    []string // before the address and the database
	env     []string
}

// ours is the server of the salesctl at the path.
func ours(binary, dir string) contestant {
	return contestant{name: "salesctl", dir: dir, program: binary, args: []string{"tracking", "serve"}}
}

// theirs is MLflow's server with all that it can do without switched off.
func theirs(venv, dir string) contestant {
	return contestant{
		name: peerName, dir: dir, program: filepath.Join(venv, "bin", "mlflow"),
		args: []string{"server", "--workers", "1"},
		env:  []string{"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true"},
	}
}

// server is one that runs.
type server struct {
	uri   string
	ready time.Duration // from the start of its process to its first answer
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan struct{} // closed when the process has
	end   error         // of the process, when it has ended
}

// patience is how long a server may take to start.
const patience = 3 * time.Minute

// database is the path of the contestant's database of that name.
func (c contestant) database(name string) string { return filepath.Join(c.dir, name) }

// start runs the contestant on its database of that name until it answers.
func (c contestant) start(ctx context.Context, name string) (*server, error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{uri: "http://127.0.0.1:" + port}
	args := append(slices.Clone(c.args), "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", "sqlite:///"+c.database(name), "--artifacts-destination", filepath.Join(c.dir, "artifacts"))
	s.cmd = exec.CommandContext(ctx, c.program, args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = c.dir, &s.said, &s.said
	s.cmd.Env = append(slices.DeleteFunc(os.Environ(), setting), append(c.env, "HOME="+c.dir, "XDG_CONFIG_HOME="+c.dir)...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) } // it ends its workers
	s.cmd.WaitDelay = 20 * time.Second
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	s.ended = make(chan struct{})
	go func() {
		s.end = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.healthy(ctx); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, errors.Join(err, s.stop(), errors.New(s.said.String())))
	}
	s.ready = time.Since(began)
	return s, nil
}

// setting reports whether a variable of the environment is one of the user's
// settings.
func setting(variable string) bool {
	return strings.HasPrefix(variable, "SALESCTL_") || strings.HasPrefix(variable, "MLFLOW_")
}

// freePort is a port that nobody listens on.
func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// healthy waits until the server says that it is well.
func (s *server) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h := newCaller(s.uri)
	defer h.close()
	for {
		_, err := h.call(ctx, request{method: http.MethodGet, path: "/health"})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-s.ended:
			return fmt.Errorf("it has ended: %w", s.end)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// stop ends the server and what it has started, and waits for it. A server that
// has ended stays so.
func (s *server) stop() error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	all, err := readTree(os.DirFS(proc), s.cmd.Process.Pid)
	if e := s.cmd.Process.Signal(os.Interrupt); !errors.Is(e, os.ErrProcessDone) {
		err = errors.Join(err, e)
	}
	<-s.ended
	for _, p := range all { // mostly gone already
		if left, e := os.FindProcess(p.pid); e == nil {
			_ = left.Kill()
		}
	}
	return err
}

// kill ends the server without warning and waits for it.
func (s *server) kill() error {
	err := s.cmd.Process.Kill()
	<-s.ended
	return err
}
