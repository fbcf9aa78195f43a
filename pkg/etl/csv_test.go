package etl

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readAll reads text through r, copying the fields.
func readAll(t testing.TB, r *reader) []record {
	t.Helper()
	var all []record
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		rec.fields = slices.Clone(rec.fields)
		all = append(all, rec)
	}
}

func TestReader(t *testing.T) {
	tests := map[string]struct {
		text string
		want []record
	}{
		"quotes": {
			"a,\"b,\"\"c\"\"\r\nd\"\r\n\"\",x\n",
			[]record{{1, "a,\"b,\"\"c\"\"\r\nd\"", []string{"a", "b,\"c\"\nd"}, ""}, {3, `"",x`, []string{"", "x"}, ""}},
		},
		"a last separator": {"a,\n\"b\",", []record{{1, "a,", []string{"a", ""}, ""}, {2, `"b",`, []string{"b", ""}, ""}}},
		"a last carriage return": {
			"a\r\n\"b\"\r", []record{{1, "a", []string{"a"}, ""}, {2, `"b"`, []string{"b"}, ""}},
		},
		"open to the end": {
			"\"a\nb\n\"c", []record{{1, `"a`, nil, unclosed}, {2, "b", []string{"b"}, ""}, {3, `"c`, nil, unclosed}},
		},
		"stray behind a line end": {
			"\"a\nb\"c\nd\n", []record{{1, `"a`, nil, unclosed}, {2, `b"c`, nil, strayed}, {3, "d", []string{"d"}, ""}},
		},
		"blank": {"\n \t\r\n\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
				got := readAll(t, newReader(in, ','))
				if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(record{})); d != "" {
					t.Errorf("%T: %s", in, d)
				}
			}
		})
	}
}

// The text that is kept of a record fits into a database of any make.
func TestKeep(t *testing.T) {
	for raw, want := range map[string]string{
		"a\xffb":                       "a\ufffdb",
		strings.Repeat("é", 600):       strings.Repeat("é", 512),
		strings.Repeat("a\xff", 800):   strings.Repeat("a\ufffd", 256),
		"a" + strings.Repeat("é", 600): "a" + strings.Repeat("é", 511),
	} {
		if got := keep(raw); got != want {
			t.Errorf("of %.20q... %d bytes are kept, want %d", raw, len(got), len(want))
		}
	}
}

// A quote left open in front of more than 1 MiB, and lines too long in front of
// it, behind it and at the end of the file: each costs one record.
func TestReaderLimits(t *testing.T) {
	long, b := strings.Repeat("x", maxLine+1), strings.Repeat("b", 1000)+"\n"
	text := "a\n" + long + "\n\"open\n" + strings.Repeat(b, 1100) + "\"open\n" + long + long + "\nc\n" + long + long
	got := readAll(t, newReader(strings.NewReader(text), ','))
	problems := map[int]string{}
	for _, rec := range got {
		if rec.problem != "" {
			problems[rec.line] = rec.problem
		}
		if len(rec.raw) > maxLine {
			t.Errorf("line %d keeps %d bytes", rec.line, len(rec.raw))
		}
	}
	n := 3 + 1100
	want := map[int]string{2: tooLong, 3: unclosed, n + 1: unclosed, n + 2: tooLong, n + 4: tooLong}
	if d := cmp.Diff(want, problems); d != "" {
		t.Error(d)
	}
	if len(got) != n+4 {
		t.Errorf("%d records, want %d", len(got), n+4)
	}
}

// Records do not depend on how the bytes arrive.
func TestReaderChunks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab,\"\"\"\n\r "))).Draw(rt, "text")
		whole := readAll(t, newReader(strings.NewReader(text), ','))
		bytewise := readAll(t, newReader(iotest.OneByteReader(strings.NewReader(text)), ','))
		if d := cmp.Diff(whole, bytewise, cmp.AllowUnexported(record{})); d != "" {
			rt.Fatalf("%q: %s", text, d)
		}
	})
}

// FuzzReader compares with encoding/csv where that reads a text without an error.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\nb\",\"c\"\"d\"\r\n", "\"\"\"\",\n,\n", "a\"b\n\"c", "\r\n\"x\"\r", "a,\"\"\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := readAll(t, newReader(strings.NewReader(text), ','))
		peer := csv.NewReader(strings.NewReader(text))
		peer.FieldsPerRecord = -1
		var want [][]string
		var lines []int
		for {
			fields, err := peer.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
				return // it skips empty lines, we skip blank ones
			}
			line, _ := peer.FieldPos(0)
			want, lines = append(want, fields), append(lines, line)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d records, encoding/csv has %d", text, len(got), len(want))
		}
		for i, rec := range got {
			if rec.line != lines[i] || !slices.Equal(rec.fields, want[i]) {
				t.Errorf("%q: line %d has %q, encoding/csv has line %d with %q", text, rec.line, rec.fields, lines[i], want[i])
			}
		}
	})
}
