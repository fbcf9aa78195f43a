package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

func testCounts(t *testing.T, on place) {
	nan := math.NaN()
	for _, tt := range []struct {
		name  string
		lines []sales.Line
		want  sales.Counts
	}{
		{"nothing new", []sales.Line{row(2, "1", 0, 10, 1)}, sales.Counts{Unchanged: 1}},
		{"a new week", []sales.Line{row(2, "1", 5, 10, 1)}, sales.Counts{New: 1}},
		{"a new store", []sales.Line{row(2, "10", 0, 10, 1)}, sales.Counts{New: 1}},
		{"another target", []sales.Line{row(2, "1", 0, 10.5, 1)}, sales.Counts{Corrected: 1}},
		{"another column", []sales.Line{row(2, "1", 0, 10, 2)}, sales.Counts{Corrected: 1}},
		{"a target goes missing", []sales.Line{row(2, "1", 0, nan, 1)}, sales.Counts{Corrected: 1}},
		{"a column goes missing", []sales.Line{row(2, "1", 0, 10, nan)}, sales.Counts{Corrected: 1}},
		{"missing as before", []sales.Line{row(2, "2", 0, nan, nan)}, sales.Counts{Unchanged: 1}},
		{"a duplicate", []sales.Line{row(2, "1", 5, 7, 1), row(3, "1", 5, 7, 1), row(4, "1", 5, 7, 1)},
			sales.Counts{New: 1, Duplicate: 2}},
		{"a duplicate without values", []sales.Line{row(2, "1", 5, nan, nan), row(3, "1", 5, nan, nan)},
			sales.Counts{New: 1, Duplicate: 1}},
		{"a conflict", []sales.Line{row(2, "1", 5, 7, 1), row(3, "1", 5, 8, 1)}, sales.Counts{Refused: 2}},
		{"a conflict with a missing value", []sales.Line{row(2, "1", 5, 7, 1), row(3, "1", 5, nan, 1)}, sales.Counts{Refused: 2}},
		{"a conflict in a column", []sales.Line{row(2, "1", 5, 7, 1), row(3, "1", 5, 7, 2)}, sales.Counts{Refused: 2}},
		{"a conflict among equals", []sales.Line{row(2, "1", 5, 7, 1), row(3, "1", 5, 7, 1), row(4, "1", 5, 8, 1)},
			sales.Counts{Refused: 3}},
		{"the conflict of a known row", []sales.Line{row(2, "1", 0, 10, 1), row(3, "1", 0, 11, 1)}, sales.Counts{Refused: 2}},
		{"one refused on its way", []sales.Line{bad(2, "no number"), row(3, "1", 5, 7, 1)}, sales.Counts{New: 1, Refused: 1}},
		{"no lines", nil, sales.Counts{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := on.open(t, "")
			load(t, s, row(2, "1", 0, 10, 1), row(3, "1", 1, 11, 1), row(4, "2", 0, nan, nan))
			got := load(t, s, tt.lines...)
			tt.want.Read = len(tt.lines)
			if got.Counts != tt.want {
				t.Errorf("counts %+v, want %+v", got.Counts, tt.want)
			}
			if wrote := tt.want.New+tt.want.Corrected+tt.want.Refused > 0; wrote != (got.ID == 2) {
				t.Errorf("id %d", got.ID)
			}
			if n := len(query(t, s, `SELECT line FROM quarantine`)); n != tt.want.Refused {
				t.Errorf("%d lines in quarantine, want %d", n, tt.want.Refused)
			}
		})
	}
}

func testRefusalsSayWhatAndWhere(t *testing.T, on place) {
	s := on.open(t, "")
	got := load(t, s, row(2, "1", 0, 1, 1), row(9, "7", 1, 1, 1), bad(5, `target "x" is not a number`), row(4, "7", 1, 2, 1))
	want := []sales.Refusal{
		{Line: 4, Reason: "lines 4 to 9 give different values for 7, 2024-01-12", Raw: "raw 4"},
		{Line: 5, Reason: `target "x" is not a number`, Raw: "raw 5"},
		{Line: 9, Reason: "lines 4 to 9 give different values for 7, 2024-01-12", Raw: "raw 9"},
	}
	if diff := cmp.Diff(want, got.Refusals); diff != "" {
		t.Error(diff)
	}
	kept := query(t, s, `SELECT load_id, line, reason, raw FROM quarantine ORDER BY line`)
	if diff := cmp.Diff([]string{"1", "5", `target "x" is not a number`, "raw 5"}, kept[1]); diff != "" {
		t.Error(diff)
	}
}

func testOnlyTheFirstRefusalsAreListed(t *testing.T, on place) {
	s := on.open(t, "")
	lines := []sales.Line{row(1000, "1", 0, 1, 1)}
	for i := range 50 {
		lines = append(lines, bad(60-i, "no"))
	}
	got := load(t, s, lines...)
	if got.Counts.Refused != 50 || len(got.Refusals) != 20 || got.Refusals[0].Line != 11 {
		t.Errorf("%d refused, %d listed from line %d", got.Counts.Refused, len(got.Refusals), got.Refusals[0].Line)
	}
}

// A second run of a file leaves the very bytes of the database alone, even if it
// has refused lines.
func testSameFileAgainChangesNothing(t *testing.T, on place) {
	s := on.open(t, "")
	lines := []sales.Line{row(2, "1", 0, 1, 1), bad(3, "no"), row(4, "2", 0, 1, 1), row(5, "2", 0, 2, 1)}
	first := load(t, s, lines...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := on.content(t, s.Path())
	s = on.open(t, s.Path())
	again := load(t, s, lines...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := on.content(t, s.Path()); after != before {
		t.Error("the file has changed")
	}
	if want := (sales.Counts{Read: 4, Unchanged: 1, Refused: 3}); first.ID != 1 || again.ID != 0 || again.Counts != want {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if diff := cmp.Diff(first.Refusals, again.Refusals); diff != "" {
		t.Error(diff)
	}
}

func testRowsAbsentFromALaterFileAreKept(t *testing.T, on place) {
	s := on.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1), row(3, "1", 1, 2, 1))
	load(t, s, row(2, "1", 2, 3, 1))
	p, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, 2, 3}, p.Series[0].Target); diff != "" {
		t.Error(diff)
	}
}

func testStrictLoadsAllOrNothing(t *testing.T, on place) {
	s := on.open(t, "")
	src, lines := file("week.csv", row(2, "1", 0, 1, 1), bad(3, "a"), bad(4, "b"), bad(5, "c"), bad(6, "d"))
	src.Strict = true
	got, err := s.Load(t.Context(), src, lines)
	wantKind(t, err, fault.Invalid, "week.csv", "4 of 5 lines", "line 3: a; line 4: b; line 5: c; and 1 more", "--strict")
	want := sales.Counts{Read: 5, New: 1, Refused: 4}
	if got.ID != 0 || got.Counts != want || len(got.Refusals) != 4 {
		t.Errorf("loaded %+v", got)
	}
	if _, err := s.Panel(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("something was loaded: %v", err)
	}
	src, lines = file("week.csv", row(2, "1", 0, 1, 1))
	src.Strict = true
	if got, err := s.Load(t.Context(), src, lines); err != nil || got.ID != 1 {
		t.Errorf("a clean file: %+v, %v", got, err)
	}
}

func testNothingAcceptedIsNoFirstLoad(t *testing.T, on place) {
	s := on.open(t, "")
	for _, lines := range [][]sales.Line{nil, {bad(2, "no date")}, {row(2, "1", 0, 1, 1), row(3, "1", 0, 2, 1)}} {
		src, seq := file("odd.csv", lines...)
		got, err := s.Load(t.Context(), src, seq)
		wantKind(t, err, fault.Invalid, "odd.csv is not loaded")
		if got.Counts.Refused != len(lines) {
			t.Errorf("counts %+v", got.Counts)
		}
	}
	load(t, s, row(2, "1", 0, 1, 1))
	src, seq := file("odd.csv", bad(2, "no date"))
	src.Replace = true
	_, err := s.Load(t.Context(), src, seq)
	wantKind(t, err, fault.Invalid, "all of its 1 lines are refused: line 2: no date")
	if n := len(query(t, s, `SELECT id FROM "load"`)); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
}

// Half-way through a load the file breaks, or its observations are of another
// form than the schema says: the database keeps its bytes.
func testHalfALoadLeavesNothing(t *testing.T, on place) {
	broken := errors.New("the pipe broke")
	short := row(4, "1", 3, 1, 1)
	short.Observation.Columns = nil
	long := row(4, "1", 3, 1, 1)
	long.Observation.Key = sales.Key{"1", "2"}
	static := row(4, "1", 3, 1, 1)
	static.Observation.Static = []string{"A"}
	sunday := row(4, "1", 3, 1, 1)
	sunday.Observation.Period += 2
	for _, tt := range []struct {
		name string
		last sales.Line
		err  error
		want string
	}{
		{"the sequence fails", sales.Line{}, fault.New(fault.Invalid, "line 4: %w", broken), "line 4: the pipe broke"},
		{"a column short", short, nil, "line 4: 1 2024-01-26 has 0 columns, want 1"},
		{"a key too long", long, nil, "line 4: key 1/2 has 2 parts, want 1"},
		{"a static value too many", static, nil, "line 4: 1 2024-01-26 has 1 static columns, want 0"},
		{"a Sunday", sunday, nil, "line 4: 1 2024-01-28 is not the end of a week (W-FRI)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := on.open(t, "")
			load(t, s, row(2, "1", 0, 1, 1))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			before := on.content(t, s.Path())
			s = on.open(t, s.Path())
			src, _ := file("next.csv")
			_, err := s.Load(t.Context(), src, func(yield func(sales.Line, error) bool) {
				_ = yield(row(2, "1", 1, 1, 1), nil) && yield(row(3, "1", 2, 1, 1), nil) && yield(tt.last, tt.err)
			})
			if err == nil || err.Error() != "load next.csv: "+tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if tt.err != nil && (!errors.Is(err, broken) || !fault.Is(err, fault.Invalid)) {
				t.Errorf("error %v lost its cause or kind", err)
			}
			if got := load(t, s, row(2, "1", 0, 1, 1)); got.ID != 0 { // the store still works
				t.Errorf("loaded %+v", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if on.content(t, s.Path()) != before {
				t.Error("the file has changed")
			}
		})
	}
}

func testCancelledLoadLeavesNothing(t *testing.T, on place) {
	s := on.open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	src, _ := file("long.csv")
	n := 0
	_, err := s.Load(ctx, src, func(yield func(sales.Line, error) bool) {
		for n = 0; n < 1000 && yield(row(n+2, "1", n, 1, 1), nil); n++ {
			if n == 10 {
				cancel()
			}
		}
	})
	if !errors.Is(err, ctx.Err()) || n > 11 {
		t.Errorf("%v after %d lines", err, n)
	}
	if _, err := s.Panel(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("something was loaded: %v", err)
	}
	load(t, s, row(2, "1", 0, 1, 1))
}

func testCancelledWhileWriting(t *testing.T, on place) {
	s := on.open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	s.now = func() time.Time { cancel(); return clock() } // asked for as the load is written
	src, lines := file("a.csv", row(2, "1", 0, 1, 1))
	if _, err := s.Load(ctx, src, lines); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	s.now = clock
	if got, err := s.Load(t.Context(), src, lines); err != nil || got.ID != 1 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

func TestFullDiskLeavesNothing(t *testing.T) {
	s := inFiles{}.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1))
	pages := query(t, s, `PRAGMA page_count`)[0][0]
	write(t, s, `PRAGMA max_page_count = `+pages)
	var lines []sales.Line
	for i := range 500 { // some twenty pages
		lines = append(lines, row(i+2, "2", i, float64(i), 1))
	}
	src, _ := file("long.csv", lines...)
	_, err := s.Load(t.Context(), src, seq(lines))
	wantKind(t, err, fault.Failure, s.Path(), "cannot grow", "free space")
	p, err := s.Panel(t.Context())
	if err != nil || p.Len() != 1 {
		t.Errorf("%d periods, %v", p.Len(), err)
	}
	write(t, s, `PRAGMA max_page_count = 100000`)
	if got, err := s.Load(t.Context(), src, seq(lines)); err != nil || got.ID != 2 {
		t.Errorf("with room again: %+v, %v", got, err)
	}
}

func testStaticValuesAreVersioned(t *testing.T, on place) {
	s := on.open(t, "")
	typed := weekly
	typed.StaticNames = []string{"type"}
	at := func(week int, static string) sales.Line {
		l := row(week+2, "1", week, 1, 1)
		l.Observation.Static = []string{static}
		return l
	}
	load := func(lines ...sales.Line) sales.Loaded {
		src, seq := file(fmt.Sprint(lines), lines...)
		src.Schema = typed
		l, err := s.Load(t.Context(), src, seq)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	load(at(0, "A"), at(1, "A"))
	if got, want := load(at(0, "A"), at(1, "B")).Counts, (sales.Counts{Read: 2, Corrected: 1, Unchanged: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if got, want := load(at(0, "A"), at(1, "B")).Counts, (sales.Counts{Read: 2, Unchanged: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	p, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []sales.Series{{Key: sales.Key{"1"}, Static: []string{"B"}, Frequency: typed.Frequency, Start: friday,
		Target: []float64{1, 1}, Columns: [][]float64{{1, 1}}}}
	if diff := cmp.Diff(want, p.Series, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if got, want := load(at(1, "A")).Counts, (sales.Counts{Read: 1, Corrected: 1}); got != want { // and back
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestOpenWithoutADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sales.db")
	_, err := Open(t.Context(), "sqlite:///"+path, Options{})
	wantKind(t, err, fault.NotFound, path, "run salesctl etl")
	_, err = Open(t.Context(), "sqlite:///"+filepath.Join(path, "sales.db"), Options{Create: true})
	wantKind(t, err, fault.NotFound, path, "create it")
	s := inFiles{}.open(t, path)
	_, err = s.Panel(t.Context())
	wantKind(t, err, fault.NotFound, path, "run salesctl etl")
	if _, ok, err := s.Remembered(t.Context()); ok || err != nil {
		t.Errorf("an empty database remembers: %v, %v", ok, err)
	}
}
