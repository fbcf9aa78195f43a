package sales

import (
	"fmt"
	"strings"
	"time"
)

// Period names a period by its last day, counted in days from 1970-01-01. As a
// plain day it is also how dates are passed around: a Frequency tells which
// period a day belongs to.
type Period int32

const isoDate = "2006-01-02"

// Date returns the day of the civil date.
func Date(year int, month time.Month, day int) Period {
	return Period(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParsePeriod reads an ISO date, as String writes it.
func ParsePeriod(s string) (Period, error) {
	t, err := time.Parse(isoDate, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no date of the form YYYY-MM-DD", s)
	}
	return Date(t.Date()), nil
}

// ParseDay reads a date in a layout of package time.
func ParseDay(layout, s string) (Period, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no date of the form %s", s, layout)
	}
	return Date(t.Date()), nil
}

// Time returns midnight UTC of the day.
func (p Period) Time() time.Time { return time.Unix(int64(p)*86400, 0).UTC() }

// String writes the day as an ISO date.
func (p Period) String() string { return p.Time().Format(isoDate) }

// MarshalText writes the ISO date.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the ISO date.
func (p *Period) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePeriod(string(b))
	return err
}

// Format writes the day in a layout of package time.
func (p Period) Format(layout string) string { return p.Time().Format(layout) }

// Unit is the length of a period.
type Unit uint8

// The units.
const (
	Weekly Unit = iota
	Daily
	Monthly
)

// Frequency says how long periods are and where they end. The zero value means
// weeks that end on Sundays.
type Frequency struct {
	Unit Unit
	Ends time.Weekday // the last day of a week; ignored for other units
}

// Of returns the period that contains the day.
func (f Frequency) Of(day Period) Period {
	switch f.Unit {
	case Daily:
		return day
	case Monthly:
		t := day.Time()
		return Date(t.Year(), t.Month()+1, 0)
	default:
		ahead := (int(f.Ends) - int(day.Time().Weekday()) + 7) % 7
		return day + Period(ahead)
	}
}

// Add returns the period n periods after p, which must be a period of f.
func (f Frequency) Add(p Period, n int) Period {
	switch f.Unit {
	case Daily:
		return p + Period(n)
	case Monthly:
		t := p.Time()
		return Date(t.Year(), t.Month()+time.Month(n)+1, 0)
	default:
		return p + Period(7*n)
	}
}

// Steps returns how many periods lie from a to b, negative when b is earlier.
// Both must be periods of f.
func (f Frequency) Steps(a, b Period) int {
	switch f.Unit {
	case Daily:
		return int(b - a)
	case Monthly:
		s, t := a.Time(), b.Time()
		return (t.Year()-s.Year())*12 + int(t.Month()) - int(s.Month())
	default:
		return int(b-a) / 7
	}
}

// Season returns the number of periods after which sales repeat: 52 weeks, 12
// months, or the 7 days of a week.
func (f Frequency) Season() int {
	switch f.Unit {
	case Daily:
		return 7
	case Monthly:
		return 12
	default:
		return 52
	}
}

// Noun names one period in the messages to users: week, day, month.
func (f Frequency) Noun() string {
	return [...]string{Weekly: "week", Daily: "day", Monthly: "month"}[f.Unit]
}

// String writes the frequency as pandas names it: W-FRI, D, M.
func (f Frequency) String() string {
	switch f.Unit {
	case Daily:
		return "D"
	case Monthly:
		return "M"
	default:
		return "W-" + strings.ToUpper(f.Ends.String()[:3])
	}
}

// ParseFrequency reads the form that String writes.
func ParseFrequency(s string) (Frequency, error) {
	switch s {
	case "D":
		return Frequency{Unit: Daily}, nil
	case "M":
		return Frequency{Unit: Monthly}, nil
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if f := (Frequency{Ends: d}); f.String() == s {
			return f, nil
		}
	}
	return Frequency{}, fmt.Errorf("%q is no frequency: want D, M or W-SUN to W-SAT", s)
}

// MarshalText writes the form of String.
func (f Frequency) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the form of String.
func (f *Frequency) UnmarshalText(b []byte) (err error) {
	*f, err = ParseFrequency(string(b))
	return err
}
