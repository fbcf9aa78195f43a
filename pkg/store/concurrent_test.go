package store

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Two handles stand for two processes: SQLite locks files by connection.
func testReaderGoesOnWhileALoadIsInProgress(t *testing.T, on place) {
	writer := on.open(t, "")
	load(t, writer, row(2, "1", 0, 1, 1))
	reader := on.open(t, writer.Path())
	src, _ := file("next.csv")
	got, err := writer.Load(t.Context(), src, func(yield func(sales.Line, error) bool) {
		if !yield(row(2, "1", 1, 2, 1), nil) {
			return
		}
		if p, err := reader.Panel(t.Context()); err != nil || p.Len() != 1 {
			t.Errorf("in the middle: %d periods, %v", p.Len(), err)
		}
		load(t, reader, row(2, "2", 0, 1, 1)) // staging keeps nobody from writing
		yield(row(3, "1", 2, 3, 1), nil)
	})
	if err != nil || got.ID != 3 {
		t.Fatalf("loaded %+v, %v", got, err)
	}
	for _, s := range []*Store{reader, writer} {
		if p, err := s.Panel(t.Context()); err != nil || p.Len() != 4 {
			t.Errorf("at the end: %d periods, %v", p.Len(), err)
		}
	}
}

// What another load brought while this one was staged counts: the second of two
// equal loads finds nothing new.
func testTwoLoadsAtOnce(t *testing.T, on place) {
	a := on.open(t, "")
	b := on.open(t, a.Path())
	var lines []sales.Line
	for i := range 500 {
		lines = append(lines, row(i+2, fmt.Sprint(i%5), i/5, float64(i), 1))
	}
	src, _ := file("same.csv", lines...)
	var staged sync.WaitGroup // both are staged before either compares
	staged.Add(2)
	together := func(yield func(sales.Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
		staged.Done()
		staged.Wait()
	}
	results := make([]sales.Loaded, 2)
	var g errgroup.Group
	for i, s := range []*Store{a, b} {
		g.Go(func() (err error) {
			// A locked database is an answer too: try again, as its hint says.
			results[i], err = s.Load(t.Context(), src, together)
			for fault.Is(err, fault.Unavailable) {
				results[i], err = s.Load(t.Context(), src, seq(lines))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if results[0].ID == 0 {
		results[0], results[1] = results[1], results[0]
	}
	if results[0].Counts.New != len(lines) || results[1].Counts.Unchanged != len(lines) || results[1].ID != 0 {
		t.Errorf("loaded %+v", results)
	}
}

// Each reader sees one load or another, whole: in load n every target is n.
func testManyReadersAndAWriter(t *testing.T, on place) {
	const readers, loads, stores = 1000, 20, 5
	s := on.open(t, "")
	writeLoad := func(n int) error {
		var lines []sales.Line
		for i := range stores {
			lines = append(lines, row(i+2, fmt.Sprint(i+1), 0, float64(n), 1))
		}
		src, seq := file(fmt.Sprint(n), lines...)
		_, err := s.Load(t.Context(), src, seq)
		return err
	}
	if err := writeLoad(1); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.Go(func() error {
		for n := 2; n <= loads; n++ {
			if err := writeLoad(n); err != nil {
				return err
			}
		}
		return nil
	})
	for range readers {
		g.Go(func() error {
			p, err := s.Panel(t.Context())
			if err != nil {
				return err
			}
			for _, series := range p.Series {
				if len(p.Series) != stores || series.Target[0] != p.Series[0].Target[0] {
					return fmt.Errorf("a mixed panel: %+v", p)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Panel(t.Context()); err != nil || p.Series[0].Target[0] != loads {
		t.Errorf("in the end %+v, %v", p, err)
	}
}

func testPanelIsReadOnceForEachLoad(t *testing.T, on place) {
	s := on.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1))
	series := func() *sales.Series {
		p, err := s.Panel(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return &p.Series[0]
	}
	before := series()
	if series() != before {
		t.Error("the panel was read twice")
	}
	load(t, on.open(t, s.Path()), row(2, "1", 1, 2, 1)) // by another process
	if after := series(); after == before || after.Len() != 2 {
		t.Error("the panel is not that of the newest load")
	}
}

func TestLockedDatabase(t *testing.T) {
	s := inFiles{}.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1))
	other := inFiles{}.open(t, s.Path())
	free := errors.New("free")
	err := other.db.InTx(t.Context(), func(*sql.Tx) error { // holds the lock
		if p, err := s.Panel(t.Context()); err != nil || p.Len() != 1 {
			t.Errorf("a reader: %d periods, %v", p.Len(), err)
		}
		src, lines := file("next.csv", row(2, "1", 1, 2, 1))
		_, err := s.Load(t.Context(), src, lines)
		wantKind(t, err, fault.Unavailable, s.Path(), "is locked", "try again")
		wantKind(t, s.Record(t.Context(), []sales.Served{{At: time.Unix(0, 0)}}), fault.Unavailable)
		return free
	})
	if !errors.Is(err, free) {
		t.Fatal(err)
	}
	if got := load(t, s, row(2, "1", 1, 2, 1)); got.ID != 2 {
		t.Errorf("afterwards: %+v", got)
	}
}
