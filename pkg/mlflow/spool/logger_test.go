package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
)

// until waits for what the background does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 10_000 {
		if is() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func closeWithin(t *testing.T, l *spool.Logger, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestLoggerWritesEverything(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	l := spool.NewLogger(record.Destination{Tracking: gate{db, always}, Files: (&artifacts{}).open}, disk, spool.LoggerOptions{Batch: 7})
	var wg sync.WaitGroup
	want := make([]record.Record, 60)
	for i := range want {
		want[i] = full(fmt.Sprint(i, " "))
		wg.Go(func() { l.Log(want[i]) })
	}
	wg.Wait()
	closeWithin(t, l, time.Minute)
	closeWithin(t, l, time.Minute) // again does no harm
	got := runs(t, db)
	for _, r := range want {
		complete(t, got[r.Name], r)
	}
	if s := l.Stats(); s != (spool.Stats{Written: 60}) || len(got) != 60 {
		t.Errorf("%+v, %d runs", s, len(got))
	}
	l.Log(want[0])
	if s := l.Stats(); s.Dropped != 1 {
		t.Errorf("after Close: %+v", s)
	}
}

func TestServerDownThenUp(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	var up atomic.Bool
	g := gate{db, func(string) error {
		if up.Load() {
			return nil
		}
		return away
	}}
	l := spool.NewLogger(record.Destination{Tracking: g}, disk, spool.LoggerOptions{Retry: time.Millisecond})
	var want []record.Record
	for i := range 20 {
		r := plain(fmt.Sprint("down ", i))
		want = append(want, r)
		l.Log(r)
	}
	until(t, "all of them on the disk", func() bool { return l.Stats().Spooled == 20 })
	if run, ok := l.Pending(want[3].RunID); !ok || run.Info.Name != "down 3" || run.Data.Tag(record.TagID) != want[3].ID {
		t.Errorf("pending: %v, %+v", ok, run)
	}
	up.Store(true)
	until(t, "all of them replayed", func() bool { return l.Stats().Replayed == 20 })
	if _, ok := l.Pending(want[3].RunID); ok {
		t.Error("pending after it was replayed")
	}
	late := plain("up")
	l.Log(late)
	closeWithin(t, l, time.Minute)
	got := runs(t, db)
	for _, r := range append(want, late) {
		complete(t, got[r.Name], r)
	}
	if s := l.Stats(); s.Dropped != 0 || s.Written+s.Spooled != 21 || len(got) != 21 {
		t.Errorf("%+v, %d runs", s, len(got))
	}
}

// A server that is down is left alone until the next look: a client that tries
// again for minutes would hold the queue up each time.
func TestServerThatIsDownIsNotAsked(t *testing.T) {
	dir := t.TempDir()
	disk := open(t, dir, spool.Options{})
	var calls atomic.Int32
	g := gate{nil, func(string) error { calls.Add(1); return away }}
	l := spool.NewLogger(record.Destination{Tracking: g}, disk, spool.LoggerOptions{Retry: time.Hour})
	for i := range 5 {
		l.Log(plain(fmt.Sprint(i)))
		until(t, "it is on the disk", func() bool { return l.Stats().Spooled == i+1 })
	}
	closeWithin(t, l, time.Minute)
	if n := calls.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A server that does not answer holds nobody up: a crowded queue goes to the
// disk, and Close ends in time.
func TestSlowServer(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	release := make(chan struct{})
	g := stuck{gate{db, always}, release}
	l := spool.NewLogger(record.Destination{Tracking: g}, disk, spool.LoggerOptions{Queue: 10, Batch: 1, Timeout: time.Hour})
	for i := range 60 {
		l.Log(plain(fmt.Sprint("slow ", i)))
		if i%5 == 4 {
			until(t, "room in the queue", func() bool { return l.Stats().Queued <= 5 })
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
	close(release)
	if s := l.Stats(); s.Spooled != 60 || s.Dropped != 0 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
	if rep, err := disk.Replay(t.Context(), record.Destination{Tracking: db}, nil); err != nil || rep.Delivered != 60 || len(runs(t, db)) != 60 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// stuck does not answer until it is released or the caller gives up.
type stuck struct {
	gate
	release chan struct{}
}

func (s stuck) GetExperimentByName(ctx context.Context, name string) (mlflow.Experiment, error) {
	select {
	case <-s.release:
		return s.gate.GetExperimentByName(ctx, name)
	case <-ctx.Done():
		return mlflow.Experiment{}, ctx.Err()
	}
}

func TestQueueAndDiskFull(t *testing.T) {
	dir := t.TempDir()
	disk := open(t, dir, spool.Options{MaxRecords: 2})
	g := gate{nil, func(string) error { return away }}
	l := spool.NewLogger(record.Destination{Tracking: g}, disk, spool.LoggerOptions{Batch: 1, Retry: time.Hour})
	for i := range 5 {
		l.Log(plain(fmt.Sprint(i)))
	}
	until(t, "an empty queue", func() bool { s := l.Stats(); return s.Spooled+s.Dropped == 5 })
	if s := l.Stats(); s.Spooled != 2 || s.Dropped != 3 {
		t.Errorf("%+v", s)
	}
	if err := os.RemoveAll(disk.Dir()); err != nil {
		t.Fatal(err)
	}
	closing := plain("last")
	l.Log(closing)
	until(t, "the last one dropped", func() bool { return l.Stats().Dropped == 4 })
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("what was lost before Close is not Close's: %v", err)
	}
}

// silent is a store that does not answer until it is given up.
type silent struct {
	mlflow.Tracking
	asked chan struct{}
}

func (s silent) GetExperimentByName(ctx context.Context, _ string) (mlflow.Experiment, error) {
	close(s.asked)
	<-ctx.Done()
	return mlflow.Experiment{}, away
}

func TestCloseTellsWhatItCouldNotSave(t *testing.T) {
	disk := open(t, t.TempDir(), spool.Options{})
	s := silent{asked: make(chan struct{})}
	l := spool.NewLogger(record.Destination{Tracking: s}, disk, spool.LoggerOptions{})
	l.Log(plain("a"))
	<-s.asked
	if err := os.RemoveAll(disk.Dir()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Close gives the store up at once
	if err := l.Close(ctx); !fault.Is(err, fault.Failure) || err.Error() != "1 run could not be saved" {
		t.Errorf("%v", err)
	}
}

func TestWrongAndRefusedRecords(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	l := spool.NewLogger(record.Destination{Tracking: gate{db, always}}, disk, spool.LoggerOptions{Retry: time.Millisecond})
	running, refused, good := plain("running"), plain("refused"), plain("good")
	running.Status = mlflow.Running
	refused.Metrics = []mlflow.Metric{{Key: ""}}
	l.Log(running)
	l.Log(refused)
	l.Log(good)
	until(t, "the refused one set aside", func() bool { s := l.Stats(); return s.Refused == 1 && s.Written == 1 })
	closeWithin(t, l, time.Minute)
	if s := l.Stats(); s != (spool.Stats{Written: 1, Spooled: 1, Refused: 1, Dropped: 1}) {
		t.Errorf("%+v", s)
	}
}

// together is a store that writes many runs at once.
type together struct {
	mlflow.Tracking
	mu    sync.Mutex
	err   error
	sizes []int
	runs  []mlflow.Run
}

func (w *together) WriteRuns(_ context.Context, runs []mlflow.Run) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.sizes = append(w.sizes, len(runs))
	w.runs = append(w.runs, runs...)
	return nil
}

func TestManyRunsAtOnce(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	disk := open(t, dir, spool.Options{})
	w := &together{Tracking: db}
	block := make(chan struct{})
	g := &blocked{together: w, block: block}
	l := spool.NewLogger(record.Destination{Tracking: g, Files: (&artifacts{}).open}, disk, spool.LoggerOptions{Batch: 100})
	first := plain("first")
	l.Log(first)
	<-g.entered() // the others come while it is being written
	for i := range 50 {
		l.Log(plain(fmt.Sprint("p", i)))
	}
	l.Log(full("with a file"))
	run, ok := l.Pending(first.RunID)
	if !ok || run.Info.ID != first.RunID {
		t.Errorf("pending while it is written: %v, %+v", ok, run.Info)
	}
	close(block)
	closeWithin(t, l, time.Minute)
	if len(w.sizes) != 2 || w.sizes[0] != 1 || w.sizes[1] != 50 {
		t.Errorf("written in batches of %v", w.sizes)
	}
	e, err := db.GetExperimentByName(t.Context(), first.Experiment)
	if err != nil {
		t.Fatal(err)
	}
	if r := w.runs[0]; r.Info.ID != first.RunID || r.Info.ExperimentID != e.ID || r.Data.Tag(record.TagID) != first.ID ||
		r.Data.Tag("mlflow.runName") != "first" || len(r.Inputs.Datasets) != 1 {
		t.Errorf("%+v", r)
	}
	if got := runs(t, db); len(got) != 1 {
		t.Errorf("%d runs one by one, want the one with a file", len(got))
	}
}

// blocked holds the first WriteRuns up.
type blocked struct {
	*together
	block chan struct{}
	in    chan struct{}
	once  sync.Once
}

func (b *blocked) entered() chan struct{} {
	b.once.Do(func() { b.in = make(chan struct{}, 100) })
	return b.in
}

func (b *blocked) WriteRuns(ctx context.Context, runs []mlflow.Run) error {
	b.entered() <- struct{}{}
	<-b.block
	return b.together.WriteRuns(ctx, runs)
}

func TestManyRunsAtOnceRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want spool.Stats
	}{
		"one of them is wrong": {mlflow.Errorf(mlflow.InvalidParameterValue, "no"), spool.Stats{Written: 3}},
		"the store is away":    {errors.New("disk I/O error"), spool.Stats{Spooled: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := store(t, dir)
			disk := open(t, dir, spool.Options{})
			l := spool.NewLogger(record.Destination{Tracking: &together{Tracking: db, err: tt.err}}, disk, spool.LoggerOptions{Retry: time.Hour})
			for i := range 3 {
				l.Log(plain(fmt.Sprint("w", i)))
			}
			closeWithin(t, l, time.Minute)
			if s := l.Stats(); s != tt.want {
				t.Errorf("%+v, want %+v", s, tt.want)
			}
		})
	}
}

// The store of this process writes whole runs; what they say must not depend on
// that.
func TestStoreOfThisProcess(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	if _, is := any(db).(mlflow.RunWriter); !is {
		t.Fatal("the store is no mlflow.RunWriter")
	}
	l := spool.NewLogger(record.Destination{Tracking: db}, open(t, dir, spool.Options{}), spool.LoggerOptions{})
	want := make([]record.Record, 30)
	for i := range want {
		want[i] = plain(fmt.Sprint("in process ", i))
		l.Log(want[i])
	}
	closeWithin(t, l, time.Minute)
	got := runs(t, db)
	for _, r := range want {
		complete(t, got[r.Name], r)
		if got[r.Name].Info.ID != r.RunID || got[r.Name].Info.ArtifactURI == "" {
			t.Errorf("%+v", got[r.Name].Info)
		}
	}
	if s := l.Stats(); s != (spool.Stats{Written: 30}) {
		t.Errorf("%+v", s)
	}
}
