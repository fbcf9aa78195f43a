package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// equalBits compares bit for bit; all NaN are one missing value.
func equalBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

func TestNumbersRoundTrip(t *testing.T) {
	number := rapid.Map(rapid.Uint64(), math.Float64frombits)
	special := rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1, 1e21, -1643690.90})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.OneOf(number, special)).Draw(t, "numbers")
		text := string(appendNumbers(nil, want))
		if !json.Valid([]byte(text)) {
			t.Fatalf("%s is no JSON", text)
		}
		got, err := readNumbers(text)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%v, %v from %s", got, err, text)
		}
		for i := range want {
			if !equalBits(got[i], want[i]) {
				t.Fatalf("%v became %v", want[i], got[i])
			}
		}
	})
}

// The bits survive the database too. Only the sign of a target of zero is lost:
// SQLite keeps no negative zero. MySQL keeps no infinite target and says so.
func testBitsSurviveTheDatabase(t *testing.T, on place) {
	s := on.open(t, "")
	values := []float64{0, 0.1, 1.0 / 3, 1e-320, math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64,
		1 << 53, 1<<53 + 2, 1e22, 123456789.987654321, math.Inf(1), math.Inf(-1), math.NaN()}
	targets := slices.Clone(values)
	if s.db.Dialect() == database.MySQL {
		targets[11], targets[12] = 11, 12
		src, lines := file("infinite.csv", row(2, "1", 0, math.Inf(1), 1))
		_, err := s.Load(t.Context(), src, lines)
		wantKind(t, err, fault.Invalid, "line 2", "+Inf", "MySQL")
		wantKind(t, s.Record(t.Context(), []sales.Served{{Value: math.Inf(-1)}}), fault.Invalid, "-Inf", "MySQL")
	}
	var lines []sales.Line
	for i := range values {
		lines = append(lines, row(i+2, "1", i, targets[i], values[i]))
	}
	load(t, s, lines...)
	p, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range values {
		if got := p.Series[0].Target[i]; !equalBits(got, targets[i]) {
			t.Errorf("target %v became %v", targets[i], got)
		}
		if got := p.Series[0].Columns[0][i]; !equalBits(got, values[i]) {
			t.Errorf("column %v became %v", values[i], got)
		}
	}
	if s.db.Dialect() == database.MySQL {
		return
	}
	if got := query(t, s, `SELECT COUNT(*) FROM observation WHERE columns ->> 0 IS target`); got[0][0] != fmt.Sprint(len(values)) {
		t.Errorf("SQLite's JSON functions read %s of the columns as it reads the targets, want %d", got[0][0], len(values))
	}
}

func FuzzReadNumbers(f *testing.F) {
	for _, s := range []string{"", "[]", "[1]", "[1,null]", "[1,]", "[9e999,-9e999]", "[", "]", "[,]", "[x]", "null"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := readNumbers(text)
		if err != nil {
			return
		}
		again, err := readNumbers(string(appendNumbers(nil, v)))
		if err != nil || len(again) != len(v) {
			t.Fatalf("%v, %v after %v", again, err, v)
		}
		for i := range v {
			if !equalBits(v[i], again[i]) {
				t.Fatalf("%v became %v", v[i], again[i])
			}
		}
	})
}

func TestBrokenNumbersAreRefused(t *testing.T) {
	for _, text := range []string{"", "[", "]", "1", "[1", "1]", "[1,]", "[,1]", "[a]", `["1"]`, "[1 2]", "[NULL]"} {
		if v, err := readNumbers(text); err == nil {
			t.Errorf("%q is read as %v", text, v)
		}
	}
}

// A format comes back as it was; one from before the decimal separator was kept
// reads as one that had none to settle, and is written as it stands there.
func TestFormatRoundTrip(t *testing.T) {
	old := `{"layout":"2006-01-02","keys":["Store"],"date":"Date","target":"Sales"}`
	for _, text := range []string{old, strings.Replace(old, `"}`, `","decimal":","}`, 1)} {
		f, err := readFormat(text)
		if err != nil || writeFormat(f) != text {
			t.Errorf("%s is read as %+v and written as %s, %v", text, f, writeFormat(f), err)
		}
		if want := strings.Contains(text, "decimal"); want != (f.Decimal == ",") {
			t.Errorf("%s has the decimal separator %q", text, f.Decimal)
		}
	}
}
