package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// what makes a source of one row; edit changes it.
func what(edit func(*sales.Source)) sales.Source {
	src, _ := file("a.csv", row(2, "1", 0, 1, 1))
	if edit != nil {
		edit(&src)
	}
	return src
}

func sample(s *sales.Source) { s.Sample = true }

func testAdmission(t *testing.T, on place) {
	const replace = "--replace"
	other := func(s *sales.Source) { s.Digest = "other" }
	for _, tt := range []struct {
		name       string
		have, next sales.Source
		kind       fault.Kind // Failure: it is admitted
		words      []string
	}{
		{"the sample again", what(sample), what(sample), fault.Failure, nil},
		{"the sample of another version", what(sample), what(func(s *sales.Source) { sample(s); other(s) }), fault.Invalid, []string{replace}},
		{"a file after the sample", what(sample), what(other), fault.Invalid, []string{replace, "a.csv", "sample"}},
		{"the sample's file after the sample", what(sample), what(nil), fault.Invalid, []string{replace, "sample"}},
		{"the sample after a file", what(other), what(sample), fault.Invalid, []string{replace, "a.csv"}},
		{"the sample after its own file", what(nil), what(sample), fault.Invalid, []string{replace}},
		{"a file after a file", what(nil), what(other), fault.Failure, nil},
		{"another frequency", what(nil), what(func(s *sales.Source) { s.Schema.Frequency.Ends = time.Sunday }),
			fault.Conflict, []string{replace, "periods of frequency W-FRI, the file W-SUN"}},
		{"another key", what(nil), what(func(s *sales.Source) { s.Schema.KeyNames = []string{"shop"} }),
			fault.Conflict, []string{replace, "the key store, the file shop"}},
		{"another column", what(nil), what(func(s *sales.Source) { s.Schema.ColumnNames = []string{"price"} }),
			fault.Conflict, []string{replace, "the columns cpi, the file price"}},
		{"a static column", what(nil), what(func(s *sales.Source) { s.Schema.StaticNames = []string{"type"} }),
			fault.Conflict, []string{replace, "the static columns none, the file type"}},
		{"another header of the target", what(nil), what(func(s *sales.Source) { s.Format.Target = "Units" }),
			fault.Conflict, []string{replace, "the target under the header Weekly_Sales, the file Units"}},
		{"another header of the date", what(nil), what(func(s *sales.Source) { s.Format.Date = "Shipped" }),
			fault.Conflict, []string{replace, "the date under the header Date, the file Shipped"}},
		{"another header of a column", what(nil), what(func(s *sales.Source) { s.Format.Columns = []string{"Price"} }),
			fault.Conflict, []string{replace, "the columns under the headers CPI, the file Price"}},
		{"another layout", what(nil), what(func(s *sales.Source) { s.Format.DateLayout = time.DateOnly }), fault.Failure, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := on.open(t, "")
			lines := []sales.Line{row(2, "1", 0, 1, 1)}
			if _, err := s.Load(t.Context(), tt.have, seq(lines)); err != nil {
				t.Fatal(err)
			}
			_, err := s.Load(t.Context(), tt.next, seq(lines))
			if tt.kind == fault.Failure {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, tt.kind, append(tt.words, s.Path())...)
			if loads, err := s.Loads(t.Context()); err != nil || len(loads) != 1 {
				t.Errorf("%d loads, %v", len(loads), err)
			}
			tt.next.Replace = true
			fitting := lines[0]
			if n := len(tt.next.Schema.StaticNames); n > 0 {
				fitting.Observation.Static = make([]string, n)
			}
			fitting.Observation.Period = tt.next.Schema.Frequency.Of(fitting.Observation.Period)
			if got, err := s.Load(t.Context(), tt.next, seq([]sales.Line{fitting})); err != nil || got.ID != 2 {
				t.Errorf("with Replace: %+v, %v", got, err)
			}
		})
	}
}

func testAFileThatIsNotAdmittedIsNotRead(t *testing.T, on place) {
	s := on.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1))
	_, err := s.Load(t.Context(), what(sample), func(func(sales.Line, error) bool) { t.Error("it was read") })
	wantKind(t, err, fault.Invalid)
}

func testReplaceHidesAndKeeps(t *testing.T, on place) {
	s := on.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1), row(3, "1", 1, 2, 1))
	load(t, s, row(2, "1", 1, 3, 1))
	src, _ := file("new.csv")
	src.Replace = true
	src.Schema = sales.Schema{Frequency: sales.Frequency{Unit: sales.Daily}, KeyNames: []string{"shop", "dept"}}
	src.Format = sales.Format{DateLayout: time.DateOnly, Date: "day"}
	lines := []sales.Line{{Number: 2, Observation: sales.Observation{Key: sales.Key{"x", "1"}, Period: friday, Target: 9}}}
	if got, err := s.Load(t.Context(), src, seq(lines)); err != nil || got.ID != 3 || got.Counts.New != 1 {
		t.Fatalf("loaded %+v, %v", got, err)
	}
	p, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sales.Panel{Schema: src.Schema, Series: []sales.Series{{Key: sales.Key{"x", "1"},
		Frequency: src.Schema.Frequency, Start: friday, Target: []float64{9}, Columns: [][]float64{}}}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if n := len(query(t, s, `SELECT period FROM observation`)); n != 4 {
		t.Errorf("%d versions are kept, want 4", n)
	}
	loads, err := s.Loads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	src.Replace = true
	wantLast := Load{Source: src, ID: 3, At: clock(), Counts: sales.Counts{Read: 1, New: 1}}
	if diff := cmp.Diff(wantLast, loads[2]); diff != "" {
		t.Error(diff)
	}
	if !loads[0].Hidden || !loads[1].Hidden {
		t.Error("the older loads are not hidden")
	}
	src.Replace = false
	if got, ok, err := s.Remembered(t.Context()); err != nil || !ok || !cmp.Equal(got, src) {
		t.Errorf("remembered %+v, %v, %v", got, ok, err)
	}
}

func testReplaceByTheSameChangesNothing(t *testing.T, on place) {
	s := on.open(t, "")
	src, _ := file("a.csv")
	lines := []sales.Line{row(2, "1", 0, 1, 1), bad(3, "no")}
	for i, want := range []int64{1, 0, 0} {
		src.Replace = i > 0
		got, err := s.Load(t.Context(), src, seq(lines))
		if err != nil || got.ID != want {
			t.Errorf("run %d: %+v, %v", i, got, err)
		}
	}
	load(t, s, row(2, "1", 1, 1, 1)) // now there is something to hide
	if got, err := s.Load(t.Context(), src, seq(lines)); err != nil || got.ID != 3 || got.Counts.New != 1 {
		t.Errorf("loaded %+v, %v", got, err)
	}
}
