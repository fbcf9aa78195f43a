package etl

import (
	"fmt"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// layout is a way of writing dates. The numeric ones (three numbers with one
// separator) are read without package time, and take one or two digits for day
// and month.
type layout struct {
	name   string // the form for people: d/m/yyyy
	golang string // the form of package time: 2/1/2006
	order  string // of a numeric layout: "dmy", "mdy" or "ymd"; "" for others
	sep    byte   // of a numeric layout
	year   int    // digits of the year of a numeric layout
}

// layouts returns the ones that are found without help, all numeric.
func layouts() []layout {
	return []layout{
		{"yyyy-mm-dd", "2006-01-02", "ymd", '-', 4},
		{"yyyy/mm/dd", "2006/01/02", "ymd", '/', 4},
		{"dd-mm-yyyy", "02-01-2006", "dmy", '-', 4},
		{"mm-dd-yyyy", "01-02-2006", "mdy", '-', 4},
		{"d/m/yyyy", "2/1/2006", "dmy", '/', 4},
		{"m/d/yyyy", "1/2/2006", "mdy", '/', 4},
		{"d/m/yy", "2/1/06", "dmy", '/', 2},
		{"m/d/yy", "1/2/06", "mdy", '/', 2},
		{"dd.mm.yyyy", "02.01.2006", "dmy", '.', 4},
	}
}

// parseLayout reads a form for people (dd-mm-yyyy, d-mmm-yy) or one of package
// time, told apart by the digits that only the second has.
func parseLayout(s string) (layout, error) {
	l := layout{name: s, golang: s}
	if !strings.ContainsAny(s, "0123456789") {
		l.golang = fromHuman(s)
	}
	// A layout is one if a date comes back unharmed; day, month and year differ
	// from each other and from the reference time of package time.
	want := sales.Date(2031, time.October, 27)
	got, err := time.Parse(l.golang, want.Format(l.golang))
	if err != nil || sales.Date(got.Date()) != want {
		return layout{}, fmt.Errorf("%q is no date layout: want a form such as dd-mm-yyyy, m/d/yy or 2006-01-02", s)
	}
	l.order, l.sep, l.year = numericForm(l.golang)
	for _, known := range layouts() {
		if l.order != "" && known.order == l.order && known.sep == l.sep && known.year == l.year {
			return known, nil
		}
	}
	return l, nil
}

// fromHuman writes runs of y, m and d as package time does and leaves the rest.
func fromHuman(s string) string {
	words := map[string]string{
		"yyyy": "2006", "yy": "06", "mmmm": "January", "mmm": "Jan", "mm": "01", "m": "1", "dd": "02", "d": "2",
	}
	var b strings.Builder
	s = strings.ToLower(s)
	for len(s) > 0 {
		run := s[:len(s)-len(strings.TrimLeft(s, s[:1]))]
		s = s[len(run):]
		if w, ok := words[run]; ok {
			run = w
		}
		b.WriteString(run)
	}
	return b.String()
}

// numericForm takes a layout of package time apart; order is "" where it is not
// three numbers with one separator.
func numericForm(golang string) (order string, sep byte, year int) {
	at := strings.IndexAny(golang, "-/.")
	if at < 0 {
		return "", 0, 0
	}
	for part := range strings.SplitSeq(golang, golang[at:at+1]) {
		switch part {
		case "2", "02":
			order += "d"
		case "1", "01":
			order += "m"
		case "06", "2006":
			order += "y"
			year = len(part)
		default:
			return "", 0, 0
		}
	}
	if order != "dmy" && order != "mdy" && order != "ymd" {
		return "", 0, 0
	}
	return order, golang[at], year
}

// swaps reports whether l and o read the same texts and differ in which number
// is the day.
func (l layout) swaps(o layout) bool {
	return l.order != "" && l.order != o.order && l.order != "ymd" && o.order != "ymd" && l.sep == o.sep && l.year == o.year
}

// The years that a date may have: a slip of the pen such as 0212 or 21012 would
// otherwise span thousands of empty periods.
const (
	firstYear = 1900
	lastYear  = 2199
)

// read returns the day that s means.
func (l layout) read(s string) (sales.Period, bool) {
	if l.order != "" {
		w, ok := split(s)
		if !ok {
			return 0, false
		}
		return l.readWritten(w)
	}
	t, err := time.Parse(l.golang, strings.TrimSpace(s))
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		return 0, false
	}
	return sales.Date(t.Date()), true
}

// readWritten is read for a date that was taken apart before.
func (l layout) readWritten(w written) (sales.Period, bool) {
	if w.sep != l.sep {
		return 0, false
	}
	y, m, d := 2, 1, 0
	switch l.order {
	case "mdy":
		m, d = 0, 1
	case "ymd":
		y, m, d = 0, 1, 2
	}
	if w.digits[y] != l.year || w.digits[m] > 2 || w.digits[d] > 2 {
		return 0, false
	}
	year := w.number[y]
	switch {
	case l.year == 2 && year >= 69: // as package time and POSIX have it
		year += 1900
	case l.year == 2:
		year += 2000
	}
	if year < firstYear || year > lastYear || w.number[m] < 1 || w.number[m] > 12 {
		return 0, false
	}
	day := sales.Date(year, time.Month(w.number[m]), w.number[d])
	if w.number[d] < 1 || w.number[d] > 28 && day.Time().Day() != w.number[d] {
		return 0, false
	}
	return day, true
}

// written is a numeric date as it stands in a file: 05-02-2010 is the numbers
// 5, 2 and 2010 in 2, 2 and 4 digits.
type written struct {
	number, digits [3]int
	sep            byte
}

// split takes a numeric date apart, leaving out a midnight behind it.
func split(s string) (written, bool) {
	var w written
	s = strings.TrimSpace(s)
	part := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if w.digits[part]++; w.digits[part] > 4 {
				return w, false
			}
			w.number[part] = w.number[part]*10 + int(c-'0')
		case part < 2 && w.digits[part] > 0 && (c == '-' || c == '/' || c == '.') && (part == 0 || c == w.sep):
			w.sep = c
			part++
		case part == 2 && w.digits[2] > 0 && (c == ' ' || c == 'T'):
			return w, midnight(s[i+1:])
		default:
			return w, false
		}
	}
	return w, part == 2 && w.digits[2] > 0
}

// midnight reports whether s is the time of day that data frames and spreadsheets
// write behind a plain date. With any other one the date is refused: it may
// belong to the day before in the time zone of the shop.
func midnight(s string) bool {
	switch strings.TrimSuffix(s, "Z") {
	case "0:00", "00:00", "0:00:00", "00:00:00", "00:00:00.000", "00:00:00.000000", "00:00:00.000000000":
		return true
	}
	return false
}
