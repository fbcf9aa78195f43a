package spool_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
)

// heard is a log that workers write and tests read.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// A call to the server that does not end, whatever it is told, does not hold up the
// end: what it has in hand and what waits behind it is on the disk, and the log says
// so. Replayed, nothing is there twice.
func TestCloseLeavesACallThatHangs(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g := gate{db, func(string) error {
		once.Do(func() { close(asked) })
		<-release
		return nil
	}}
	said := &heard{}
	l := spool.NewLogger(record.Destination{Tracking: g, Files: (&artifacts{}).open}, disk, spool.LoggerOptions{
		Batch: 2, Retry: time.Hour, Grace: time.Millisecond, Logger: slog.New(slog.NewTextHandler(said, nil)),
	})
	var want []record.Record
	for i := range 5 {
		want = append(want, full(fmt.Sprint("held ", i)))
		l.Log(want[i])
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
	if n, err := disk.Len(); n != len(want) || err != nil {
		t.Errorf("%d records on the disk, want %d: %v", n, len(want), err)
	}
	for _, text := range []string{"is left alone", "runs wait on the disk", fmt.Sprint("runs=", len(want)), "tracking replay"} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("the log lacks %q: %s", text, said.String())
		}
	}
	close(release)
	if err := l.Close(t.Context()); err != nil { // waits for the worker now
		t.Error(err)
	}
	if _, err := disk.Replay(t.Context(), record.Destination{Tracking: gate{db, always}, Files: (&artifacts{}).open}, nil); err != nil {
		t.Fatal(err)
	}
	got := runs(t, db)
	if len(got) != len(want) {
		t.Errorf("%d runs, want %d", len(got), len(want))
	}
	for _, r := range want {
		complete(t, got[r.Name], r)
	}
}

// mute is a store that never answers.
type mute struct{ mlflow.Tracking }

func (mute) GetExperimentByName(ctx context.Context, _ string) (mlflow.Experiment, error) {
	<-ctx.Done()
	return mlflow.Experiment{}, ctx.Err()
}

// The replay beside other work has a deadline for each record: on a server that says
// nothing it gives up until the next look, and the record stays.
func TestReplayHasADeadline(t *testing.T) {
	dir := t.TempDir()
	disk := open(t, dir, spool.Options{})
	if err := disk.Write(t.Context(), plain("waits")); err != nil {
		t.Fatal(err)
	}
	said := &heard{}
	l := spool.NewLogger(record.Destination{Tracking: mute{}}, disk, spool.LoggerOptions{
		Retry: time.Millisecond, Timeout: time.Millisecond, Logger: slog.New(slog.NewTextHandler(said, nil)),
	})
	until(t, "it gave up, twice", func() bool { return strings.Count(said.String(), "spooled runs still wait") >= 2 })
	closeWithin(t, l, time.Minute)
	if n, err := disk.Len(); n != 1 || err != nil {
		t.Errorf("%d records on the disk, %v", n, err)
	}
}
