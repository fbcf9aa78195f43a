package etl_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
)

// sold is a file of one store with one target a week, from Friday the 7th of
// January 2022.
func sold(separator string, targets ...string) string {
	lines := []string{strings.Join([]string{"Store", "Date", "Sales"}, separator)}
	for i, s := range targets {
		day := []string{"07.01.2022", "14.01.2022", "21.01.2022", "28.01.2022"}[i]
		if strings.Contains(s, separator) {
			s = `"` + s + `"`
		}
		lines = append(lines, strings.Join([]string{"1", day, s}, separator))
	}
	return strings.Join(lines, "\n") + "\n"
}

func withDecimal(s string) etl.Mapping {
	m := small()
	m.Decimal, m.Layout = s, "dd.mm.yyyy"
	return m
}

// One number that has one reading settles the separator of the whole file;
// thousands stand in groups of three.
func TestDecimalSeparator(t *testing.T) {
	tests := map[string]struct {
		separator, decimal string // of fields; configured
		targets            []string
		want               []float64
		remembered         string
	}{
		"a thousand and a comma":     {";", "", []string{"1.234", "1250,5", "998,2"}, []float64{1234, 1250.5, 998.2}, ","},
		"a thousand and a point":     {";", "", []string{"1,234", "1250.5", "998.2"}, []float64{1234, 1250.5, 998.2}, "."},
		"settled by the last":        {";", "", []string{"1,234", "1,250", "998", "0.5"}, []float64{1234, 1250, 998, .5}, "."},
		"a German spreadsheet":       {";", "", []string{"1.006,29", "12.345.678,9", "998", "-1.234"}, []float64{1006.29, 12345678.9, 998, -1234}, ","},
		"an English spreadsheet":     {";", "", []string{"1,006.29", "12,345,678.9", "998", "+1,234"}, []float64{1006.29, 12345678.9, 998, 1234}, "."},
		"tabs":                       {"\t", "", []string{"1.006,29", "1.234", "5,25"}, []float64{1006.29, 1234, 5.25}, ","},
		"two groups, comma":          {";", "", []string{"1.234.567", "1,234"}, []float64{1234567, 1.234}, ","},
		"two groups, point":          {";", "", []string{"1,234,567", "1.234"}, []float64{1234567, 1.234}, "."},
		"a leading zero is no group": {";", "", []string{"0,125", "1.250"}, []float64{.125, 1250}, ","},
		"four digits are no group":   {";", "", []string{"1250.125", "1.250"}, []float64{1250.125, 1.25}, "."},
		"an exponent":                {";", "", []string{"1,250e3", "1.250"}, []float64{1250, 1250}, ","},
		"apostrophes":                {";", "", []string{"1'234.500", "1’234", "1.234"}, []float64{1234.5, 1234, 1.234}, "."},
		"narrow spaces":              {";", "", []string{"1\u202f234,50", "1\u00a0234", "1,234"}, []float64{1234.5, 1234, 1.234}, ","},
		"whole numbers":              {";", "", []string{"1234", "5"}, []float64{1234, 5}, ""},
		"configured comma":           {";", ",", []string{"1.234", "1,234"}, []float64{1234, 1.234}, ","},
		"configured point":           {";", ".", []string{"1.234", "1,234"}, []float64{1.234, 1234}, "."},
		"between commas":             {",", "", []string{"1.234", "42.31"}, []float64{1.234, 42.31}, ""},
		"between commas, alone":      {",", "", []string{"1.234"}, []float64{1.234}, ""},
		"grouped between commas":     {",", "", []string{"1,006.29", "1,643,690.90"}, []float64{1006.29, 1643690.90}, "."},
		"open between commas":        {",", "", []string{"1,234", "42.31", "1.234"}, []float64{1234, 42.31, 1.234}, "."},
		"configured between commas":  {",", ",", []string{"1,234", "5,5"}, []float64{1.234, 5.5}, ","},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			r, err := load(t, m, sold(tt.separator, tt.targets...), etl.Options{Mapping: withDecimal(tt.decimal)})
			if err != nil || len(r.Refusals) > 0 {
				t.Fatal(err, r.Refusals)
			}
			var got []float64
			for _, o := range m.observations() {
				got = append(got, o.Target)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if got := m.src.Format.Decimal; got != tt.remembered {
				t.Errorf("%q is remembered, want %q", got, tt.remembered)
			}
		})
	}
}

// What cannot be told apart is refused as a whole, with the number in question.
func TestDecimalSeparatorOpen(t *testing.T) {
	tests := map[string]struct {
		separator  string
		targets    []string
		want, hint string
	}{
		"dots": {
			";", []string{"998", "1.234", "1.250"},
			`data.csv: line 3: Sales "1.234" is 1.234 with a decimal point and 1234 with a decimal comma, and no other number tells which`,
			`set data.decimal in salesctl.yaml to "." or ","; a number such as 12.5 or 12,5`,
		},
		"commas":         {";", []string{"1,234"}, `line 2: Sales "1,234" is 1234 with a decimal point and 1.234 with a decimal comma`, "data.decimal"},
		"tabs":           {"\t", []string{"1.234"}, `line 2: Sales "1.234" is 1.234 with a decimal point`, "data.decimal"},
		"both unsettled": {";", []string{"1.234", "1,234"}, `line 2: Sales "1.234" is`, "data.decimal"},
		"between commas": {",", []string{"998", "1,234"}, `line 3: Sales "1,234" is 1234 with a decimal point`, "data.decimal"},
		"both": {
			";", []string{"1.234", "5,25", "42.31", "5.5"},
			`data.csv: numbers are written in two ways: line 4: Sales "42.31" can only have a decimal point, line 3: Sales "5,25" only a decimal comma`,
			"write all numbers of the file in one way; or set data.decimal",
		},
		"both, the point first": {";", []string{"42.31", "5,25"}, "numbers are written in two ways", "data.decimal"},
		"both between commas":   {",", []string{"1,234", "5,25", "42.31"}, "numbers are written in two ways", "data.decimal"},
		"a comma between commas": {
			",", []string{"1,234", "5,25"},
			`line 3: Sales "5,25" can only have a decimal comma, and a file with commas between its fields has a decimal point, so that line 2: Sales "1,234" may be read in two ways`,
			"data.decimal",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			_, err := load(t, m, sold(tt.separator, tt.targets...), etl.Options{Mapping: withDecimal("")})
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Errorf("got\n  %v\n  %s\nwant\n  %s\n  %s", err, fault.HintOf(err), tt.want, tt.hint)
			}
			if m.first != nil {
				t.Error("the file reached the loader")
			}
		})
	}
}

// The evidence may stand in any column of numbers, and in no other.
func TestDecimalSeparatorOfColumns(t *testing.T) {
	m, o := &memory{}, etl.Options{Mapping: withStatic("Note")}
	o.Columns = []etl.Column{{"temp", "Temp"}}
	text := "Store;Date;Sales;Temp;Note\n1;2022-01-07;1.234;-5,5;42.31\n1;2022-01-14;1.250;;42.31\n"
	if _, err := load(t, m, text, o); err != nil || m.lines[0].Observation.Target != 1234 || m.lines[1].Observation.Target != 1250 {
		t.Errorf("got %+v, %v", m.lines, err)
	}
	if _, err := load(t, &memory{}, strings.Replace(text, "-5,5", "-5", 1), o); !fault.Is(err, fault.Invalid) {
		t.Errorf("a text settles the separator: %v", err)
	}
}

// A line that contradicts the separator of the configuration is refused alone.
func TestContradictions(t *testing.T) {
	for decimal, want := range map[string][]string{
		",": {`Sales "42.31" is written for a decimal point: the numbers of this file have a decimal comma`, `Sales "1,234.5" is written for a decimal point`},
		".": {`Sales "5,25" is written for a decimal comma: the numbers of this file have a decimal point`},
	} {
		m := &memory{}
		r, err := load(t, m, sold(";", "42.31", "5,25", "1,234.5", "7"), etl.Options{Mapping: withDecimal(decimal)})
		if err != nil || len(r.Refusals) != len(want) {
			t.Errorf("%s: refused %+v, %v", decimal, r.Refusals, err)
			continue
		}
		for i, w := range want {
			if !strings.HasPrefix(r.Refusals[i].Reason, w) {
				t.Errorf("%s: refused with %s, want %s", decimal, r.Refusals[i].Reason, w)
			}
		}
	}
}

// The separator of the first load settles the open numbers of a later one.
func TestDecimalSeparatorRemembered(t *testing.T) {
	tests := map[string]struct {
		first, later []string // separator and targets
		o            etl.Options
		want         float64 // the first target of the later file
		refused      string
	}{
		"a comma":                {[]string{";", "1.006,29"}, []string{";", "1.234"}, etl.Options{}, 1234, ""},
		"a point":                {[]string{";", "42.31"}, []string{";", "1.234"}, etl.Options{}, 1.234, ""},
		"other fields":           {[]string{";", "42,31"}, []string{"\t", "1.234"}, etl.Options{}, 1234, ""},
		"between commas":         {[]string{",", "1,006.29"}, []string{",", "1,234"}, etl.Options{}, 1234, ""},
		"whole numbers":          {[]string{";", "42"}, []string{";", "1.234"}, etl.Options{}, 0, "no other number tells which"},
		"commas remember none":   {[]string{",", "42.31"}, []string{";", "1.234"}, etl.Options{}, 0, "no other number tells which"},
		"a comma, then commas":   {[]string{";", "42,31"}, []string{",", "1,234"}, etl.Options{}, 0, "no other number tells which"},
		"replaced":               {[]string{";", "42,31"}, []string{";", "1.234"}, etl.Options{Mapping: withDecimal(""), Replace: true}, 0, "no other number tells which"},
		"the configured wins":    {[]string{";", "42,31"}, []string{";", "1.234"}, etl.Options{Mapping: withDecimal(".")}, 1.234, ""},
		"nothing open: as it is": {[]string{";", "42,31"}, []string{";", "42.31"}, etl.Options{}, 42.31, ""},
		"a slip does not swap": {
			[]string{";", "42,31"}, []string{";", "1.234", "42.31"}, etl.Options{}, 0,
			`line 3: Sales "42.31" can only have a decimal point, and the data that was loaded first has a decimal comma, so that line 2: Sales "1.234" may be read in two ways`,
		},
		"a slip does not swap, comma": {[]string{";", "42.31"}, []string{";", "1.234", "42,31"}, etl.Options{}, 0, "the data that was loaded first has a decimal point"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			if _, err := load(t, m, sold(tt.first[0], tt.first[1:]...), etl.Options{Mapping: withDecimal("")}); err != nil {
				t.Fatal(err)
			}
			tt.o.Layout = "dd.mm.yyyy"
			_, err := load(t, m, sold(tt.later[0], tt.later[1:]...), tt.o)
			switch {
			case tt.refused != "":
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, want %s", err, tt.refused)
				}
			case err != nil || m.lines[0].Observation.Target != tt.want:
				t.Errorf("got %+v, %v, want %v", m.lines[0], err, tt.want)
			}
		})
	}
}

// A cause that refuses most of a file is no matter of single lines.
func TestCommonCause(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"a column": {
			"1,2022-01-07,$5\n1,2022-01-14,$6\n1,2022-01-21,7\n",
			`2 of 3 lines are refused for one cause, and what is left is not all of the data; line 2: Sales "$5" is not a plain number`,
		},
		"a column, how to mend it": {"1,2022-01-07,$5\n1,2022-01-14,$6\n1,2022-01-21,7\n", "; save the column as plain numbers"},
		"the lines": {
			"1,2022-01-07,5,25\n1,2022-01-14,6,25\n1,2022-01-21,7\n",
			"2 of 3 lines are refused for one cause, and what is left is not all of the data; line 2: has 4 fields, the header has 3; put fields",
		},
		"weekdays":          {"1,2022-01-05,5\n1,2022-01-06,5\n1,2022-01-07,5\n", "; set data.frequency or data.week_ends"},
		"half of them":      {"1,2022-01-07,$5\n1,2022-01-14,6\n", ""},
		"different columns": {"a/b,2022-01-07,5\n1,2022-01-14,$6\n1,2022-01-21,7\n", ""},
		"different causes":  {"1,soon,5\n1,2022-01-15,6\n1,2022-01-21,7\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := etl.Options{Mapping: small()}
			o.WeekEnds = "friday"
			r, err := load(t, &memory{}, "Store,Date,Sales\n"+tt.text, o)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(r.Warnings) > 0 || tt.want != "" && !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, tt.want) }) {
				t.Errorf("warned %q, want %q", r.Warnings, tt.want)
			}
		})
	}
}

// A few texts that are not UTF-8 cost their lines, and none where they have no
// use.
func TestFewForeignTexts(t *testing.T) {
	text := "Store,Date,Sales,Note\n1,2022-01-07,5,\n" + strings.Repeat("Z\xfcrich,2022-01-07,5,\n", 3) + strings.Repeat("2,2022-01-14,5,gr\xf6\xdfer\n", 9)
	r, err := load(t, &memory{}, text, etl.Options{Mapping: small()})
	if err != nil || r.Counts.Refused != 3 {
		t.Errorf("%d lines are refused, %v", r.Counts.Refused, err)
	}
}

// FuzzDecimal reads any two numbers between semicolons: each is loaded as a plain
// reading of one common separator has it, or something is refused.
func FuzzDecimal(f *testing.F) {
	for _, s := range [][2]string{{"1.234", "1250,5"}, {"1,234", "42.31"}, {"1'234.5", "-1e3"}, {"1.234.567", "+,5"}, {"0.125", "1.2.3"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsAny(a+b, ";\"\n\r") {
			return
		}
		m := &memory{}
		if _, err := load(t, m, sold(";", a, b), etl.Options{Mapping: withDecimal("")}); err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		for _, decimal := range []string{".", ","} {
			peer := &memory{}
			if _, err := load(t, peer, sold(";", a, b), etl.Options{Mapping: withDecimal(decimal)}); err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(targets(peer), targets(m)) {
				return
			}
		}
		t.Errorf("%q and %q read %v", a, b, targets(m))
	})
}

// targets are the texts of the targets that were loaded, "refused" for others.
func targets(m *memory) []string {
	var out []string
	for _, l := range m.lines {
		if l.Refused != "" {
			out = append(out, "refused")
			continue
		}
		out = append(out, strconv.FormatFloat(l.Observation.Target, 'g', -1, 64))
	}
	return out
}
