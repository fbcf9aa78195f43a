package etl_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// memory is a Loader that keeps everything in memory: an observation whose key
// and period it has not seen is new, any other a duplicate.
type memory struct {
	first    *sales.Source // what is remembered
	src      sales.Source  // of the last load
	lines    []sales.Line  // of the last load
	warnings []string
	each     func(sales.Line) // called for every line, where it is not nil
}

func (m *memory) Remembered(context.Context) (sales.Source, bool, error) {
	if m.first == nil {
		return sales.Source{}, false, nil
	}
	return *m.first, true, nil
}

func (m *memory) Load(_ context.Context, src sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error) {
	var got []sales.Line
	seen := map[string]bool{}
	loaded := sales.Loaded{ID: 1, Warnings: m.warnings}
	for l, err := range lines {
		if err != nil {
			return sales.Loaded{}, fmt.Errorf("into memory: %w", err)
		}
		if m.each != nil {
			m.each(l)
		}
		got = append(got, l)
		loaded.Counts.Read++
		id := l.Observation.Key.String() + " " + l.Observation.Period.String()
		switch {
		case l.Refused != "":
			loaded.Counts.Refused++
			loaded.Refusals = append(loaded.Refusals, sales.Refusal{Line: l.Number, Reason: l.Refused, Raw: l.Raw})
		case seen[id]:
			loaded.Counts.Duplicate++
		default:
			loaded.Counts.New++
		}
		seen[id] = true
	}
	m.src, m.lines = src, got
	if m.first == nil {
		m.first = &src
	}
	return loaded, nil
}

// observations returns what was not refused.
func (m *memory) observations() []sales.Observation {
	var obs []sales.Observation
	for _, l := range m.lines {
		if l.Refused == "" {
			obs = append(obs, l.Observation)
		}
	}
	return obs
}

// load runs a text through Run.
func load(t testing.TB, m *memory, text string, o etl.Options) (etl.Report, error) {
	t.Helper()
	r, err := etl.Run(t.Context(), etl.Input{Name: "data.csv", Reader: strings.NewReader(text)}, m, o)
	if c := r.Counts; err == nil && (c.Read != c.New+c.Corrected+c.Unchanged+c.Duplicate+c.Refused || c.Read != r.Rows) {
		t.Errorf("%d rows and counts %+v do not add up", r.Rows, c)
	}
	return r, err
}

// small maps the two columns that most tests need.
func small() etl.Mapping {
	return etl.Mapping{Keys: []string{"Store"}, Date: "Date", Target: "Sales", Columns: []etl.Column{}}
}

func TestSample(t *testing.T) {
	m := &memory{}
	in := etl.Input{Name: "walmart.csv", Reader: bytes.NewReader(testdata.Walmart)}
	r, err := etl.Run(t.Context(), in, m, etl.Options{Sample: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(testdata.Walmart)
	want := etl.Report{
		Loaded: sales.Loaded{ID: 1, Counts: sales.Counts{Read: 6435, New: 6435}},
		Rows:   6435, Layout: "dd-mm-yyyy",
		Source: sales.Source{
			Name: "walmart.csv", Digest: hex.EncodeToString(sum[:]), Sample: true,
			Schema: sales.Schema{
				Frequency:   sales.Frequency{Unit: sales.Weekly, Ends: 5},
				KeyNames:    []string{"store"},
				ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
			},
			Format: sales.Format{
				DateLayout: "02-01-2006", Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales",
				Columns: []string{"Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"},
			},
		},
	}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want.Source, m.src); d != "" {
		t.Error("what the loader got: " + d)
	}
	first := sales.Line{Number: 2, Raw: "1,05-02-2010,1643690.9,0,42.31,2.572,211.0963582,8.106", Observation: sales.Observation{
		Key: sales.Key{"1"}, Period: sales.Date(2010, 2, 5), Target: 1643690.9, Columns: []float64{0, 42.31, 2.572, 211.0963582, 8.106},
	}}
	if d := cmp.Diff(first, m.lines[0]); d != "" {
		t.Error(d)
	}
	p, err := sales.NewPanel(m.src.Schema, m.observations())
	if err != nil || len(p.Series) != 45 || p.Len() != 6435 || p.Origin() != sales.Date(2012, 10, 26) {
		t.Errorf("the panel has %d series, %d periods, origin %s, %v", len(p.Series), p.Len(), p.Origin(), err)
	}
}

// A line with a fault is refused, with a reason that names the column, the value
// and what is expected; the lines beside it are loaded.
func TestRefusedLines(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"ragged, short":     {"1,12-02-2010", "has 2 fields, the header has 4"},
		"ragged, long":      {"1,12-02-2010,5,6,7", "has 5 fields, the header has 4"},
		"date":              {"1,soon,5,6", `Date "soon" is no date of the form dd-mm-yyyy`},
		"date blank":        {"1,,5,6", `Date "" is no date`},
		"no such day":       {"1,31-02-2010,5,6", `Date "31-02-2010" is no date`},
		"other layout":      {"1,2010-02-12,5,6", `Date "2010-02-12" is no date of the form dd-mm-yyyy`},
		"time of day":       {"1,12-02-2010 17:30,5,6", `Date "12-02-2010 17:30" is no date`},
		"year":              {"1,12-02-0210,5,6", `Date "12-02-0210" is no date of the form dd-mm-yyyy between 1900 and 2199`},
		"off the weekday":   {"1,13-02-2010,5,6", `Date "13-02-2010" is a Saturday: every date must be a Friday`},
		"number":            {"1,12-02-2010,lots,6", `Sales "lots" is not a number: want digits such as 1234.5`},
		"number, column":    {"1,12-02-2010,5,warm", `Temp "warm" is not a number`},
		"NaN":               {"1,12-02-2010,NaN,6", `Sales "NaN" is not a finite number: leave the field blank`},
		"nan":               {"1,12-02-2010,5,nan", `Temp "nan" is not a finite number`},
		"Inf":               {"1,12-02-2010,Inf,6", `Sales "Inf" is not a finite number`},
		"-infinity":         {"1,12-02-2010,-infinity,6", `Sales "-infinity" is not a finite number`},
		"overflow":          {"1,12-02-2010,1e999,6", `Sales "1e999" is not a finite number`},
		"NA":                {"1,12-02-2010,NA,6", `Sales "NA" is not a number`},
		"null":              {"1,12-02-2010,null,6", `Sales "null" is not a number`},
		"hexadecimal":       {"1,12-02-2010,0x1p-2,6", `Sales "0x1p-2" is not a number`},
		"underscore":        {"1,12-02-2010,1_000,6", `Sales "1_000" is not a number`},
		"odd thousands":     {`1,12-02-2010,"16,43,690.90",6`, `Sales "16,43,690.90" is not a plain number: write it like 1234.5, without currency signs, or with its thousands`},
		"currency":          {"1,12-02-2010,$5,6", `Sales "$5" is not a plain number`},
		"decimal comma":     {`1,12-02-2010,"5,25",6`, `Sales "5,25" is written for a decimal comma: the numbers of this file have a decimal point`},
		"key blank":         {" ,12-02-2010,5,6", `Store " " is blank`},
		"key with slash":    {"1/7,12-02-2010,5,6", `Store "1/7" holds "/"`},
		"key not UTF-8":     {"a\xff,12-02-2010,5,6", `Store "a\xff" is not UTF-8`},
		"stray quote":       {`1,12-02-2010,5"",6`, "holds a quote in the middle of a field"},
		"unclosed quote":    {`"1,12-02-2010,5,6`, "opens a quote that is never closed"},
		"text past quote":   {`"1"x,12-02-2010,5,6`, "holds a quote in the middle"},
		"a long value":      {"1,12-02-2010," + strings.Repeat("é", 500) + ",6", `Sales "` + strings.Repeat("é", 20) + `"... is not a number`},
		"10 MB":             {"1,12-02-2010,5," + strings.Repeat("6", 10<<20), "is longer than 1 MiB"},
		"2 MB of quotes":    {strings.Repeat(`"`, 2<<20), "is longer than 1 MiB"},
		"a byte too long":   {strings.Repeat("6", 1<<20+1), "is longer than 1 MiB"},
		"as long as it may": {strings.Repeat("6", 1<<20), "has 1 field, the header has 4"},
	}
	m4 := small()
	m4.Columns = []etl.Column{{"temp", "Temp"}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			text := "Store,Date,Sales,Temp\n1,05-02-2010,5,6\n" + tt.line + "\n1,19-02-2010,7,8\n1,26-02-2010,9,8\n"
			r, err := load(t, m, text, etl.Options{Mapping: m4})
			if err != nil {
				t.Fatal(err)
			}
			if r.Counts.New != 3 || len(r.Refusals) != 1 {
				t.Fatalf("%d lines were loaded, want 3; refused: %+v", r.Counts.New, r.Refusals)
			}
			got := r.Refusals[0]
			if got.Line != 3 || !strings.Contains(got.Reason, tt.want) {
				t.Errorf("line %d is refused with\n  %s\nwant line 3 with\n  %s", got.Line, got.Reason, tt.want)
			}
			if want := tt.line[:min(len(tt.line), 1024)]; got.Raw != strings.ToValidUTF8(want, "\ufffd") {
				t.Errorf("the text kept is %.60q (%d bytes)", got.Raw, len(got.Raw))
			}
			if last := m.lines[3]; last.Number != 5 || last.Observation.Target != 9 {
				t.Errorf("the last line reads %+v", last)
			}
		})
	}
}

// A file that cannot be understood as a whole is refused: nothing is loaded.
func TestRefusedFiles(t *testing.T) {
	tests := map[string]struct {
		text string
		o    etl.Options
		want string
		hint string
	}{
		"empty":        {"", etl.Options{}, "data.csv is empty", "begins with a header"},
		"blank":        {"\ufeff \r\n\n", etl.Options{}, "data.csv is empty", ""},
		"header only":  {"Store,Date,Sales\n\n", etl.Options{Mapping: small()}, "data.csv has a header and no lines behind it", ""},
		"UTF-16":       {"\xff\xfeS\x00t\x00", etl.Options{}, "data.csv is UTF-16 text", "iconv"},
		"UTF-16 BE":    {"\xfe\xff\x00S", etl.Options{}, "data.csv is UTF-16 text", "iconv"},
		"binary":       {"\x7fELF\x02\x00\x00", etl.Options{}, "data.csv is binary data", ""},
		"gzip":         {"\x1f\x8b\x08\x00", etl.Options{}, "data.csv is compressed", "gunzip -c"},
		"spreadsheet":  {"PK\x03\x04\x14\x00", etl.Options{}, "data.csv is a spreadsheet", "save the sheet as CSV"},
		"old Mac":      {"Store,Date,Sales\r1,05-02-2010,5\r", etl.Options{}, "carriage return alone", "tr"},
		"header, 2 MB": {strings.Repeat("x", 2<<20), etl.Options{}, "line 1: the header is longer than 1 MiB", ""},
		"header quote": {"\"Store,Date\n", etl.Options{}, "line 1: the header opens a quote", ""},
		"missing column": {
			"Store,Day,Sales\n", etl.Options{Mapping: small()},
			`data.csv: line 1: the header has no column "Date"; it has "Store", "Day", "Sales"`, "name the column for \"Date\" under data.date",
		},
		"missing columns": {
			"Sotre,Date,Weekly_Sales,Temperature,Fuel_Price,CPI,Unemployment\n", etl.Options{},
			`the header has no columns "Store", "Holiday_Flag"`, `did you mean "Sotre" for "Store"? name it under data.keys`,
		},
		"missing, but spare": {
			"Store,Date,Weekly_Sales,Holiday_Flag,Fuel_Price,CPI,Unemployment\n", etl.Options{},
			`the header has no column "Temperature"`, "data.columns in salesctl.yaml; or leave out of data.columns what the file lacks: data: {columns: {}} is for none",
		},
		"missing, all that are spare": {
			"Store,Date,Weekly_Sales\n", etl.Options{},
			`no columns "Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"; it has`,
			"name the columns for these 5 under data.columns in salesctl.yaml; or leave out of data.columns what the file lacks: data: {columns: {}} is for none",
		},
		"header not UTF-8": {"Store,Date,Sales,Gr\xf6\xdfe\n", etl.Options{Mapping: small()}, "line 1: the header is not UTF-8 text", "iconv -f WINDOWS-1252"},
		"sep= alone":       {"sep=;\r\n", etl.Options{}, "data.csv is empty", ""},
		"sep=, a quote":    {"sep=;\n\"Store\n", etl.Options{}, "line 2: the header opens a quote", ""},
		"not UTF-8": {
			"Store,Date,Sales\n1,2010-02-05,5\n" + strings.Repeat("Z\xfcrich,2010-02-05,5\n", 4), etl.Options{Mapping: small()},
			`data.csv: line 3: Store "Z\xfcrich" is not UTF-8 text, and 3 lines more`, "save it as UTF-8",
		},
		"missing target": {
			"Store,Date,Weekly Sales USD\n", etl.Options{Mapping: etl.Mapping{Columns: []etl.Column{}}},
			`the header has no column "Weekly_Sales"`, `did you mean "Weekly Sales USD" for "Weekly_Sales"? name it under data.target`,
		},
		"missing static":       {"Store,Date,Sales\n", etl.Options{Mapping: withStatic("Region")}, `no column "Region"`, "data.static"},
		"missing, near a used": {"Store,Date,Sales\n", etl.Options{Mapping: withStatic("Stores")}, `no column "Stores"`, `name the column for "Stores" under data.static`},
		"header twice":         {"Store,Date,Sales,Date\n", etl.Options{Mapping: small()}, `line 1: the header has the column "Date" twice`, "rename or remove"},
		"header twice, cased":  {"Store,DATE,Sales,date\n", etl.Options{Mapping: small()}, `has the column "Date" twice`, ""},
		"header twice, blank":  {"Store,Date,Sales,Date,,\n", etl.Options{Mapping: small()}, `has the column "Date" twice`, ""},
		"header twice, extra":  {"Store,Date,Sales,x,x\n", etl.Options{Mapping: small()}, `has the column "x" twice`, ""},
		"ambiguous": {
			"Store,Date,Sales\n1,05/05/2012,5\n1,05/02/2010,5\n", etl.Options{Mapping: small()},
			`data.csv: line 3: Date "05/02/2010" is 2010-02-05 as d/m/yyyy and 2010-05-02 as m/d/yyyy, and no other date tells which`, "",
		},
		"ambiguous, though the same": {
			"Store,Date,Sales\n1,04/05/2012x,5\n1,05/05/2012,5\n", etl.Options{Mapping: small()},
			`line 3: Date "05/05/2012" is 2012-05-05 as d/m/yyyy and 2012-05-05 as m/d/yyyy`, "",
		},
		"ambiguous, two digits": {
			"Store,Date,Sales\n1,5/2/10,5\n", etl.Options{Mapping: small()},
			`"5/2/10" is 2010-02-05 as d/m/yy and 2010-05-02 as m/d/yy`, "set data.layout in salesctl.yaml to d/m/yy or m/d/yy",
		},
		"ambiguous, dashes": {
			"Store,Date,Sales\n1,05-02-2010,5\n", etl.Options{Mapping: small()},
			`"05-02-2010" is 2010-02-05 as dd-mm-yyyy and 2010-05-02 as mm-dd-yyyy`, "set data.layout",
		},
		"no dates": {
			"Store,Date,Sales\n1\n1,soon,5\n", etl.Options{Mapping: small()},
			"none of its 2 lines has a date that can be read; line 2 has 1 field, the header has 3", "set data.layout",
		},
		"no dates of the layout": {
			"Store,Date,Sales\n1,2010-02-05,5\n", etl.Options{Mapping: withLayout("dd.mm.yyyy")},
			`none of its 1 line has a date that can be read; line 2 has the Date "2010-02-05"`, "data.layout in salesctl.yaml is dd.mm.yyyy",
		},
		"daily as weekly": {
			"Store,Date,Sales\n1,2010-02-05,5\n1,2010-02-06,5\n", etl.Options{Mapping: small()},
			"fall on no common weekday: Friday 1, Saturday 1", "data.frequency to daily",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			_, err := load(t, m, tt.text, tt.o)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Errorf("got\n  %v\n  %s\nwant\n  %s\n  %s", err, fault.HintOf(err), tt.want, tt.hint)
			}
			if m.first != nil {
				t.Error("the file reached the loader")
			}
		})
	}
}

func withLayout(s string) etl.Mapping {
	m := small()
	m.Layout = s
	return m
}

func withStatic(headers ...string) etl.Mapping {
	m := small()
	m.Static = headers
	return m
}

// What is kept although it is unusual.
func TestKept(t *testing.T) {
	m := &memory{warnings: []string{"of the loader"}}
	text := "Store,Date,Sales,Temp,Note,Mood,\n" +
		"1,05-02-2010,-5,6,,,\n" + // a negative target
		"1,12-02-2010,,6,,,\n" + // a blank one
		"1,19-02-2010, 7 ,,x,,\n" + // a blank column
		"\n  \n" +
		"1,26-02-2010,-1e-3,+8.50,,,\n" +
		"2,26-03-2010,0,.5,,,\n"
	o := etl.Options{Mapping: small()}
	o.Columns = []etl.Column{{"temp", "Temp"}}
	r, err := load(t, m, text, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Negative != 2 || r.Blank != 1 || r.Counts.New != 5 {
		t.Errorf("%d negative, %d blank, %d new, want 2, 1, 5", r.Negative, r.Blank, r.Counts.New)
	}
	want := []string{
		`columns that are not in the mapping are ignored: "Note", "Mood"`,
		"2 lines with a negative Sales, which is kept as it is; the first is line 2", "of the loader",
	}
	if d := cmp.Diff(want, r.Warnings); d != "" {
		t.Error(d)
	}
	nan := math.NaN()
	for i, v := range [][2]float64{{-5, 6}, {nan, 6}, {7, nan}, {-1e-3, 8.5}, {0, .5}} {
		if o := m.lines[i].Observation; !same(o.Target, v[0]) || !same(o.Columns[0], v[1]) {
			t.Errorf("line %d reads %+v, want %v", m.lines[i].Number, o, v)
		}
	}
	if n := m.lines[3].Number; n != 7 {
		t.Errorf("the line behind two blank ones is %d, want 7", n)
	}
}

// same is equality under which NaN equals itself.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
