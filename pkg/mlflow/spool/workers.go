package spool

import (
	"context"
	"maps"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

// write is the worker that empties the queue. After Close it goes on until the
// queue is empty; after give, what is left goes to the disk.
func (l *Logger) write(ctx context.Context) {
	for last := false; !last; {
		select {
		case <-l.queued:
		case <-l.closed:
			last = true
		case <-ctx.Done():
			last = true
		}
		for {
			batch := l.takeInHand(l.opts.Batch)
			if len(batch) == 0 {
				break
			}
			l.batch(ctx, batch)
		}
	}
}

// relieve is the worker that takes the oldest half of a crowded queue to the disk
// while the server is busy with a batch.
func (l *Logger) relieve(ctx context.Context) {
	for {
		select {
		case <-l.crowd:
			if l.Stats().Queued > l.opts.Queue/2 {
				l.spool(l.take(l.opts.Queue/2), nil)
			}
		case <-ctx.Done():
			return
		}
	}
}

// retry is the worker that looks now and then whether the server takes what waits
// on the disk.
func (l *Logger) retry(ctx context.Context) {
	tick := time.NewTicker(l.opts.Retry)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.replay(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (l *Logger) replay(ctx context.Context) {
	n, err := l.disk.Len()
	if n == 0 && err == nil {
		l.nothingWaits()
		return
	}
	rep, err := l.disk.replay(ctx, replay{to: l.to, done: l.visible, limit: l.opts.Timeout})
	l.mu.Lock()
	l.stats.Replayed += rep.Delivered
	l.stats.Refused += rep.Bad
	l.mu.Unlock()
	for _, p := range rep.Problems {
		l.log.Warn("a spooled run is not logged", "file", p.Segment, "record", p.ID, "error", p.Err)
	}
	switch {
	case err == nil:
		l.setDown(false)
		l.log.Info("spooled runs are logged", "runs", rep.Delivered, "kept", rep.Kept, "refused", rep.Bad)
	case ctx.Err() == nil:
		l.log.Warn("spooled runs still wait", "error", err, "hint", fault.HintOf(err))
	}
}

// nothingWaits notes that the disk is empty: another program may have replayed
// it. Whether the server is back, the next batch will show.
func (l *Logger) nothingWaits() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
	maps.DeleteFunc(l.pending, func(_ string, w waiting) bool { return w.onDisk })
}

func (l *Logger) setDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}
