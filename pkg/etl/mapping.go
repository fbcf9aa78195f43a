package etl

import (
	"fmt"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Mapping says which column of a file is what and how it writes dates. What is
// left out is as the first load had it; for a first load, as DefaultMapping has
// it.
type Mapping struct {
	Keys    []string // the headers that together name a series
	Date    string   // the header of the date
	Target  string   // the header of what is forecast
	Columns []Column // the other numbers, in the order they are kept; empty but not nil for none
	Static  []string // the headers of texts that belong to a series, not to a period
	// Layout is the form of the dates, for people (dd-mm-yyyy) or for package
	// time (02-01-2006); empty: find out.
	Layout    string
	WeekEnds  string // the weekday that every date of weekly data is; empty: find out
	Frequency string // "weekly", "daily", "monthly", or as sales.Frequency writes it; empty: weekly
	Decimal   string // the decimal separator of numbers, "." or ","; empty: find out
}

// Column maps a name of ours to a header.
type Column struct{ Name, Header string }

// DefaultMapping returns the columns of the Python original.
func DefaultMapping() Mapping {
	return Mapping{
		Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales",
		Columns: []Column{
			{"holiday_flag", "Holiday_Flag"}, {"temperature", "Temperature"}, {"fuel_price", "Fuel_Price"},
			{"cpi", "CPI"}, {"unemployment", "Unemployment"},
		},
	}
}

// MappingError says what is wrong with one setting of a Mapping, so that a
// caller who knows where it was set can tell.
type MappingError struct {
	Setting string // its name in the configuration, such as data.layout
	Err     error
}

// Error names the setting.
func (e *MappingError) Error() string { return e.Setting + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *MappingError) Unwrap() error { return e.Err }

// wrong makes the fault of a setting.
func wrong(setting, format string, args ...any) *fault.Error {
	return fault.New(fault.Config, "%w", &MappingError{setting, fmt.Errorf(format, args...)})
}

// or returns m with what it leaves out filled from d.
func (m Mapping) or(d Mapping) Mapping {
	if m.Keys == nil {
		m.Keys = d.Keys
	}
	if m.Columns == nil {
		m.Columns = d.Columns
	}
	if m.Static == nil {
		m.Static = d.Static
	}
	for _, f := range []struct{ to, from *string }{{&m.Date, &d.Date}, {&m.Target, &d.Target}} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	return m
}

// mappingOf returns the headers of an earlier load.
func mappingOf(src sales.Source) Mapping {
	m := Mapping{Keys: src.Format.Keys, Date: src.Format.Date, Target: src.Format.Target, Static: src.Format.Static, Columns: []Column{}}
	for i, name := range src.Schema.ColumnNames {
		m.Columns = append(m.Columns, Column{name, src.Format.Columns[i]})
	}
	return m
}

// plan is what is known about a load before the file is read: its mapping, and
// of layout, weekday and decimal separator what the mapping or an earlier load
// settles.
type plan struct {
	Mapping
	unit       sales.Unit
	week       *time.Weekday // nil: the commonest of the file
	layout     *layout       // from the mapping; nil: find out
	remembered *layout       // from an earlier load
	decimal    byte          // from the mapping; 0: find out
	wasDecimal byte          // from an earlier load, 0 where that had nothing to settle
}

// newPlan joins the mapping with what an earlier load remembered, where there
// was one.
func newPlan(m Mapping, was sales.Source, ok bool) (plan, error) {
	p := plan{Mapping: m}
	if ok { // before the defaults, which are for a first load
		p.Mapping = p.or(mappingOf(was))
		p.unit = was.Schema.Frequency.Unit
		if p.unit == sales.Weekly {
			p.week = &was.Schema.Frequency.Ends
		}
		if l, err := parseLayout(was.Format.DateLayout); err == nil {
			p.remembered = &l
		}
		p.wasDecimal, _ = parseDecimal(was.Format.Decimal)
	}
	p.Mapping = p.or(DefaultMapping())
	if err := p.settle(); err != nil {
		return plan{}, err
	}
	return p, p.check()
}

// settle reads what the mapping says in words.
func (p *plan) settle() error {
	if p.Frequency != "" {
		f, named, err := parseFrequency(p.Frequency)
		if err != nil {
			return err
		}
		p.unit = f.Unit
		if named {
			p.week = &f.Ends
		}
	}
	if p.WeekEnds != "" {
		day, ok := parseWeekday(p.WeekEnds)
		if !ok {
			return wrong("data.week_ends", "%q is no weekday", p.WeekEnds).WithHint("want monday to sunday")
		}
		p.week = &day
	}
	if p.Layout != "" {
		l, err := parseLayout(p.Layout)
		if err != nil {
			return wrong("data.layout", "%w", err)
		}
		p.layout = &l
	}
	var ok bool
	if p.decimal, ok = parseDecimal(p.Decimal); !ok {
		return wrong("data.decimal", "%q is no decimal separator", p.Decimal).WithHint(`want "." or ","`)
	}
	return nil
}

// check refuses a mapping that uses a name or a header twice or leaves one blank.
func (p plan) check() error {
	if len(p.Keys) == 0 {
		return wrong("data.keys", "it is empty").WithHint("name at least one column, such as Store")
	}
	names, headers := map[string]bool{}, map[string]bool{}
	for _, c := range p.uses() {
		switch {
		case strings.TrimSpace(c.header) == "" || strings.TrimSpace(c.name) == "":
			return wrong(c.setting, "a column has a blank name")
		case headers[c.header]:
			return wrong(c.setting, "the header %q is used twice", c.header).WithHint("each column of the file has one use in salesctl.yaml")
		case names[c.name], c.setting == "data.columns" && c.name == "key": // the answers' own columns are key, date and target
			return wrong(c.setting, "the name %q is used twice", c.name).WithHint("give every column a name of its own")
		}
		headers[c.header], names[c.name] = true, true
	}
	return nil
}

// use is a column of the file, its name here and the setting that says so.
type use struct{ setting, name, header string }

// uses lists the columns in the order of the settings.
func (p plan) uses() []use {
	out := []use{{"data.date", "date", p.Date}, {"data.target", "target", p.Target}}
	for _, h := range p.Keys {
		out = append(out, use{"data.keys", ourName(h), h})
	}
	for _, c := range p.Columns {
		out = append(out, use{"data.columns", c.Name, c.Header})
	}
	for _, h := range p.Static {
		out = append(out, use{"data.static", ourName(h), h})
	}
	return out
}

// schema names what the mapping keeps; the weekday is not known before the file
// is read.
func (p plan) schema() sales.Schema {
	s := sales.Schema{Frequency: sales.Frequency{Unit: p.unit}}
	if p.week != nil && p.unit == sales.Weekly {
		s.Frequency.Ends = *p.week
	}
	for _, h := range p.Keys {
		s.KeyNames = append(s.KeyNames, ourName(h))
	}
	for _, c := range p.Columns {
		s.ColumnNames = append(s.ColumnNames, c.Name)
	}
	for _, h := range p.Static {
		s.StaticNames = append(s.StaticNames, ourName(h))
	}
	return s
}

// format is the mapping as it is remembered, but for the date layout and the
// decimal separator.
func (p plan) format() sales.Format {
	f := sales.Format{Keys: p.Keys, Date: p.Date, Target: p.Target, Static: p.Static}
	for _, c := range p.Columns {
		f.Columns = append(f.Columns, c.Header)
	}
	return f
}

// ourName turns a header into a name for flags and JSON: Store ID is store_id.
func ourName(header string) string {
	return strings.Join(strings.Fields(strings.ToLower(header)), "_")
}

// parseFrequency also reports whether s names the weekday.
func parseFrequency(s string) (f sales.Frequency, weekday bool, err error) {
	switch strings.ToLower(s) {
	case "weekly", "w":
		return sales.Frequency{Unit: sales.Weekly}, false, nil
	case "daily":
		return sales.Frequency{Unit: sales.Daily}, false, nil
	case "monthly":
		return sales.Frequency{Unit: sales.Monthly}, false, nil
	}
	f, err = sales.ParseFrequency(strings.ToUpper(s))
	if err != nil {
		return f, false, wrong("data.frequency", "%q is unknown", s).WithHint("want weekly, daily or monthly")
	}
	return f, f.Unit == sales.Weekly, nil
}

// parseWeekday reads friday, Fri and the like.
func parseWeekday(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, d.String()) || strings.EqualFold(s, d.String()[:3]) {
			return d, true
		}
	}
	return 0, false
}

// parseDecimal reads a decimal separator, 0 for an empty text.
func parseDecimal(s string) (byte, bool) {
	switch s {
	case "":
		return 0, true
	case ".", ",":
		return s[0], true
	}
	return 0, false
}
