package etl_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The same two weeks of one store, as different hands write them.
func TestDialects(t *testing.T) {
	want := []sales.Observation{
		{Key: sales.Key{"1"}, Period: sales.Date(2010, 2, 5), Target: 5.25, Columns: []float64{}},
		{Key: sales.Key{"1"}, Period: sales.Date(2010, 2, 19), Target: 7, Columns: []float64{}},
	}
	tests := map[string]struct{ text, layout string }{
		"plain":             {"Store,Date,Sales\n1,05-02-2010,5.25\n1,19-02-2010,7\n", "dd-mm-yyyy"},
		"no last line end":  {"Store,Date,Sales\n1,05-02-2010,5.25\n1,19-02-2010,7", "dd-mm-yyyy"},
		"CRLF":              {"Store,Date,Sales\r\n1,05-02-2010,5.25\r\n1,19-02-2010,7\r\n", "dd-mm-yyyy"},
		"BOM":               {"\ufeffStore,Date,Sales\n1,05-02-2010,5.25\n1,19-02-2010,7\n", "dd-mm-yyyy"},
		"BOM, quotes, CRLF": {"\ufeff\"Store\",\"Date\",\"Sales\"\r\n\"1\",\"05-02-2010\",\"5.25\"\r\n\"1\",\"19-02-2010\",\"7\"\r\n", "dd-mm-yyyy"},
		"blank lines first": {"\n\n \nStore,Date,Sales\n1,05-02-2010,5.25\n1,19-02-2010,7\n", "dd-mm-yyyy"},
		"order of columns":  {"Sales,Store,Date\n5.25,1,05-02-2010\n7,1,19-02-2010\n", "dd-mm-yyyy"},
		"case and spaces":   {" STORE , date ,sales\n 1 , 05-02-2010 , 5.25 \n1,19-02-2010,7\n", "dd-mm-yyyy"},
		"exact before case": {"store,Store,Date,Sales\n9,1,05-02-2010,5.25\n9,1,19-02-2010,7\n", "dd-mm-yyyy"},
		"blank headers":     {"Store,Date,Sales,,\n1,05-02-2010,5.25,,\n1,19-02-2010,7,,\n", "dd-mm-yyyy"},
		"semicolons":        {"Store;Date;Sales\n1;05-02-2010;5,25\n1;19-02-2010;7\n", "dd-mm-yyyy"},
		"semicolons, point": {"Store;Date;Sales\n1;05-02-2010;5.25\n1;19-02-2010;7\n", "dd-mm-yyyy"},
		"tabs":              {"Store\tDate\tSales\n1\t05-02-2010\t5.25\n1\t19-02-2010\t7\n", "dd-mm-yyyy"},
		"sep=":              {"sep=;\r\nStore;Date;Sales\r\n1;05-02-2010;5,25\r\n1;19-02-2010;7\r\n", "dd-mm-yyyy"},
		"BOM, SEP= quoted":  {"\ufeff\"SEP=|\"\nStore|Date|Sales\n1|05-02-2010|5,25\n1|19-02-2010|7\n", "dd-mm-yyyy"},
		"sep= a tab":        {"sep=\t\n\nStore\tDate\tSales\n1\t05-02-2010\t5.25\n1\t19-02-2010\t7\n", "dd-mm-yyyy"},
		"sep= wins":         {"sep=,\nStore,Date,Sales,a;b;c;d;e;f\n1,05-02-2010,5.25,\n1,19-02-2010,7,\n", "dd-mm-yyyy"},
		"quoted separators": {"Store,Date,Sales,\"a;b;c;d;e\"\n1,05-02-2010,5.25,\n1,19-02-2010,7,\n", "dd-mm-yyyy"},
		"keys as floats":    {"Store,Date,Sales\n1.0,05-02-2010,5.25\n01,19-02-2010,7\n", "dd-mm-yyyy"},
		"ISO":               {"Store,Date,Sales\n1,2010-02-05,5.25\n1,2010-02-19,7\n", "yyyy-mm-dd"},
		"ISO with a time":   {"Store,Date,Sales\n1,2010-02-05T00:00:00,5.25\n1,2010-02-19T00:00:00Z,7\n", "yyyy-mm-dd"},
		"pandas' time":      {"Store,Date,Sales\n1,2010-02-05 00:00:00,5.25\n1,2010-02-19 00:00:00.000,7\n", "yyyy-mm-dd"},
		"yyyy/mm/dd":        {"Store,Date,Sales\n1,2010/02/05,5.25\n1,2010/02/19,7\n", "yyyy/mm/dd"},
		"d/m/yy":            {"Store,Date,Sales\n1,5/2/10,5.25\n1,19/2/10,7\n", "d/m/yy"},
		"m/d/yy":            {"Store,Date,Sales\n1,2/5/10,5.25\n1,2/19/10,7\n", "m/d/yy"},
		"d/m/yyyy":          {"Store,Date,Sales\n1,5/2/2010,5.25\n1,19/02/2010,7\n", "d/m/yyyy"},
		"m/d/yyyy":          {"Store,Date,Sales\n1,02/05/2010,5.25\n1,2/19/2010 0:00,7\n", "m/d/yyyy"},
		"mm-dd-yyyy":        {"Store,Date,Sales\n1,02-05-2010,5.25\n1,02-19-2010,7\n", "mm-dd-yyyy"},
		"dd.mm.yyyy":        {"Store,Date,Sales\n1,05.02.2010,5.25\n1,19.02.2010,7\n", "dd.mm.yyyy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			r, err := load(t, m, tt.text, etl.Options{Mapping: small()})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, m.observations()); d != "" {
				t.Error(d)
			}
			if r.Layout != tt.layout || r.Source.Schema.Frequency.Ends != time.Friday {
				t.Errorf("layout %s, weeks end on %s, want %s, Friday", r.Layout, r.Source.Schema.Frequency.Ends, tt.layout)
			}
		})
	}
}

// Quoted fields may hold line ends; the lines behind keep their numbers. A quote
// that is left open costs its own line and no other.
func TestQuotes(t *testing.T) {
	m := &memory{}
	text := "Store,Date,Sales,Note\n" +
		"1,05-02-2010,5,\"two\nlines, \"\"quoted\"\"\"\n" + // 2 and 3
		"1,12-02-2010,5,\"open\n" + // 4
		"1,19-02-2010,5,x\n" + // 5
		"1,26-02-2010,\"5\",\"\"\n" // 6
	o := etl.Options{Mapping: withStatic("Note")}
	if _, err := load(t, m, text, o); err != nil {
		t.Fatal(err)
	}
	type row struct {
		line int
		note string
	}
	var got []row
	for _, l := range m.lines {
		if l.Refused != "" {
			got = append(got, row{l.Number, "refused"})
			continue
		}
		got = append(got, row{l.Number, l.Observation.Static[0]})
	}
	want := []row{{2, "two\nlines, \"quoted\""}, {4, "refused"}, {5, "x"}, {6, ""}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Error(d)
	}
}

func TestFrequencies(t *testing.T) {
	tests := map[string]struct {
		frequency, ends string
		dates           []string
		want            []string // periods, or what the refusal says
		is              string
	}{
		"found":                {"", "", []string{"2010-02-01", "2010-02-08"}, []string{"2010-02-01", "2010-02-08"}, "W-MON"},
		"configured":           {"weekly", "fri", []string{"2010-02-05", "2010-02-06"}, []string{"2010-02-05", "is a Saturday: every date must be a Friday"}, "W-FRI"},
		"as pandas":            {"W-SAT", "", []string{"2010-02-05", "2010-02-06"}, []string{"is a Friday: every date must be a Saturday", "2010-02-06"}, "W-SAT"},
		"most of them":         {"", "", []string{"2010-02-05", "2010-02-06", "2010-02-12"}, []string{"2010-02-05", "is a Saturday", "2010-02-12"}, "W-FRI"},
		"a gap":                {"", "", []string{"2010-02-05", "2011-02-04"}, []string{"2010-02-05", "2011-02-04"}, "W-FRI"},
		"daily, and a weekday": {"daily", "friday", []string{"2010-02-06"}, []string{"2010-02-06"}, "D"},
		"daily":                {"daily", "", []string{"2010-02-05", "2010-02-06"}, []string{"2010-02-05", "2010-02-06"}, "D"},
		"monthly": {
			"monthly", "", []string{"2010-02-28", "2010-03-01", "2010-04-15", "2012-02-29"},
			[]string{"2010-02-28", "2010-03-31", "is within a month: want the first or the last day of April 2010", "2012-02-29"}, "M",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, o := &memory{}, etl.Options{Mapping: small()}
			o.Frequency, o.WeekEnds = tt.frequency, tt.ends
			r, err := load(t, m, "Store,Date,Sales\n1,"+strings.Join(tt.dates, ",5\n1,")+",5\n", o)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Source.Schema.Frequency.String(); got != tt.is {
				t.Errorf("the frequency is %s, want %s", got, tt.is)
			}
			if f := r.Source.Schema.Frequency; f.Unit != sales.Weekly && f.Ends != 0 {
				t.Errorf("weeks end on %s in data that is not weekly", f.Ends)
			}
			for i, l := range m.lines {
				got := l.Refused
				if got == "" {
					got = l.Observation.Period.String()
				}
				if !strings.Contains(got, tt.want[i]) {
					t.Errorf("%s reads %s, want %s", tt.dates[i], got, tt.want[i])
				}
			}
		})
	}
}

// Lines that no layout reads together: the layout of most dates wins, the first
// one among equals, and the other lines are refused.
func TestMixedLayouts(t *testing.T) {
	for text, want := range map[string]string{
		"1,13/01/2012,5\n1,01/14/2012,5\n":                 "d/m/yyyy",
		"1,01/14/2012,5\n1,13/01/2012,5\n":                 "m/d/yyyy",
		"1,2012-01-13,5\n1,14.01.2012,5\n":                 "yyyy-mm-dd",
		"1,2012-01-13,5\n1,14.01.2012,5\n2,14.01.2012,5\n": "dd.mm.yyyy",
		"1,13/01/2012,5\n1,05/06/2012,5\n":                 "d/m/yyyy",
	} {
		m, o := &memory{}, etl.Options{Mapping: small()}
		o.Frequency = "daily"
		r, err := load(t, m, "Store,Date,Sales\n"+text, o)
		if err != nil || r.Layout != want {
			t.Errorf("%q is read as %s, want %s, %v", text, r.Layout, want, err)
		}
		if refused := strings.Count(text, "05/06") == 0; refused != (r.Counts.Refused == 1) {
			t.Errorf("%q: %d lines are refused", text, r.Counts.Refused)
		}
	}
}

// Dates at the edges of the layouts.
func TestDates(t *testing.T) {
	for _, tt := range []struct{ layout, text, want string }{
		{"d/m/yy", "1/1/69", "1969-01-01"}, {"d/m/yy", "1/1/68", "2068-01-01"}, {"d/m/yy", "1/1/2010", ""}, {"d/m/yy", "1/1/110", ""},
		{"d/m/yyyy", "1/1/10", ""}, {"d/m/yyyy", "1/1/02010", ""}, {"d/m/yyyy", "001/1/2010", ""}, {"d/m/yyyy", "1/001/2010", ""},
		{"d/m/yyyy", "29/2/2012", "2012-02-29"}, {"d/m/yyyy", "29/2/2011", ""}, {"d/m/yyyy", "0/2/2011", ""}, {"d/m/yyyy", "1/0/2011", ""},
		{"d/m/yyyy", "1/13/2011", ""}, {"d/m/yyyy", "1-1/2010", ""}, {"d/m/yyyy", "1/1-2010", ""}, {"d/m/yyyy", "1/1/2010/", ""},
		{"d/m/yyyy", "1//2010", ""}, {"d/m/yyyy", "/1/2010", ""}, {"d/m/yyyy", "1/1/", ""}, {"d/m/yyyy", "1/1 0:00", ""}, {"d/m/yyyy", "-1/1/2010", ""},
		{"yyyy-mm-dd", "1900-01-01", "1900-01-01"}, {"yyyy-mm-dd", "1899-12-31", ""}, {"yyyy-mm-dd", "2199-12-31", "2199-12-31"},
		{"yyyy-mm-dd", "2200-01-01", ""}, {"yyyy-mm-dd", "2010-01-01 00:00:01", ""}, {"yyyy-mm-dd", "2010-1-1", "2010-01-01"},
		{"d mmm yyyy", "1 Jan 2010", "2010-01-01"}, {"d mmm yyyy", "1 Jan 2200", ""},
	} {
		m, o := &memory{}, etl.Options{Mapping: withLayout(tt.layout)}
		o.Frequency = "daily"
		if _, err := load(t, m, "Store,Date,Sales\n1,"+tt.text+",5\n", o); err != nil {
			t.Errorf("%s %s: %v", tt.layout, tt.text, err)
			continue
		}
		got := ""
		if l := m.lines[0]; l.Refused == "" {
			got = l.Observation.Period.String()
		}
		if got != tt.want {
			t.Errorf("%s reads %s as %q, want %q", tt.layout, tt.text, got, tt.want)
		}
	}
}

// A layout may be given for people and for package time.
func TestConfiguredLayouts(t *testing.T) {
	for layout, date := range map[string]string{
		"d/m/yyyy": "5/2/2010", "DD/MM/YYYY": "05/02/2010", "02/01/2006": "5/2/2010", "m/d/yy": "2/5/10",
		"dd-mm-yyyy": "05-02-2010", "d-mmm-yy": "5-Feb-10", "mmmm d, yyyy": `"February 5, 2010"`, "Jan 2 2006": "Feb 5 2010",
		"yyyymmdd": "20100205", "20060102": "20100205", "d-m-yy": "5-2-10", "yyyy.mm.dd": "2010.2.5",
	} {
		m := &memory{}
		if _, err := load(t, m, "Store,Date,Sales\n1,"+date+",5\n", etl.Options{Mapping: withLayout(layout)}); err != nil {
			t.Errorf("%s: %v", layout, err)
			continue
		}
		if l := m.lines[0]; l.Observation.Period != sales.Date(2010, 2, 5) {
			t.Errorf("%s reads %s as %s %s", layout, date, l.Observation.Period, l.Refused)
		}
	}
}

// What the mapping says wrong is an error of the configuration, before the file
// is opened.
func TestConfigFaults(t *testing.T) {
	tests := map[string]struct {
		change func(*etl.Mapping)
		want   string
	}{
		"layout":         {func(m *etl.Mapping) { m.Layout = "yesterday" }, `data.layout: "yesterday" is no date layout`},
		"layout, short":  {func(m *etl.Mapping) { m.Layout = "dd-mm" }, `data.layout: "dd-mm" is no date layout`},
		"weekday":        {func(m *etl.Mapping) { m.WeekEnds = "freitag" }, `data.week_ends: "freitag" is no weekday`},
		"decimal":        {func(m *etl.Mapping) { m.Decimal = ";" }, `data.decimal: ";" is no decimal separator`},
		"frequency":      {func(m *etl.Mapping) { m.Frequency = "hourly" }, `data.frequency: "hourly" is unknown`},
		"no keys":        {func(m *etl.Mapping) { m.Keys = []string{} }, "data.keys: it is empty"},
		"a header twice": {func(m *etl.Mapping) { m.Target = "Date" }, `data.target: the header "Date" is used twice`},
		"a name twice":   {func(m *etl.Mapping) { m.Columns = []etl.Column{{"store", "Size"}} }, `data.columns: the name "store" is used twice`},
		"a blank header": {func(m *etl.Mapping) { m.Static = []string{" "} }, "data.static: a column has a blank name"},
		"a name of all":  {func(m *etl.Mapping) { m.Columns = []etl.Column{{"key", "Size"}} }, `data.columns: the name "key" is used twice`},
		"a name of ours": {func(m *etl.Mapping) { m.Columns = []etl.Column{{"date", "Size"}} }, `data.columns: the name "date" is used twice`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := etl.Options{Mapping: small()}
			tt.change(&o.Mapping)
			_, err := etl.Run(t.Context(), etl.Input{Name: "no such file"}, &memory{}, o)
			if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a configuration error with %s", err, tt.want)
			}
			var m *etl.MappingError
			if !errors.As(err, &m) || !strings.HasPrefix(err.Error(), m.Setting+": ") {
				t.Errorf("%v names no setting", err)
			}
		})
	}
}

// The first load settles what a later file leaves open.
func TestRemembered(t *testing.T) {
	first := func(t *testing.T) *memory {
		m, o := &memory{}, etl.Options{Mapping: small()}
		o.Columns, o.Static = []etl.Column{{"warmth", "Temp"}}, []string{"Region"}
		text := "Store,Region,Date,Sales,Temp\n1,N,05/02/2010,5,6\n1,N,19/02/2010,5,6\n"
		if _, err := load(t, m, text, o); err != nil {
			t.Fatal(err)
		}
		return m
	}
	const header = "Store,Region,Date,Sales,Temp\n"
	tests := map[string]struct {
		lines string
		o     etl.Options
		want  string // the layout, or what the error or the first refusal says
	}{
		"the layout":             {"1,N,05/03/2010,5,6\n", etl.Options{}, "d/m/yyyy"},
		"a slip does not swap":   {"1,N,05/03/2010,5,6\n1,N,03/19/2010,5,6\n", etl.Options{}, `Date "03/19/2010" is no date of the form d/m/yyyy`},
		"most dates swap":        {"1,N,03/12/2010,5,6\n1,N,03/19/2010,5,6\n1,N,03/26/2010,5,6\n", etl.Options{}, "m/d/yyyy"},
		"another layout":         {"1,N,2010-03-05,5,6\n", etl.Options{}, "yyyy-mm-dd"},
		"the configured wins":    {"1,N,2010-03-05,5,6\n", etl.Options{Mapping: etl.Mapping{Layout: "d/m/yyyy"}}, `Date "2010-03-05" is no date of the form d/m/yyyy`},
		"the weekday":            {"1,N,06/03/2010,5,6\n", etl.Options{}, "is a Saturday: every date must be a Friday"},
		"no date to read":        {"1,N,soon,5,6\n", etl.Options{}, `Date "soon" is no date of the form d/m/yyyy`},
		"replaced: nothing":      {"1,N,05/03/2010,5,6\n", etl.Options{Replace: true, Mapping: mapped()}, "no other date tells which"},
		"the sample: nothing":    {"1,N,05/03/2010,5,6\n", etl.Options{Sample: true, Mapping: mapped()}, "no other date tells which"},
		"replaced: no mapping":   {"1,N,05/03/2010,5,6\n", etl.Options{Replace: true}, `no columns "Weekly_Sales", "Holiday_Flag"`},
		"an ambiguous other one": {"1,N,05-03-2010,5,6\n", etl.Options{}, "no other date tells which"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := first(t)
			r, err := load(t, m, header+tt.lines, tt.o)
			got := r.Layout
			switch {
			case err != nil:
				got = err.Error()
			case len(r.Refusals) > 0:
				got = r.Refusals[0].Reason
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if d := cmp.Diff(m.first.Schema, m.src.Schema); err == nil && d != "" {
				t.Error("another schema: " + d)
			}
		})
	}
	t.Run("another frequency", func(t *testing.T) {
		m, o := &memory{}, etl.Options{Mapping: small()}
		for _, o.Frequency = range []string{"daily", "weekly"} { // the loader decides whether it takes it
			if _, err := load(t, m, "Store,Date,Sales\n1,2010-02-05,5\n", o); err != nil {
				t.Fatal(err)
			}
		}
		if f := m.src.Schema.Frequency.String(); f != "W-FRI" {
			t.Errorf("the frequency is %s, want W-FRI", f)
		}
	})
	t.Run("a layout of package time", func(t *testing.T) {
		m := &memory{}
		if _, err := load(t, m, "Store,Date,Sales\n1,5-Feb-10,5\n", etl.Options{Mapping: withLayout("d-mmm-yy")}); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, m, "Store,Date,Sales\n1,12-Feb-10,5\n", etl.Options{}); err != nil {
			t.Error(err)
		}
	})
}

// mapped is the mapping of the first load in TestRemembered.
func mapped() etl.Mapping {
	m := small()
	m.Columns, m.Static = []etl.Column{{"warmth", "Temp"}}, []string{"Region"}
	return m
}

// Several key columns, text among them, and static columns.
func TestKeysAndStatic(t *testing.T) {
	m, o := &memory{}, etl.Options{Mapping: withStatic("Store Type")}
	o.Keys = []string{"Store", "Dept No"}
	text := "Store,Dept No,Store Type,Date,Sales\nnorth, 07 , A ,05-02-2010,1\nnorth,7,A,19-02-2010,2\nsouth,8,,19-02-2010,3\n"
	if _, err := load(t, m, text, o); err != nil {
		t.Fatal(err)
	}
	s := m.src.Schema
	if d := cmp.Diff([][]string{{"store", "dept_no"}, {"store_type"}}, [][]string{s.KeyNames, s.StaticNames}); d != "" {
		t.Error(d)
	}
	var got []string
	for _, o := range m.observations() {
		got = append(got, o.Key.String()+" "+o.Static[0])
	}
	if d := cmp.Diff([]string{"north/7 A", "north/7 A", "south/8 "}, got); d != "" {
		t.Error(d)
	}
	r, err := load(t, m, "Store,Dept No,Store Type,Date,Sales\n1,2,\xff,05-02-2010,1\n", etl.Options{})
	if err != nil || len(r.Refusals) != 1 || !strings.Contains(r.Refusals[0].Reason, `Store Type "\xff" is not a UTF-8 text`) {
		t.Errorf("got %+v, %v", r.Refusals, err)
	}
}
