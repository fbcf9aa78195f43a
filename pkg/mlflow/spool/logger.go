package spool

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// LoggerOptions bounds a Logger.
type LoggerOptions struct {
	Queue   int           // records in memory; 0 means 10,000. More are dropped and counted
	Batch   int           // records written at once; 0 means 200
	Timeout time.Duration // of one batch or record on its way to the server, also from the disk; 0 means 15 s
	Grace   time.Duration // how long Close waits for calls that were told to stop; 0 means 2 s
	Retry   time.Duration // between looks whether the server is back; 0 means 30 s
	Logger  *slog.Logger  // hears of trouble; nil means nobody does
}

// Stats counts records since the Logger began.
type Stats struct {
	Written  int // to the server, straight from the queue
	Spooled  int // to the disk
	Replayed int // from the disk to the server, by this Logger
	Refused  int // by the server for good; they are set aside on the disk
	Dropped  int // lost: the queue and the disk were full, or the record was wrong
	Queued   int // at the moment
}

// Logger writes records in the background. It is safe for concurrent use.
type Logger struct {
	to   *record.Writer
	disk *Spool
	opts LoggerOptions
	log  *slog.Logger

	mu      sync.Mutex
	queue   []record.Record
	pending map[string]waiting // by RunID: those that a reader of the store cannot see yet
	stats   Stats
	hand    []record.Record // taken off the queue and not safe yet
	down    bool            // the server failed; until it is back, records go to the disk
	closing bool
	left    bool // Close did not wait for the worker that has records in hand

	queued chan struct{} // the queue has grown
	crowd  chan struct{} // the queue has grown beyond half of what it holds
	closed chan struct{} // nothing more is queued
	ended  sync.WaitGroup
	give   context.CancelFunc // makes the workers put what they have in hand on the disk
}

// waiting is a record that is not in the store.
type waiting struct {
	record record.Record
	onDisk bool
}

// NewLogger starts a Logger. The caller closes it.
func NewLogger(to record.Destination, disk *Spool, o LoggerOptions) *Logger {
	o.Queue, o.Batch = positive(o.Queue, 10_000), positive(o.Batch, 200)
	o.Timeout, o.Retry, o.Grace = positive(o.Timeout, 15*time.Second), positive(o.Retry, 30*time.Second), positive(o.Grace, 2*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Logger{
		to: record.NewWriter(to), disk: disk, opts: o, log: o.Logger, pending: map[string]waiting{},
		queued: make(chan struct{}, 1), crowd: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	ctx, give := context.WithCancel(context.Background())
	helpers, drained := context.WithCancel(ctx)
	l.give = give
	for _, work := range []func(){
		func() { l.write(ctx); drained() },
		func() { l.relieve(helpers) },
		func() { l.retry(helpers) },
	} {
		l.ended.Go(work)
	}
	return l
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Log takes the record. It never waits and never fails: what goes wrong later is
// logged and counted.
func (l *Logger) Log(r record.Record) {
	err := r.Check()
	l.mu.Lock()
	full := l.closing || len(l.queue) >= l.opts.Queue
	switch {
	case err != nil || full:
		l.stats.Dropped++
	default:
		l.queue = append(l.queue, r)
		if r.RunID != "" {
			l.pending[r.RunID] = waiting{record: r}
		}
	}
	crowded := len(l.queue) > l.opts.Queue/2
	l.mu.Unlock()
	switch {
	case err != nil:
		l.log.Error("a run is not logged", "run", r.Name, "error", err)
	case full:
		l.log.Error("a run is not logged: too many wait already", "run", r.Name, "limit", l.opts.Queue)
	}
	wake(l.queued)
	if crowded {
		wake(l.crowd)
	}
}

// wake tells a worker once, however often it is called before it looks.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Pending returns the run of a record that waits in the queue or, while memory
// allows, on the disk, as it will stand in the store. ExperimentID is empty where
// nothing was written to that experiment yet.
func (l *Logger) Pending(runID string) (mlflow.Run, bool) {
	l.mu.Lock()
	w, ok := l.pending[runID]
	l.mu.Unlock()
	if !ok {
		return mlflow.Run{}, false
	}
	return record.Whole(w.record, l.to.Known(w.record.Experiment)), true
}

// Stats returns the counts.
func (l *Logger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Queued = len(l.queue)
	return s
}

// Close takes no more records and writes what is queued to the server until the
// context ends, the rest to the disk, which it tells the log. It returns after all
// of them are safe, at the latest Grace after the context's end and the disk's
// writes: a call to the server that does not stop when it is told to is left alone.
// What could not be saved is an error.
func (l *Logger) Close(ctx context.Context) error {
	l.mu.Lock()
	first := !l.closing
	l.closing = true
	before := l.stats
	l.mu.Unlock()
	if first {
		close(l.closed)
	}
	l.settle(ctx)
	after := l.Stats()
	if n := after.Spooled - before.Spooled; n > 0 {
		l.log.Warn("runs wait on the disk", "runs", n, "folder", l.disk.Dir(), "hint", "they are sent when serving goes on, or by: salesctl tracking replay")
	}
	if n := after.Dropped - before.Dropped; n > 0 {
		return fault.New(fault.Failure, "%s could not be saved", fault.Counted(n, "run")).
			WithHint("see the log for the reasons")
	}
	return nil
}

// settle waits for the workers within the bounds of Close.
func (l *Logger) settle(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		l.ended.Wait()
		close(ended)
	}()
	defer l.give()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	l.give()
	grace := time.NewTimer(l.opts.Grace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		l.rescue()
	}
}

// rescue puts on the disk what a worker that hangs has in hand, and what is queued
// behind that. Should the server have taken some of it, the replay will find that.
func (l *Logger) rescue() {
	l.mu.Lock()
	left := slices.Concat(l.hand, l.queue)
	l.hand, l.queue, l.left = nil, nil, true
	l.mu.Unlock()
	l.log.Warn("a call to the server does not end and is left alone", "runs", len(left))
	l.spool(left, nil)
}
