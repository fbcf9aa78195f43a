package etl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

const twoWeeks = "Store,Date,Sales\n1,05-02-2010,5\n1,19-02-2010,7\n"

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, []byte(twoWeeks), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	r, err := etl.Run(t.Context(), etl.Input{Name: path}, m, etl.Options{Mapping: small()})
	if err != nil || r.Counts.New != 2 || r.Source.Name != path {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestFileFaults(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tests := map[string]struct {
		in         etl.Input
		kind       fault.Kind
		want, hint string
	}{
		"missing":   {etl.Input{Name: "none.csv"}, fault.NotFound, "there is no file none.csv", filepath.Join(dir, "none.csv")},
		"absolute":  {etl.Input{Name: filepath.Join(dir, "no.csv")}, fault.NotFound, "there is no file " + dir, "check the path"},
		"directory": {etl.Input{Name: dir}, fault.Invalid, dir + " is a directory", "one CSV file"},
		"broken": {
			etl.Input{Name: "-", Reader: io.MultiReader(strings.NewReader(twoWeeks), iotest.ErrReader(errors.New("bad disk")))},
			fault.Failure, "read standard input: bad disk", "",
		},
		"broken, in memory": {
			etl.Input{Name: "x", Reader: noSeek{strings.NewReader(twoWeeks)}}, fault.Failure, "x: no seeking", "",
		},
		"no room": {
			etl.Input{Name: "-", Reader: iotest.DataErrReader(strings.NewReader(twoWeeks)), TempDir: filepath.Join(dir, "none")},
			fault.Failure, "keep standard input for its second reading", "",
		},
		"empty standard input": {etl.Input{Name: "-", Reader: bytes.NewBuffer(nil)}, fault.Invalid, "standard input is empty", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := etl.Run(t.Context(), tt.in, &memory{}, etl.Options{Mapping: small()})
			if fault.KindOf(err) != tt.kind || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Errorf("got %v (kind %d, hint %s), want %s", err, fault.KindOf(err), fault.HintOf(err), tt.want)
			}
		})
	}
}

type noSeek struct{ io.Reader }

func (noSeek) Seek(int64, int) (int64, error) { return 0, errors.New("no seeking") }

// What cannot be read twice is kept in a file while it is needed and no longer.
func TestStandardInput(t *testing.T) {
	dir := t.TempDir()
	left := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run := func(ctx context.Context, m *memory, text string) error {
		in := etl.Input{Name: "-", Reader: iotest.OneByteReader(strings.NewReader(text)), TempDir: dir}
		_, err := etl.Run(ctx, in, m, etl.Options{Mapping: small()})
		return err
	}
	during := 0
	m := &memory{each: func(sales.Line) { during = left() }}
	if err := run(t.Context(), m, twoWeeks); err != nil || len(m.lines) != 2 || during != 1 || left() != 0 {
		t.Errorf("%v, %d lines, %d files during the load, %d after", err, len(m.lines), during, left())
	}
	if err := run(t.Context(), &memory{}, "Store\n"); !fault.Is(err, fault.Invalid) || left() != 0 {
		t.Errorf("%v, %d files left after a refused file", err, left())
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	m = &memory{each: func(sales.Line) { cancel(); seen++ }}
	if err := run(ctx, m, twoWeeks); err != context.Canceled || left() != 0 || m.first != nil || seen != 1 {
		t.Errorf("%v, %d files left and %d lines loaded after a cancellation", err, left(), seen)
	}
}

// stuck is a reader that never comes back, as a terminal that nobody types on.
type stuck struct {
	entered func()
	never   chan struct{}
}

func (s stuck) Read([]byte) (int, error) {
	s.entered()
	<-s.never
	return 0, io.EOF
}

// Standard input that brings nothing does not hold up a cancellation.
func TestCancelWhileWaiting(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	s := stuck{cancel, make(chan struct{})}
	t.Cleanup(func() { close(s.never) })
	if _, err := etl.Run(ctx, etl.Input{Name: "-", Reader: s, TempDir: dir}, &memory{}, etl.Options{}); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%d files are left", len(entries))
	}
}

// A pipe is an open file that cannot be read twice.
func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fmt.Fprint(w, twoWeeks)
	w.Close()
	m := &memory{}
	if _, err := etl.Run(t.Context(), etl.Input{Name: "-", Reader: r, TempDir: t.TempDir()}, m, etl.Options{Mapping: small()}); err != nil || len(m.lines) != 2 {
		t.Errorf("%d lines, %v", len(m.lines), err)
	}
}

// An open file is read as it is, from where it stands, and left open.
func TestRedirectedFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "data.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "skipped\n"+twoWeeks)
	if _, err := f.Seek(int64(len("skipped\n")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	in := etl.Input{Name: "-", Reader: f, TempDir: "no such directory"}
	if _, err := etl.Run(t.Context(), in, m, etl.Options{Mapping: small()}); err != nil || len(m.lines) != 2 {
		t.Errorf("%d lines, %v", len(m.lines), err)
	}
	if _, err := f.Stat(); err != nil {
		t.Error(err)
	}
}

// A file that changes between the readings is not loaded: what was found out
// about it may not hold any more.
func TestChangedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, []byte(twoWeeks), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &memory{each: func(l sales.Line) {
		if l.Number > 2 {
			return
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintln(f, "1,26-02-2010,9")
	}}
	_, err := etl.Run(t.Context(), etl.Input{Name: path}, m, etl.Options{Mapping: small()})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "changed while it was read") || m.first != nil {
		t.Errorf("got %v", err)
	}
}

// failing is a Loader that fails in one of its methods.
type failing struct {
	memory
	err error
}

func (f *failing) Remembered(context.Context) (sales.Source, bool, error) {
	return sales.Source{}, false, f.err
}

func TestLoaderFails(t *testing.T) {
	want := fault.New(fault.Unavailable, "locked")
	in := etl.Input{Name: "x", Reader: strings.NewReader(twoWeeks)}
	if _, err := etl.Run(t.Context(), in, &failing{err: want}, etl.Options{}); !errors.Is(err, want) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestProgress(t *testing.T) {
	var got [][2]int
	o := etl.Options{Mapping: small(), Progress: func(read, total int) { got = append(got, [2]int{read, total}) }}
	if _, err := etl.Run(t.Context(), etl.Input{Name: "x", Reader: &weeks{lines: 10000}}, &counting{check: func() {}}, o); err != nil {
		t.Fatal(err)
	}
	want := "[[4096 0] [8192 0] [4096 10000] [8192 10000] [10000 10000]]"
	if s := fmt.Sprint(got); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// weeks is a CSV of any length that takes no room: store after store, 100 weeks
// each.
type weeks struct {
	lines int
	at    int // the next line, 0 for the header
	rest  []byte
}

func (w *weeks) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && offset == 0 {
		w.at, w.rest = 0, nil
	}
	return 0, nil
}

func (w *weeks) Read(p []byte) (int, error) {
	for ; len(w.rest) < len(p) && w.at <= w.lines; w.at++ {
		if w.at == 0 {
			w.rest = append(w.rest, "Store,Date,Sales\n"...)
			continue
		}
		day := sales.Date(2010, 2, 5) + sales.Period(w.at%100*7)
		w.rest = append(strconv.AppendInt(w.rest, int64(w.at/100), 10), ',')
		w.rest = append(day.Time().AppendFormat(w.rest, "02-01-2006"), ',')
		w.rest = append(strconv.AppendInt(w.rest, int64(w.at), 10), ".5\n"...)
	}
	if len(w.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, w.rest)
	w.rest = append(w.rest[:0], w.rest[n:]...)
	return n, nil
}

// counting is a Loader that keeps nothing but the memory in use.
type counting struct {
	memory
	check func()
}

func (c *counting) Load(_ context.Context, _ sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error) {
	var n sales.Counts
	for _, err := range lines {
		if err != nil {
			return sales.Loaded{}, err
		}
		if n.Read++; n.Read%100_000 == 0 {
			c.check()
		}
	}
	n.New = n.Read
	return sales.Loaded{Counts: n}, nil
}

// Memory in use does not grow with the file: 6 MB of lines leave less than 1 MB.
func TestStreams(t *testing.T) {
	const lines = 300_000
	inUse := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before, most := inUse(), uint64(0)
	c := &counting{check: func() { most = max(most, inUse()) }}
	r, err := etl.Run(t.Context(), etl.Input{Name: "x", Reader: &weeks{lines: lines}}, c, etl.Options{Mapping: small()})
	if err != nil || r.Counts.Read != lines {
		t.Fatalf("read %d lines, %v", r.Counts.Read, err)
	}
	if most > before+1<<20 {
		t.Errorf("%d bytes in use, %d before", most, before)
	}
}
