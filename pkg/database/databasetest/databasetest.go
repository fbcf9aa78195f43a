// Package databasetest gives tests a MariaDB server of their own, with TLS, that
// vanishes with the test program.
//
// The way of a server:
//
//  1. A folder of system tables is made once on a machine, in the user's cache.
//  2. The first Start of a test program copies it, makes a certificate authority
//     and starts mariadbd there on a free port of 127.0.0.1. Later calls get the
//     same server: one takes half a second to start, a test a few milliseconds.
//  3. DSN makes an empty database.
//  4. A shell waits for the end of the test program, however it comes, kills the
//     server and removes its folder.
package databasetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/database"
)

// patience is how long a server may take to start on a busy machine.
const patience = time.Minute

// Server is a running server, for one test.
type Server struct {
	t    testing.TB
	port string
	dir  string
	held io.Closer // the watching shell's standard input, open as long as the server is wanted
}

// start starts the server of this test program once. It is the one variable of
// the package: a server for each test would take most of the time of all tests.
var start = sync.OnceValues(launch)

// Start returns the server of this test program. Without mariadbd the test is
// skipped, or fails where the environment says CI=true.
func Start(t testing.TB) Server {
	t.Helper()
	s, err := start()
	switch {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "true":
		t.Fatalf("%v: apt-get install mariadb-server", err)
	case errors.Is(err, exec.ErrNotFound):
		t.Skipf("%v: apt-get install mariadb-server", err)
	case err != nil:
		t.Fatal(err)
	}
	s.t = t
	return s
}

// Address returns host and port.
func (s Server) Address() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Socket returns the path of the Unix socket.
func (s Server) Socket() string { return filepath.Join(s.dir, "s") }

// CA returns the path of the certificate of the server's authority. The server's
// own certificate is for 127.0.0.1 and not for localhost.
func (s Server) CA() string { return filepath.Join(s.dir, authorityFile) }

// DSN makes an empty database of the name, in the place of one that was there,
// and returns its address for the user root, who has no password.
func (s Server) DSN(name string) string {
	s.t.Helper()
	s.Exec("DROP DATABASE IF EXISTS `"+name+"`", "CREATE DATABASE `"+name+"` CHARACTER SET utf8mb4")
	return s.dsn(name)
}

func (s Server) dsn(name string) string { return "mysql://root@" + s.Address() + "/" + name }

// Exec runs statements as the user root.
func (s Server) Exec(statements ...string) {
	s.t.Helper()
	if err := s.exec(s.t.Context(), statements...); err != nil {
		s.t.Fatal(err)
	}
}

func (s Server) exec(ctx context.Context, statements ...string) error {
	db, err := database.Open(ctx, s.dsn("mysql"), database.Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.InTx(ctx, func(tx *sql.Tx) error {
		for _, text := range statements {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}), db.Close())
}

// find looks for a program of the server, which Debian keeps out of a user's
// PATH.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", program, exec.ErrNotFound)
	}
	return path, err
}

func launch() (Server, error) {
	program, err := find("mariadbd")
	if err != nil {
		return Server{}, err
	}
	from, err := template(program)
	if err != nil {
		return Server{}, err
	}
	dir, err := os.MkdirTemp("", "mariadb")
	if err != nil {
		return Server{}, err
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(from)); err != nil {
		return Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	if err := certificates(dir); err != nil {
		return Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	s := Server{dir: dir, port: port}
	if err := s.run(program); err != nil {
		return Server{}, err
	}
	return s, s.wait()
}

func freePort() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

// watch starts the server in $1 and ends it, without a farewell, when its own
// standard input ends, which happens when the test program does. An interrupt
// from the terminal is for the test program only.
const watch = `trap '' INT TERM HUP
dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
cat >/dev/null
kill -9 $!
wait
rm -rf "$dir"`

// run starts the server, tuned to start fast and to forget.
func (s *Server) run(program string) error {
	args := append([]string{"-c", watch, "watch", s.dir, program, "--no-defaults", "--datadir=" + filepath.Join(s.dir, "data")}, small()...)
	args = append(args, "--socket="+s.Socket(), "--port="+s.port, "--bind-address=127.0.0.1", "--pid-file="+filepath.Join(s.dir, "pid"),
		"--ssl-ca="+s.CA(), "--ssl-cert="+filepath.Join(s.dir, certificateFile), "--ssl-key="+filepath.Join(s.dir, keyFile),
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=nosync",
		"--skip-log-bin", "--performance-schema=OFF", "--skip-name-resolve", "--max-connections=200")
	// Not CommandContext: the server outlives the test that starts it.
	cmd := exec.Command("/bin/sh", args...) //nolint:noctx // see above
	var err error
	if s.held, err = cmd.StdinPipe(); err != nil {
		return err
	}
	return cmd.Start()
}

// small are the options of a small server, for its making and for its running.
func small() []string {
	options := []string{"--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M", "--innodb-data-file-path=ibdata1:4M:autoextend"}
	if os.Geteuid() == 0 {
		options = append(options, "--user=root")
	}
	return options
}

// wait returns when the server answers.
func (s Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("MariaDB does not start: %w\n%s", err, strings.TrimSpace(string(log)))
		}
	}
}
