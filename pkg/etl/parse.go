package etl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// maxRaw is how many bytes of its text a sales.Line keeps.
const maxRaw = 1 << 10

// parser turns records into lines.
type parser struct {
	at        places
	format    sales.Format // the headers, for the reasons of refusals
	layout    layout
	frequency sales.Frequency
	decimal   byte // '.' or ','

	key     sales.Key // of the record before, whose memory is shared
	keyText []string  // as the file has it
	cause   cause     // of the last refusal
}

// cause is what refusals have in common: the column, empty for the line as a
// whole, and what can be done about it.
type cause struct{ column, remedy string }

// What can be done about a column that is refused again and again.
const (
	mendLines   = "put fields that hold the separator or a quote into quotes"
	mendKeys    = "a key is a short UTF-8 text on every line"
	mendDates   = "set data.layout in salesctl.yaml to the form of the dates"
	mendPeriods = "set data.frequency or data.week_ends in salesctl.yaml to what the data has"
	mendNumbers = "save the column as plain numbers, with blanks for unknown ones; data.decimal in salesctl.yaml says which decimal separator they have"
	mendTexts   = "save the file as UTF-8"
)

// refuse notes the cause of a reason and returns the reason.
func (p *parser) refuse(column, remedy, reason string) string {
	p.cause = cause{column, remedy}
	return reason
}

// line reads a record. The first thing that is wrong refuses it.
func (p *parser) line(rec record) sales.Line {
	l := sales.Line{Number: rec.line, Raw: keep(rec.raw)}
	if rec.problem != "" {
		l.Refused = p.refuse("", mendLines, rec.problem)
		return l
	}
	if len(rec.fields) != p.at.width {
		l.Refused = p.refuse("", mendLines, ragged(len(rec.fields), p.at.width))
		return l
	}
	o := &l.Observation
	if o.Key, l.Refused = p.keyOf(rec.fields); l.Refused != "" {
		return l
	}
	if o.Period, l.Refused = p.period(rec.fields[p.at.date]); l.Refused != "" {
		return l
	}
	if o.Target, l.Refused = p.value(p.format.Target, rec.fields[p.at.target]); l.Refused != "" {
		return l
	}
	o.Columns = make([]float64, len(p.at.columns))
	for i, c := range p.at.columns {
		if o.Columns[i], l.Refused = p.value(p.format.Columns[i], rec.fields[c]); l.Refused != "" {
			return l
		}
	}
	o.Static, l.Refused = p.static(rec.fields)
	return l
}

// keyOf shares the key of the record before where it is the same.
func (p *parser) keyOf(fields []string) (sales.Key, string) {
	same := len(p.key) > 0
	for i, c := range p.at.keys {
		same = same && fields[c] == p.keyText[i]
	}
	if same {
		return p.key, ""
	}
	key, text := make(sales.Key, len(p.at.keys)), make([]string, len(p.at.keys))
	for i, c := range p.at.keys {
		part, err := sales.KeyPart(fields[c])
		if err != nil {
			h := p.format.Keys[i]
			return nil, p.refuse(h, mendKeys, fmt.Sprintf("%s %s %v", h, quote(fields[c]), err))
		}
		// A part of its own does not hold on to the text of the whole record.
		key[i], text[i] = strings.Clone(part), strings.Clone(fields[c])
	}
	p.key, p.keyText = key, text
	return key, ""
}

// period reads a date, which must be the day that stands for a whole period.
func (p *parser) period(text string) (sales.Period, string) {
	day, ok := p.layout.read(text)
	if !ok {
		return 0, p.refuse(p.format.Date, mendDates, fmt.Sprintf("%s %s is no date of the form %s between %d and %d",
			p.format.Date, quote(text), p.layout.name, firstYear, lastYear))
	}
	period := p.frequency.Of(day)
	switch p.frequency.Unit {
	case sales.Weekly:
		if period != day {
			return 0, p.refuse(p.format.Date, mendPeriods, fmt.Sprintf("%s %s is a %s: every date must be a %s",
				p.format.Date, quote(text), day.Time().Weekday(), p.frequency.Ends))
		}
	case sales.Monthly:
		// Some name a month by its first day. Others are days of daily data.
		if period != day && day.Time().Day() != 1 {
			return 0, p.refuse(p.format.Date, mendPeriods, fmt.Sprintf("%s %s is within a month: want the first or the last day of %s",
				p.format.Date, quote(text), day.Format("January 2006")))
		}
	}
	return period, ""
}

// value reads a number; a blank one is missing.
func (p *parser) value(column, text string) (float64, string) {
	v, reason := number(text, p.decimal)
	if reason != "" {
		return 0, p.refuse(column, mendNumbers, column+" "+quote(text)+" "+reason)
	}
	return v, ""
}

// static reads the texts that belong to the series. They may be blank.
func (p *parser) static(fields []string) ([]string, string) {
	if len(p.at.static) == 0 {
		return nil, ""
	}
	texts := make([]string, len(p.at.static))
	for i, c := range p.at.static {
		texts[i] = strings.TrimSpace(fields[c])
		if !utf8.ValidString(texts[i]) || len(texts[i]) > maxRaw {
			h := p.format.Static[i]
			return nil, p.refuse(h, mendTexts, fmt.Sprintf("%s %s is not a UTF-8 text of at most 1 KiB", h, quote(fields[c])))
		}
	}
	return texts, ""
}

// ragged is the reason against a record with another width than the header.
func ragged(fields, want int) string {
	return fmt.Sprintf("has %s, the header has %d", fault.Counted(fields, "field"), want)
}

// quote writes a value of the file for a message, cut short.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(cut(s, most)) + "..."
	}
	return strconv.Quote(s)
}

// keep returns the text of a record as it may lie in a database: valid UTF-8 of
// at most maxRaw bytes.
func keep(raw string) string {
	if len(raw) > maxRaw {
		raw = strings.Clone(cut(raw, maxRaw)) // a copy lets go of the rest
	}
	return cut(strings.ToValidUTF8(raw, "\ufffd"), maxRaw)
}

// cut returns at most n bytes of s and no half of a character.
func cut(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}
