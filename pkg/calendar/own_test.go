package calendar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

func TestRead(t *testing.T) {
	jan := func(year, day int) sales.Period { return sales.Date(year, 1, day) }
	for _, tc := range []struct {
		name, in string
		want     []calendar.Holiday
	}{
		{"two holidays", "name,date\nInventory,2012-01-15\nFair,2012-01-20\nInventory,2011-01-16\n", []calendar.Holiday{
			{Name: "Inventory", Flagged: true, Dates: []sales.Period{jan(2012, 15), jan(2011, 16)}},
			{Name: "Fair", Flagged: true, Dates: []sales.Period{jan(2012, 20)}},
		}},
		{"a line twice", "name,date\nFair,2012-01-20\nFair,2012-01-20\n", []calendar.Holiday{
			{Name: "Fair", Flagged: true, Dates: []sales.Period{jan(2012, 20)}},
		}},
		{"mark, CRLF, blanks", "\xef\xbb\xbfName, Date\r\nFair , 2012-01-20\r\n\r\n", []calendar.Holiday{
			{Name: "Fair", Flagged: true, Dates: []sales.Period{jan(2012, 20)}},
		}},
		{"quotes", "name,date\n\"Fair, big\",2012-01-20", []calendar.Holiday{
			{Name: "Fair, big", Flagged: true, Dates: []sales.Period{jan(2012, 20)}},
		}},
		{"none", "name,date\n", nil},
	} {
		got, err := calendar.Read(strings.NewReader(tc.in), "own.csv")
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if d := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(calendar.Holiday{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", "own.csv is empty"},
		{"header", "date,name\n", `own.csv line 1: the header is "date,name", want name,date`},
		{"ragged", "name,date\nFair,2012-01-20,x\n", "own.csv line 2: wrong number of fields"},
		{"no name", "name,date\n,2012-01-20\n", "own.csv line 2: column name: empty"},
		{"built-in", "name,date\neaster,2012-04-08\n", "own.csv line 2: column name: easter is a built-in holiday"},
		{"date", "name,date\nFair,2012-01-20\nFair,20-01-2012\n", `own.csv line 3: column date: "20-01-2012" is no date of the form YYYY-MM-DD`},
		{"no such day", "name,date\nFair,2012-02-31\n", `own.csv line 2: column date: "2012-02-31" is no date of the form YYYY-MM-DD`},
		{"quote", "name,date\n\"Fair,2012-01-20\n", "own.csv line 2: extraneous or missing \" in quoted-field"},
		{"too long", "name,date\n" + strings.Repeat("Fair,2012-01-20\n", 10_001), "own.csv line 10002: more than 10000 holidays"},
	} {
		_, err := calendar.Read(strings.NewReader(tc.in), "own.csv")
		if !fault.Is(err, fault.Invalid) || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestReadPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := calendar.Read(iotest.ErrReader(broken), "own.csv"); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// Whatever is accepted can be written and read again as the same.
func FuzzRead(f *testing.F) {
	f.Add("name,date\nFair,2012-01-20\nFair,2011-01-20\n")
	f.Add("name,date\n\"a\"\"b\",0001-01-01\n")
	f.Add("\xef\xbb\xbfname,date\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		own, err := calendar.Read(strings.NewReader(in), "own.csv")
		if err != nil {
			return
		}
		var out strings.Builder
		out.WriteString("name,date\n")
		for _, h := range own {
			for _, d := range h.Dates {
				fmt.Fprintf(&out, "\"%s\",%s\n", strings.ReplaceAll(h.Name, `"`, `""`), d)
			}
		}
		again, err := calendar.Read(strings.NewReader(out.String()), "own.csv")
		if err != nil {
			t.Fatalf("%q was read, but %q: %v", in, out.String(), err)
		}
		if d := cmp.Diff(own, again, cmpopts.IgnoreUnexported(calendar.Holiday{})); d != "" {
			t.Fatalf("%q read again (-first +second):\n%s", in, d)
		}
	})
}
