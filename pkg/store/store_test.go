package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// weekly is the schema of the small files of these tests.
var weekly = sales.Schema{
	Frequency:   sales.Frequency{Ends: time.Friday},
	KeyNames:    []string{"store"},
	ColumnNames: []string{"cpi"},
}

var friday = sales.Date(2024, time.January, 5)

// row is a line that is accepted.
func row(line int, store string, week int, target, cpi float64) sales.Line {
	return sales.Line{Number: line, Raw: fmt.Sprintf("raw %d", line), Observation: sales.Observation{
		Key: sales.Key{store}, Period: friday + sales.Period(7*week), Target: target, Columns: []float64{cpi}}}
}

func bad(line int, reason string) sales.Line {
	return sales.Line{Number: line, Raw: fmt.Sprintf("raw %d", line), Refused: reason}
}

// file makes a source whose digest is that of its lines.
func file(name string, lines ...sales.Line) (sales.Source, iter.Seq2[sales.Line, error]) {
	sum := sha256.Sum256([]byte(fmt.Sprint(lines)))
	src := sales.Source{Name: name, Digest: hex.EncodeToString(sum[:]), Schema: weekly,
		Format: sales.Format{DateLayout: "02-01-2006", Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales", Columns: []string{"CPI"}}}
	return src, seq(lines)
}

func seq(lines []sales.Line) iter.Seq2[sales.Line, error] {
	return func(yield func(sales.Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func clock() time.Time { return time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC) }

func load(t testing.TB, s *Store, lines ...sales.Line) sales.Loaded {
	t.Helper()
	l, err := s.Load(t.Context(), first(file("test.csv", lines...)), seq(lines))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func first(src sales.Source, _ any) sales.Source { return src }

// walmart returns the sample as lines.
func walmart(t testing.TB) (sales.Source, []sales.Line) {
	t.Helper()
	sum := sha256.Sum256(testdata.Walmart)
	src := sales.Source{Name: "walmart.csv", Digest: hex.EncodeToString(sum[:]), Schema: sales.Schema{
		Frequency:   sales.Frequency{Ends: time.Friday},
		KeyNames:    []string{"store"},
		ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
	}, Format: sales.Format{DateLayout: "02-01-2006", Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales",
		Columns: []string{"Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"}}}
	var lines []sales.Line
	for i, rec := range records(t) {
		day, err := time.Parse("02-01-2006", rec[1])
		if err != nil {
			t.Fatal(err)
		}
		l := sales.Line{Number: i + 2, Raw: strings.Join(rec, ","), Observation: sales.Observation{
			Key: sales.Key{rec[0]}, Period: sales.Date(day.Date()), Target: number(t, rec[2])}}
		for _, f := range rec[3:] {
			l.Observation.Columns = append(l.Observation.Columns, number(t, f))
		}
		lines = append(lines, l)
	}
	return src, lines
}

// records returns the rows of the sample without its header.
func records(t testing.TB) [][]string {
	t.Helper()
	recs, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return recs[1:]
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantKind(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error %v, of kind %d, want kind %d", err, fault.KindOf(err), kind)
	}
	text := err.Error() + "\n" + fault.HintOf(err)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

// The sample comes back bit for bit, as a Panel and in the view.
func testSampleRoundTrips(t *testing.T, on place) {
	s := on.open(t, "")
	src, lines := walmart(t)
	loaded, err := s.Load(t.Context(), src, seq(lines))
	if err != nil {
		t.Fatal(err)
	}
	if want := (sales.Loaded{ID: 1, Counts: sales.Counts{Read: 6435, New: 6435}}); !cmp.Equal(loaded, want) {
		t.Errorf("loaded %+v, want %+v", loaded, want)
	}
	got, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var obs []sales.Observation
	for _, l := range lines {
		obs = append(obs, l.Observation)
	}
	want, err := sales.NewPanel(src.Schema, obs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	viewEqualsTheFile(t, s, src, lines[0])
}

func viewEqualsTheFile(t *testing.T, s *Store, src sales.Source, corrected sales.Line) {
	t.Helper()
	// A newer version and the old one: the view shows the newer.
	corrected.Observation.Target = 1.5
	src.Digest = "other"
	if _, err := s.Load(t.Context(), src, seq([]sales.Line{corrected})); err != nil {
		t.Fatal(err)
	}
	want := records(t)
	want[0][2] = "1.5"
	got := query(t, s, `SELECT Store, Date, Weekly_Sales, Holiday_Flag, Temperature, Fuel_Price, CPI, Unemployment FROM walmart_sales`)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for _, rows := range [][][]string{got, want} { // the order of a view is no promise
		slices.SortFunc(rows, func(a, b []string) int { return slices.Compare(a, b) })
	}
	for i := range want {
		for c := range want[i] {
			same := got[i][c] == want[i][c]
			if c >= 2 {
				same = number(t, got[i][c]) == number(t, want[i][c])
			}
			if !same {
				t.Fatalf("row %d: %v, want %v", i, got[i], want[i])
			}
		}
	}
	src.Replace = true
	if _, err := s.Load(t.Context(), src, seq([]sales.Line{corrected})); err != nil {
		t.Fatal(err)
	}
	if got := query(t, s, `SELECT * FROM walmart_sales`); len(got) != 1 {
		t.Errorf("%d rows after a replacing load of 1", len(got))
	}
}

func testViewIsEmptyWithoutItsColumns(t *testing.T, on place) {
	s := on.open(t, "")
	load(t, s, row(2, "1", 0, 1, 1))
	if got := query(t, s, `SELECT * FROM walmart_sales`); len(got) != 0 {
		t.Errorf("the view has %v", got)
	}
}

// query returns the rows of a query as text.
func query(t testing.TB, s *Store, text string) [][]string {
	t.Helper()
	var out [][]string
	err := s.db.InSnapshot(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(t.Context(), text)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		for rows.Next() {
			rec := make([]string, len(names))
			into := make([]any, len(names))
			for i := range rec {
				into[i] = &rec[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			out = append(out, rec)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// write runs a statement on the writing connection.
func write(t testing.TB, s *Store, text string) {
	t.Helper()
	err := s.db.InTx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
