package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

const (
	recordTimeout = 2 * time.Second        // bounds how long an answer waits for its record
	retryPause    = 250 * time.Millisecond // between two tries to write what waits
	maxWaiting    = 10_000                 // numbers that wait; more are a line in the log
)

// backlog holds what the Recorder could not take in, because a big load has the
// database to itself, in the order of the answers. Only the first answer waits
// for the lock; the others wait here, in memory, until it is gone.
type backlog struct {
	mu      sync.Mutex
	waiting []sales.Served
	idle    chan struct{} // closed when nothing waits any more; nil where nothing does
}

// add appends, all or nothing; first asks the caller to see to the writing.
func (b *backlog) add(served []sales.Served) (first, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting)+len(served) > maxWaiting {
		return false, false
	}
	b.waiting = append(b.waiting, served...)
	if first = b.idle == nil; first {
		b.idle = make(chan struct{})
	}
	return first, true
}

// batch returns what waits now.
func (b *backlog) batch() []sales.Served {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// done drops the first n and reports whether nothing is left.
func (b *backlog) done(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting = b.waiting[n:]; len(b.waiting) > 0 {
		return false
	}
	close(b.idle)
	b.waiting, b.idle = nil, nil
	return true
}

// wait returns when nothing waits or ctx ends.
func (b *backlog) wait(ctx context.Context) {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// record keeps what is about to be answered, also when the client has gone. A
// recorder that cannot is a line in the log and never a failed request.
func (s *server) record(ctx context.Context, served []sales.Served) {
	at := s.Now()
	for i := range served {
		served[i].At, served[i].RequestID, served[i].Version = at, requestID(ctx), s.Version
	}
	if len(s.late.batch()) == 0 {
		err := s.tell(ctx, served)
		if err == nil {
			return
		}
		if !locked(err) {
			s.lost(ctx, served, err)
			return
		}
	}
	first, ok := s.late.add(served)
	switch {
	case !ok:
		s.lost(ctx, served, errors.New("too many wait for the database"))
	case first:
		go s.catchUp(context.WithoutCancel(ctx))
	}
}

// catchUp writes what waits until nothing does.
func (s *server) catchUp(ctx context.Context) {
	for left := true; left; {
		batch := s.late.batch()
		err := s.tell(ctx, batch)
		if locked(err) {
			time.Sleep(retryPause)
			continue
		}
		if err != nil {
			s.lost(ctx, batch, err)
		}
		left = !s.late.done(len(batch))
	}
}

// tell hands numbers to the Recorder, which sees no end of the request's context.
func (s *server) tell(ctx context.Context, served []sales.Served) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return s.Recorder.Record(limited, served)
}

// locked tells the errors that time mends.
func locked(err error) bool {
	return fault.Is(err, fault.Unavailable) || errors.Is(err, context.DeadlineExceeded)
}

// lost is the line in the log that is left of numbers that cannot be kept.
func (s *server) lost(ctx context.Context, served []sales.Served, err error) {
	s.Logger.ErrorContext(ctx, "answer not recorded", "request_id", served[0].RequestID, "numbers", len(served), "error", err)
}

// Settle waits for what still is to be recorded, until ctx ends.
func (s *server) Settle(ctx context.Context) {
	s.late.wait(ctx)
	if left := s.late.batch(); len(left) > 0 {
		s.lost(ctx, left, ctx.Err())
	}
}
