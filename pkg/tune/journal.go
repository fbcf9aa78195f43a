package tune

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/salesctl/salesctl/pkg/disk"
	"github.com/salesctl/salesctl/pkg/fault"
)

// journalFormat changes with what the lines of a journal mean.
const journalFormat = 1

// Journal keeps the scores of one search on the disk, a line each, written
// through before the search goes on: what was scored before a kill is not scored
// again. The first line says which search it is of. Its methods are safe for
// concurrent use; a nil Journal knows nothing and keeps nothing.
//
// Two processes of the same search may share a journal: each line is one append,
// and both write the same scores.
//
// A line is JSON with a checksum, and has one form only. A score is text, so that
// NaN and infinities have one, and the shortest that reads back as the same bits.
type Journal struct {
	path  string
	file  *os.File
	mu    sync.Mutex
	known map[place]float64
}

// place is where a score belongs.
type place struct{ trial, fold int }

// journalHead is the first line.
type journalHead struct {
	Journal string `json:"journal"`
	Format  int    `json:"format"`
	Search  string `json:"search"`
	CRC     string `json:"crc"`
}

// journalLine is every other line.
type journalLine struct {
	Trial int    `json:"trial"`
	Fold  int    `json:"fold"`
	Score string `json:"score"`
	CRC   string `json:"crc"`
}

func newHead(search string) journalHead {
	return journalHead{"salesctl tune", journalFormat, search, checksum(journalFormat, search)}
}

func newLine(p place, score float64) journalLine {
	text := strconv.FormatFloat(score, 'g', -1, 64)
	return journalLine{p.trial, p.fold, text, checksum(p.trial, p.fold, text)}
}

func checksum(of ...any) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(fmt.Sprintln(of...))))
}

// OpenJournal opens the journal of a search at path, or begins it, with its
// folder. search names the search: its data, space, options and code; a journal of
// another one is a fault.Conflict. A last line that a kill cut short is dropped;
// damage elsewhere is a fault.Integrity that names the line.
func OpenJournal(path, search string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	j := &Journal{path: path, known: map[place]float64{}}
	if err := j.read(whole, search); err != nil {
		return nil, err
	}
	if len(whole) < len(text) {
		if err := os.Truncate(path, int64(len(whole))); err != nil {
			return nil, err
		}
	}
	if j.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if len(whole) == 0 {
		err = errors.Join(j.write(newHead(search)), disk.SyncDir(filepath.Dir(path)))
	}
	if err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return j, nil
}

// read takes in whole lines.
func (j *Journal) read(text []byte, search string) error {
	for n := 1; len(text) > 0; n++ {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		err := j.readLine(line, n == 1, search)
		if fault.Is(err, fault.Conflict) {
			return err
		}
		if err != nil {
			return fault.New(fault.Integrity, "tuning journal %s, line %d: %w", j.path, n, err).
				WithHint("remove the file, and the search begins again")
		}
	}
	return nil
}

// readLine takes in one line: it must be what would be written for what it says.
func (j *Journal) readLine(line []byte, head bool, search string) error {
	if head {
		var h journalHead
		if err := decode(line, &h); err != nil {
			return err
		}
		want := newHead(h.Search)
		if h.Format != journalFormat {
			return fmt.Errorf("format %d, this program knows %d", h.Format, journalFormat)
		}
		if !same(line, want) {
			return errors.New("damaged")
		}
		if h.Search != search {
			return fault.New(fault.Conflict, "tuning journal %s belongs to another search", j.path).
				WithHint("remove the file, and the search begins again")
		}
		return nil
	}
	var l journalLine
	if err := decode(line, &l); err != nil {
		return err
	}
	score, err := strconv.ParseFloat(l.Score, 64)
	at := place{l.Trial, l.Fold}
	if err != nil || !same(line, newLine(at, score)) {
		return errors.New("damaged")
	}
	// Two processes of the same search write the same; NaN is equal here.
	if before, twice := j.known[at]; twice && cmp.Compare(before, score) != 0 {
		return fmt.Errorf("candidate %d has two scores on fold %d", at.trial+1, at.fold+1)
	}
	j.known[at] = score
	return nil
}

// decode reads JSON without unknown members.
func decode(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("damaged: %w", err)
	}
	return nil
}

// same reports whether the line is the one form of v.
func same(line []byte, v any) bool {
	text, err := json.Marshal(v)
	return err == nil && bytes.Equal(line, text)
}

// check refuses scores that the search has no place for.
func (j *Journal) check(trials, folds int) error {
	for at := range j.known {
		if at.trial < 0 || at.trial >= trials || at.fold < 0 || at.fold >= folds {
			return fault.New(fault.Integrity, "tuning journal %s has a score of candidate %d, fold %d: the search has %d and %d",
				j.path, at.trial+1, at.fold+1, trials, folds).WithHint("remove the file, and the search begins again")
		}
	}
	return nil
}

// lookup returns the score that the journal has.
func (j *Journal) lookup(trial, fold int) (score float64, ok bool) {
	if j == nil {
		return 0, false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	score, ok = j.known[place{trial, fold}]
	return score, ok
}

// add keeps a score.
func (j *Journal) add(trial, fold int, score float64) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at := place{trial, fold}
	j.known[at] = score
	return j.write(newLine(at, score))
}

// write appends a line, in one piece, and sees it onto the disk.
func (j *Journal) write(line any) error {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("keep the tuning journal: %w", err)
	}
	return nil
}

// Close closes the file, which stays.
func (j *Journal) Close() error { return j.file.Close() }
