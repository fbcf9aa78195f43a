package main

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/salesctl/salesctl/pkg/database"
)

// let sets a variable to a value of the JSON on stdout, found as by json.
func let(ts *testscript.TestScript, args []string) { ts.Setenv(args[0], jsonText(ts, args[1])) }

// sqlStatement changes a SQLite database behind the program's back.
func sqlStatement(ts *testscript.TestScript, args []string) {
	ctx := context.Background()
	db, err := database.Open(ctx, "sqlite:///"+filepath.ToSlash(ts.MkAbs(args[0])), database.Options{})
	ts.Check(err)
	ts.Check(db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, args[1])
		return err
	}))
	ts.Check(db.Close())
}

// runningServers finds the servers of a script among its values, by their names.
type runningServers struct{}

// runningServer is a program that runs beside a script.
type runningServer struct {
	cmd   *exec.Cmd
	said  announcement
	ended chan struct{}
}

// servingAs starts a server and sets a variable to the address at which it says
// to listen. What ended does not end is killed after the script.
func servingAs(ts *testscript.TestScript, args []string) {
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	s := &runningServer{cmd: exec.Command(path, args[2:]...), ended: make(chan struct{})}
	s.said.address = make(chan string, 1)
	s.cmd.Dir, s.cmd.Stderr = ts.MkAbs("."), &s.said
	for _, name := range []string{"HOME", "PATH", "GORACE", "TMPDIR", "SALESCTL_TRACKING_URI", "MLFLOW_TRACKING_URI"} {
		s.cmd.Env = append(s.cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(s.cmd.Start())
	go func() {
		_ = s.cmd.Wait() // its state tells all
		close(s.ended)
	}()
	ts.Defer(func() {
		_ = s.cmd.Process.Kill() // of no effect on one that has ended
		<-s.ended
	})
	select {
	case address := <-s.said.address:
		ts.Setenv(args[0], address)
	case <-s.ended:
		ts.Fatalf("it ended: %s", s.said.String())
	}
	ts.Value(runningServers{}).(map[string]*runningServer)[args[0]] = s
}

// endedWell sends a server the signal by which init systems end a service, and
// wants exit code 0. What it said goes to the file NAME.stderr.
func endedWell(ts *testscript.TestScript, args []string) {
	s := ts.Value(runningServers{}).(map[string]*runningServer)[args[0]]
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.ended
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".stderr"), []byte(s.said.String()), 0o644))
	if code := s.cmd.ProcessState.ExitCode(); code != exitOK {
		ts.Fatalf("exit code %d: %s", code, s.said.String())
	}
}
