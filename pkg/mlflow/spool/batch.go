package spool

import (
	"context"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// take removes up to n records from the front of the queue.
func (l *Logger) take(n int) []record.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.takeLocked(n)
}

// takeInHand is take for the writer, whose records Close can rescue from it.
func (l *Logger) takeInHand(n int) []record.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hand = l.takeLocked(n)
	return l.hand
}

func (l *Logger) takeLocked(n int) []record.Record {
	n = min(n, len(l.queue))
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil // lets go of the records
	}
	return batch
}

// hold notes what the writer has in hand; ok is false where Close has seen to that
// already.
func (l *Logger) hold(records []record.Record) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.left {
		l.hand = records
	}
	return !l.left
}

// batch writes records to the server, else to the disk.
func (l *Logger) batch(ctx context.Context, records []record.Record) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	defer l.hold(nil)
	if down || ctx.Err() != nil {
		l.spool(records, nil)
		return
	}
	records, err := l.together(ctx, records)
	for len(records) > 0 && err == nil && l.hold(records) {
		one := records[:1]
		switch err = l.alone(ctx, one[0]); {
		case err == nil:
			l.written(one)
		case ofOne(err): // a replay sets it aside, or tells of it until it can go
			l.spool(one, err)
			err = nil
		default:
			continue
		}
		records = records[1:]
	}
	if err != nil && l.hold(records) {
		l.setDown(true)
		l.spool(records, err)
	}
}

// ofOne reports whether the trouble is one record's own.
func ofOne(err error) bool { return hopeless(err) || fault.Is(err, fault.Conflict) }

func (l *Logger) alone(ctx context.Context, r record.Record) error {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	_, err := l.to.Deliver(ctx, r, false)
	return err
}

// together writes the plain records among those at once, where the server is in
// this process, and returns the rest. Where one of them is wrong it returns all.
func (l *Logger) together(ctx context.Context, records []record.Record) ([]record.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	var plain, rest []record.Record
	for _, r := range records {
		if record.Batchable(r) {
			plain = append(plain, r)
		} else {
			rest = append(rest, r)
		}
	}
	ok, err := l.to.WriteRuns(ctx, plain)
	switch {
	case !ok || err != nil && ofOne(err): // each for itself
		return records, nil
	case err != nil:
		return records, err
	}
	l.written(plain)
	return rest, nil
}

// written counts records that are in the store.
func (l *Logger) written(records []record.Record) {
	l.mu.Lock()
	l.stats.Written += len(records)
	l.mu.Unlock()
	for _, r := range records {
		l.visible(r)
	}
}

// visible forgets a record that a reader of the store can see now, or never will.
func (l *Logger) visible(r record.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, r.RunID)
}

// spool puts records on the disk; cause is why, nil where that was said before.
func (l *Logger) spool(records []record.Record, cause error) {
	if len(records) == 0 {
		return
	}
	if cause != nil {
		l.log.Warn("runs go to the disk", "runs", len(records), "folder", l.disk.Dir(), "error", cause, "hint", fault.HintOf(cause))
	}
	err := l.disk.WriteAll(context.Background(), records) // also, and above all, when all else ends
	if err != nil {
		l.log.Error("runs are lost", "runs", len(records), "error", err, "hint", fault.HintOf(err))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.stats.Dropped += len(records)
	} else {
		l.stats.Spooled += len(records)
	}
	for _, r := range records {
		if err != nil || len(l.pending) > l.opts.Queue { // what waits long must not fill the memory
			delete(l.pending, r.RunID)
		} else if r.RunID != "" {
			l.pending[r.RunID] = waiting{record: r, onDisk: true}
		}
	}
}
