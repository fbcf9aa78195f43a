// Package spool keeps finished runs safe while the tracking server is away. What
// trains or serves hands a Record over and goes on: it never waits for the server,
// and no record is lost or written twice.
//
// The way of a record:
//
//  1. Logger.Log puts it into a bounded queue in memory and returns.
//  2. One goroutine takes batches off the queue and writes them to the server, in
//     one transaction where the server is in the same process.
//  3. Where the server fails or is slow, the records go to the disk: a Spool, a
//     folder of segments. A segment is some records as lines of JSON, each with
//     its checksum; it is written beside, flushed, and renamed.
//  4. Replay reads the segments, oldest first, and delivers each record: it looks
//     for a run with the record's TagID, makes it where there is none, completes
//     it where a delivery broke off, and ends it last. A segment is removed after
//     all of it is on the server, so that a crash repeats work but no run.
//  5. A line that is damaged, or a record that the server refuses for good, is set
//     aside in a file that ends in .bad.
//
// One process at a time replays a folder; any number may write to it.
package spool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/disk"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// Names of the files in a spool's folder.
const (
	segmentEnd = ".jsonl" // of a segment: <time>-<random>-<records>.jsonl
	badEnd     = ".bad"   // of what was set aside
	lockFile   = ".lock"  // held while the folder is replayed
)

// abandoned is the age at which an unfinished file belongs to no living process.
const abandoned = time.Hour

// Options bounds a spool.
type Options struct {
	MaxBytes   int64            // of all segments; 0 means 1 GiB
	MaxRecords int              // in all segments; 0 means a million
	Now        func() time.Time // the clock; nil means time.Now
}

// Spool is a folder of records that wait. It is safe for concurrent use.
type Spool struct {
	dir  string
	opts Options

	mu   sync.Mutex
	used usage
}

// usage is how much waits in the folder.
type usage struct {
	bytes   int64
	records int
}

// Open opens the folder, which is made where it is missing.
func Open(dir string, o Options) (*Spool, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxRecords == 0 {
		o.MaxRecords = 1_000_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // what is logged may be confidential
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{dir: dir, opts: o}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	_, err := s.count()
	return s, err
}

// Dir returns the folder.
func (s *Spool) Dir() string { return s.dir }

// Len returns how many records wait.
func (s *Spool) Len() (int, error) {
	u, err := s.count()
	return u.records, err
}

// sweep removes what writers that died left unfinished. Nobody was told that
// those records are safe.
func (s *Spool) sweep() error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !strings.HasPrefix(f.Name(), disk.Unfinished) || s.opts.Now().Sub(info.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// segments returns the names of the segments, oldest first.
func (s *Spool) segments() (names []string, err error) {
	files, err := os.ReadDir(s.dir) // sorted
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), segmentEnd) && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// count looks how much is in the folder: other processes write there, too.
func (s *Spool) count() (usage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked()
}

func (s *Spool) countLocked() (usage, error) {
	names, err := s.segments()
	if err != nil {
		return usage{}, err
	}
	var u usage
	for _, name := range names {
		info, err := os.Stat(filepath.Join(s.dir, name))
		if errors.Is(err, fs.ErrNotExist) { // another process delivered it
			continue
		}
		if err != nil {
			return usage{}, fmt.Errorf("read spool: %w", err)
		}
		u.bytes += info.Size()
		u.records += inName(name)
	}
	s.used = u
	return u, nil
}

// segmentName makes a name that nobody has; at sorts it.
func segmentName(at string, records int) string {
	return at + "-" + rand.Text()[:8] + "-" + strconv.Itoa(records) + segmentEnd
}

// badName is the file for what of the segment is set aside. Set aside again after
// a crash, the same lines go to the same file.
func badName(segment string) string { return strings.TrimSuffix(segment, segmentEnd) + badEnd }

// inName is how many records the segment's name says it holds.
func inName(name string) int {
	name = strings.TrimSuffix(name, segmentEnd)
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil || n < 1 {
		return 1 // somebody renamed it
	}
	return n
}

// Write keeps a record. When it returns nil the record is on the disk.
func (s *Spool) Write(ctx context.Context, r record.Record) error {
	return s.WriteAll(ctx, []record.Record{r})
}

// WriteAll keeps all of the records, in one segment, or none.
func (s *Spool) WriteAll(ctx context.Context, records []record.Record) error {
	for _, r := range records {
		if err := r.Check(); err != nil {
			return err
		}
	}
	if len(records) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	raw, err := encode(records)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(raw, len(records))
}

// put writes a segment within the limits. The caller holds the lock.
func (s *Spool) put(raw []byte, records int) error {
	full := func() bool {
		return s.used.bytes+int64(len(raw)) > s.opts.MaxBytes || s.used.records+records > s.opts.MaxRecords
	}
	if full() {
		if _, err := s.countLocked(); err != nil { // another process may have replayed
			return err
		}
	}
	if full() {
		return fault.New(fault.Failure, "the spool %s is full: %s of %d bytes wait there, the limits are %d and %d bytes",
			s.dir, fault.Counted(s.used.records, "record"), s.used.bytes, s.opts.MaxRecords, s.opts.MaxBytes).
			WithHint("bring the MLflow server back and run `salesctl tracking replay`")
	}
	name := segmentName(fmt.Sprintf("%020d", s.opts.Now().UnixNano()), records)
	if err := disk.WriteFile(filepath.Join(s.dir, name), raw); err != nil {
		return fmt.Errorf("spool %s: %w", fault.Counted(records, "record"), err)
	}
	s.used.bytes += int64(len(raw))
	s.used.records += records
	return nil
}
