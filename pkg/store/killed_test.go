package store

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// What the process to be killed is told by its environment.
const (
	killedDSN  = "STORE_TEST_DSN"
	killedWhen = "STORE_TEST_WHEN" // staging or writing
)

// testKilledLoad kills a process while it stages its lines, and one in the middle
// of its transaction: nothing stays of either, and the next load need not wait.
func testKilledLoad(t *testing.T, on place) {
	for _, when := range []string{"staging", "writing"} {
		t.Run(when, func(t *testing.T) {
			s := on.open(t, "")
			load(t, s, row(2, "1", 0, 1, 1))
			dsn := s.Path()
			if _, files := on.(inFiles); files {
				dsn = "sqlite:///" + dsn
			}
			killAt(t, dsn, when)
			if got := load(t, s, row(2, "1", 1, 2, 1)); got.ID != 2 || got.Counts.New != 1 {
				t.Errorf("the next load: %+v", got)
			}
			if p, err := s.Panel(t.Context()); err != nil || p.Len() != 2 {
				t.Errorf("%d periods, %v", p.Len(), err)
			}
			if n := len(query(t, s, `SELECT id FROM series`)); n != 1 {
				t.Errorf("%d series, want 1", n)
			}
		})
	}
}

// killAt starts a load of store 7 in another process and kills it at that point.
func killAt(t *testing.T, dsn, when string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLoadToBeKilled$", "-test.v")
	cmd.Env = append(os.Environ(), killedDSN+"="+dsn, killedWhen+"="+when)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reached, said := false, []string(nil)
	for lines := bufio.NewScanner(out); !reached && lines.Scan(); {
		said = append(said, lines.Text())
		reached = lines.Text() == "reached"
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // says that it was killed
	if !reached {
		t.Fatalf("it did not come to %s:\n%s", when, strings.Join(said, "\n"))
	}
}

// TestLoadToBeKilled is the process that testKilledLoad starts.
func TestLoadToBeKilled(t *testing.T) {
	dsn, when := os.Getenv(killedDSN), os.Getenv(killedWhen)
	if dsn == "" {
		t.Skip("it is for testKilledLoad")
	}
	stop := func() {
		_, _ = os.Stdout.WriteString("reached\n")
		time.Sleep(time.Hour)
	}
	s, err := Open(context.Background(), dsn, Options{Now: func() time.Time { stop(); return clock() }})
	if err != nil {
		t.Fatal(err)
	}
	src, _ := file("killed.csv")
	_, err = s.Load(context.Background(), src, func(yield func(sales.Line, error) bool) {
		for i := range 500 {
			if !yield(row(i+2, "7", i, 1, 1), nil) {
				return
			}
		}
		if when == "staging" {
			stop()
		}
	})
	t.Fatal("it was not killed", err)
}
