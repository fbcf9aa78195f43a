package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/disk"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// Report says what became of the records of a replay.
type Report struct {
	Delivered int              // on the server now, in whole
	Kept      int              // still in the spool: the server could not take them yet
	Bad       int              // set aside in files that end in .bad
	Versions  []record.Version // that models of the delivered records stand as
	Problems  []Problem        // of the records that were kept or set aside, in their order
}

// Problem is why a record was kept or set aside.
type Problem struct {
	Segment string // the file; of what was set aside, the one that ends in .bad
	ID      string // of the record; "" where it cannot be read
	Err     error
}

// Replay delivers what waits, oldest first, and tells progress after each record
// how many of how many are done; progress may be nil. It stops at the first error
// that is not one record's own, such as a server that is away; what was delivered
// until then stands in the Report. Replayed again, no record makes a second run.
func (s *Spool) Replay(ctx context.Context, to record.Destination, progress func(done, all int)) (Report, error) {
	return s.replay(ctx, replay{to: record.NewWriter(to), progress: progress, done: func(record.Record) {}})
}

// replay carries out r, which says where to and whom to tell.
func (s *Spool) replay(ctx context.Context, r replay) (rep Report, err error) {
	unlock, ok, err := disk.TryLock(filepath.Join(s.dir, lockFile))
	if err != nil {
		return rep, fmt.Errorf("replay: %w", err)
	}
	if !ok {
		return rep, fault.New(fault.Conflict, "another program replays %s at the moment", s.dir).
			WithHint("wait until it is done")
	}
	defer func() { err = errors.Join(err, unlock()) }()
	defer func() {
		_, counting := s.count()
		err = errors.Join(err, counting)
	}()
	names, err := s.segments()
	if err != nil {
		return rep, err
	}
	r.s, r.report = s, &rep
	for _, name := range names {
		r.all += inName(name)
	}
	for _, name := range names {
		if err := r.segment(ctx, name); err != nil {
			rep.Kept += r.all - r.count
			return rep, err
		}
	}
	return rep, nil
}

// replay is one call of Replay.
type replay struct {
	s          *Spool
	to         *record.Writer
	report     *Report
	progress   func(done, all int)
	done       func(record.Record) // told of each record that has left the spool
	limit      time.Duration       // of the delivery of one record; 0 is none
	all, count int                 // of the records, as the names tell
}

// segment delivers the records of one segment, and leaves in the spool what could
// not be delivered.
func (r *replay) segment(ctx context.Context, name string) error {
	entries, err := read(filepath.Join(r.s.dir, name))
	if errors.Is(err, fs.ErrNotExist) { // somebody removed it
		return nil
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	var keep, bad [][]byte
	for i, e := range entries {
		err := e.err
		if err == nil {
			var d record.Delivered
			d, err = r.deliver(ctx, e.record)
			r.report.Versions = append(r.report.Versions, d.Versions...)
		}
		switch {
		case err == nil:
			r.report.Delivered++
			r.done(e.record)
		case e.err != nil || hopeless(err):
			bad = append(bad, e.raw)
			r.report.Bad++
			r.problem(badName(name), e, err)
			r.done(e.record)
		case fault.Is(err, fault.Conflict): // somebody may resolve it
			keep = append(keep, e.raw)
			r.report.Kept++
			r.problem(name, e, err)
		default: // the server's trouble
			for _, rest := range entries[i:] {
				keep = append(keep, rest.raw)
			}
			if failed := r.settle(name, entries, keep, bad); failed != nil {
				err = errors.Join(err, failed)
			}
			return err
		}
		r.step()
	}
	return r.settle(name, entries, keep, bad)
}

// deliver sends one record, within the limit: who replays beside other work must
// not hang on a server that takes connections and says nothing.
func (r *replay) deliver(ctx context.Context, one record.Record) (record.Delivered, error) {
	if r.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.limit)
		defer cancel()
	}
	return r.to.Deliver(ctx, one, true)
}

func (r *replay) problem(segment string, e entry, err error) {
	r.report.Problems = append(r.report.Problems, Problem{Segment: segment, ID: e.record.ID, Err: err})
}

func (r *replay) step() {
	r.count++
	if r.progress != nil {
		r.progress(r.count, max(r.all, r.count))
	}
}

// settle replaces the segment by what is still to be done. Until the segment is
// removed, a crash makes records be delivered again, which does no harm.
func (r *replay) settle(name string, entries []entry, keep, bad [][]byte) error {
	if len(keep) == len(entries) {
		return nil
	}
	if len(bad) > 0 {
		if err := disk.WriteFile(filepath.Join(r.s.dir, badName(name)), slices.Concat(bad...)); err != nil {
			return fmt.Errorf("set records aside: %w", err)
		}
	}
	if len(keep) > 0 { // in its place among the others
		at, _, _ := strings.Cut(name, "-")
		if err := disk.WriteFile(filepath.Join(r.s.dir, segmentName(at, len(keep))), slices.Concat(keep...)); err != nil {
			return fmt.Errorf("keep records: %w", err)
		}
	}
	return os.Remove(filepath.Join(r.s.dir, name))
}
