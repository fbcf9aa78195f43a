package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/sales"
)

// Keys differ by every byte: by case, accents, a space at the end, and what comes
// after a long beginning.
func testOddTexts(t *testing.T, on place) {
	s := on.open(t, "")
	long := strings.Repeat("x", 1000)
	keys := []string{"a", "A", "á", "a ", " a", "", "ss", "ß", `"\'`, "日本 🎉", long + "1", long + "2", "a/b", "%_", "1", "01"}
	var lines []sales.Line
	for i, k := range keys {
		lines = append(lines, row(i+2, k, 0, float64(i), 1))
	}
	odd := sales.Line{Number: 99, Raw: "\xff\xfe;tab\t", Refused: "bad byte \xff"}
	got := load(t, s, append(lines, odd)...)
	if want := (sales.Counts{Read: len(keys) + 1, New: len(keys), Refused: 1}); got.Counts != want {
		t.Errorf("counts %+v, want %+v", got.Counts, want)
	}
	if got := load(t, s, lines...); got.Counts.Unchanged != len(keys) {
		t.Errorf("again: %+v", got.Counts)
	}
	p, err := s.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, series := range p.Series {
		seen[series.Key[0]] = series.Target[0]
	}
	want := map[string]float64{}
	for i, k := range keys {
		want[k] = float64(i)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	kept := query(t, s, `SELECT raw, reason FROM quarantine`)
	wantRaw := s.text(odd.Raw)
	if len(kept) != 1 || kept[0][0] != wantRaw || kept[0][1] != s.text(odd.Refused) || !strings.HasSuffix(wantRaw, ";tab\t") {
		t.Errorf("in quarantine: %q", kept)
	}
}
