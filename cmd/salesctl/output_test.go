package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestCells(t *testing.T) {
	for _, c := range []struct{ in, want any }{
		{nil, nil},
		{"x", "x"},
		{true, true},
		{7, int64(7)},
		{int64(-7), int64(-7)},
		{uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{1.5, 1.5},
		{math.NaN(), nil},
		{math.Inf(1), nil},
		{math.Copysign(0, -1), 0.0},
		{time.Date(2012, 10, 26, 0, 0, 0, 0, time.UTC), "2012-10-26T00:00:00Z"},
		{90 * time.Second, "1m30s"},
	} {
		got, err := normalCell(c.in)
		if err != nil || got != c.want {
			t.Errorf("%v: %v, %v, want %v", c.in, got, err, c.want)
		}
	}
	if _, err := normalCell([]string{"a"}); err == nil {
		t.Error("a list passes for a cell")
	}
}

func TestMistakesOfATable(t *testing.T) {
	a, stdout, _ := testApp(t)
	for name, rows := range map[string][][]any{"narrow": {{1}}, "strange": {{1, struct{}{}}}} {
		if err := a.render(table{Thing: "x", Columns: columns("a", "b"), Rows: rows}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if stdout.Len() > 0 {
		t.Errorf("wrote %q", stdout)
	}
}

func TestEmptyTable(t *testing.T) {
	for format, want := range map[string]string{
		formatTable:  "A  B\n",
		formatCSV:    "a,b\n",
		formatNDJSON: "",
		formatJSON:   "{\n  \"schema\": \"salesctl/x/v1\",\n  \"meta\": {\"model_version\":null,\"trained_through\":null,\"data_through\":null},\n  \"data\": [],\n  \"warnings\": []\n}\n",
		formatYAML:   "schema: salesctl/x/v1\nmeta:\n  model_version: null\n  trained_through: null\n  data_through: null\ndata: []\nwarnings: []\n",
	} {
		a, stdout, _ := testApp(t)
		a.global.output = format
		if err := a.render(table{Thing: "x", Columns: columns("a", "b")}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, stdout.String()); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
}

// Bytes from outside cannot drive the terminal, and break no line.
func TestTableShowsControlCharacters(t *testing.T) {
	a, stdout, stderr := testApp(t)
	const hostile = "\x1b[31mred\nline\x07"
	if err := a.render(table{Thing: "x", Columns: columns("a"), Rows: [][]any{{hostile}}, Warnings: []string{hostile}}); err != nil {
		t.Fatal(err)
	}
	for got, lines := range map[string]int{stdout.String(): 2, stderr.String(): 1} {
		if strings.ContainsAny(got, "\x1b\x07") || strings.Count(got, "\n") != lines {
			t.Errorf("%q, want %d lines", got, lines)
		}
	}
}

func TestTableWithColors(t *testing.T) {
	var plain, colored bytes.Buffer
	tab := table{Columns: columns("a"), Rows: [][]any{{"x"}}}
	if err := errors.Join(writeTable(&plain, tab, tab.Rows, false), writeTable(&colored, tab, tab.Rows, true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(colored.String(), "\x1b[1m") {
		t.Errorf("%q, %q", plain.String(), colored.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWriteErrors(t *testing.T) {
	for _, format := range formats() {
		a, _, _ := testApp(t)
		a.stdout, a.global.output = fullDisk{}, format
		err := a.render(table{Thing: "x", Columns: columns("a"), Rows: [][]any{{1}}})
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// Every format carries the same names and values, read back by its own parser.
func TestFormatsAgree(t *testing.T) {
	cell := rapid.OneOf(
		rapid.Just(any(nil)),
		rapid.Map(rapid.StringMatching(`[ -~äß€]{1,12}`), func(s string) any { return s }),
		rapid.SampledFrom([]any{"true", "null", "~", "1e3", "0x1", "yes", "- a", "# b", "2012-10-26", `"`, "'", ":", "=1+1"}),
		rapid.Map(rapid.Float64Range(-1e18, 1e18), func(f float64) any { return f + 0 }), // no -0
		rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`), 1, 5, rapid.ID[string]).Draw(rt, "names")
		tab := table{Thing: "x", Columns: columns(names...), Warnings: []string{"w"}, Meta: meta{ModelVersion: "1"}}
		for range rapid.IntRange(0, 4).Draw(rt, "rows") {
			tab.Rows = append(tab.Rows, rapid.SliceOfN(cell, len(names), len(names)).Draw(rt, "row"))
		}
		out := map[string]*bytes.Buffer{}
		for _, f := range formats() {
			stdout := new(bytes.Buffer)
			a := &app{stdout: stdout, stderr: io.Discard, global: globals{output: f}}
			if err := a.render(tab); err != nil {
				rt.Fatal(err)
			}
			out[f] = stdout
		}
		plain, typed := make([]map[string]string, len(tab.Rows)), make([]map[string]string, len(tab.Rows))
		for i, row := range tab.Rows {
			plain[i], typed[i] = map[string]string{}, map[string]string{}
			for j, v := range row {
				plain[i][names[j]], typed[i][names[j]] = forData(v), literal(v)
			}
		}
		if diff := cmp.Diff(plain, readCSV(rt, out[formatCSV].Bytes(), names)); diff != "" {
			rt.Fatalf("csv: %s\n%s", diff, out[formatCSV])
		}
		for format, got := range map[string][]map[string]string{
			formatNDJSON: readNDJSON(rt, out[formatNDJSON].Bytes(), names),
			formatJSON:   readJSON(rt, out[formatJSON].Bytes()),
			formatYAML:   readYAML(rt, out[formatYAML].Bytes()),
		} {
			if diff := cmp.Diff(typed, got); diff != "" {
				rt.Fatalf("%s: %s\n%s", format, diff, out[format])
			}
		}
	})
}

func readCSV(t *rapid.T, data []byte, names []string) []map[string]string {
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0], names) {
		t.Fatalf("CSV: %v, header of %q", err, data)
	}
	rows := make([]map[string]string, len(records)-1)
	for i, r := range records[1:] {
		rows[i] = map[string]string{}
		for j, v := range r {
			rows[i][names[j]] = v
		}
	}
	return rows
}

// literal writes a cell so that its type shows: "1" is text, 1 a number.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	}
	return forData(v)
}

// member reads a JSON value as literal writes it.
func member(t *rapid.T, raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	n, ok := v.(json.Number)
	if !ok {
		return literal(v)
	}
	if i, err := n.Int64(); err == nil {
		return literal(i)
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		t.Fatal(err)
	}
	return literal(f)
}

func members(t *rapid.T, objects []map[string]json.RawMessage) []map[string]string {
	rows := make([]map[string]string, len(objects))
	for i, o := range objects {
		rows[i] = map[string]string{}
		for name, raw := range o {
			rows[i][name] = member(t, raw)
		}
	}
	return rows
}

func readNDJSON(t *rapid.T, data []byte, names []string) []map[string]string {
	var objects []map[string]json.RawMessage
	for line := range bytes.Lines(data) {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatalf("NDJSON: %v: %s", err, line)
		}
		last := -1
		for _, n := range names { // the members stand in the columns' order
			at := bytes.Index(line[last+1:], []byte(`"`+n+`":`))
			if at < 0 {
				t.Fatalf("NDJSON: %s does not follow in %s", n, line)
			}
			last += 1 + at
		}
		objects = append(objects, o)
	}
	return members(t, objects)
}

func readJSON(t *rapid.T, data []byte) []map[string]string {
	var envelope struct {
		Schema   string
		Meta     map[string]*string
		Data     []map[string]json.RawMessage
		Warnings []string
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&envelope); err != nil {
		t.Fatalf("JSON: %v: %s", err, data)
	}
	if envelope.Schema != "salesctl/x/v1" || len(envelope.Meta) != 3 || *envelope.Meta["model_version"] != "1" || len(envelope.Warnings) != 1 {
		t.Fatalf("JSON: envelope of %s", data)
	}
	return members(t, envelope.Data)
}

func readYAML(t *rapid.T, data []byte) []map[string]string {
	var envelope struct {
		Schema   string
		Meta     map[string]*string
		Data     []map[string]yaml.Node
		Warnings []string
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&envelope); err != nil {
		t.Fatalf("YAML: %v: %s", err, data)
	}
	rows := make([]map[string]string, len(envelope.Data))
	for i, o := range envelope.Data {
		rows[i] = map[string]string{}
		for name, n := range o {
			switch n.ShortTag() {
			case "!!null":
				rows[i][name] = "null"
			case "!!str":
				rows[i][name] = strconv.Quote(n.Value)
			default:
				rows[i][name] = n.Value
			}
		}
	}
	return rows
}
