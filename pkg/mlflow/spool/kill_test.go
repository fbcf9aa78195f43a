package spool_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow/spool"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"

	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// child is another process: it replays into a database and is killed at a call,
// or writes records until it is killed.
func child(dir string) int {
	ctx := context.Background()
	s, err := spool.Open(filepath.Join(dir, "spool"), spool.Options{})
	if err != nil {
		return complain(err)
	}
	at, err := strconv.Atoi(os.Getenv("SPOOL_TEST_KILL"))
	if err != nil { // the writer
		for i := 0; ; i++ {
			r := plain(fmt.Sprint("run ", i))
			if err := s.Write(ctx, r); err != nil {
				return complain(err)
			}
			fmt.Println(r.ID)
		}
	}
	db, err := sqlstore.Open(ctx, "sqlite:///"+filepath.Join(dir, "mlflow.db"), sqlstore.Options{})
	if err != nil {
		return complain(err)
	}
	calls := 0
	die := func(string) error {
		calls++
		if calls == at {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {} // until the signal comes
		}
		return nil
	}
	if _, err := s.Replay(ctx, record.Destination{Tracking: gate{db, die}}, nil); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func start(t *testing.T, dir, kill string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SPOOL_TEST_DIR="+dir, "SPOOL_TEST_KILL="+kill)
	cmd.Stderr = os.Stderr
	return cmd
}

// A replay is killed at each of its calls in turn. The next one finds the lock
// free and completes what is half there.
func TestKilledReplay(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	s := open(t, dir, spool.Options{})
	want := map[string]record.Record{}
	killed := 0
	for at := 1; at <= 8; at++ {
		a, b := plain(fmt.Sprint("a", at)), plain(fmt.Sprint("b", at))
		want[a.Name], want[b.Name] = a, b
		write(t, s, a, b)
		if err := start(t, dir, strconv.Itoa(at)).Run(); err != nil {
			killed++
		}
		if rep, err := s.Replay(t.Context(), record.Destination{Tracking: db}, nil); err != nil || rep.Kept+rep.Bad != 0 {
			t.Fatalf("killed at call %d: %+v, %v", at, rep, err)
		}
	}
	if killed != 8 {
		t.Errorf("%d of 8 were killed", killed)
	}
	got := runs(t, db)
	if len(got) != len(want) {
		t.Errorf("%d runs, want %d", len(got), len(want))
	}
	for name, r := range want {
		complete(t, got[name], r)
	}
}

// A writer is killed while it writes: every record of which it was told that it
// is safe is there.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	cmd := start(t, dir, "")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var safe []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		safe = append(safe, lines.Text())
		if len(safe) == 20 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	db := store(t, dir)
	rep, err := open(t, dir, spool.Options{}).Replay(t.Context(), record.Destination{Tracking: db}, nil)
	if err != nil || rep.Bad+rep.Kept != 0 || len(safe) < 20 {
		t.Fatalf("%+v, %v, %d safe", rep, err, len(safe))
	}
	there := map[string]bool{}
	for _, r := range runs(t, db) {
		there[r.Data.Tag(record.TagID)] = true
	}
	for _, id := range safe {
		if !there[id] {
			t.Errorf("record %s is lost", id)
		}
	}
}
