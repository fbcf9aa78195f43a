package etl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// numerals is what the first reading finds out about the decimal separator, over
// the target and all columns. A number that only one separator reads is evidence
// of it (42.31, 1250,5, 1.006,29, 1.234.567); one that both read, each as another
// number, is open (1.234 and 1,234). In a file with commas between its fields a
// point is always decimal, and only quoted numbers with a comma are in question.
type numerals struct {
	file    string
	commas  bool // between the fields
	columns []numeral
	point   sighting // the first number that only a decimal point reads
	comma   sighting // the same of a decimal comma
	open    sighting // the first number that both read
	grouped bool     // commas group the digits of some number between commas
}

// numeral is a column of numbers: its header in the mapping and its position.
type numeral struct {
	header string
	at     int
}

// sighting is a number of the file; its line is 0 where there is none.
type sighting struct {
	line         int
	header, text string
}

// String writes the sighting for a message.
func (s sighting) String() string {
	return fmt.Sprintf("line %d: %s %s", s.line, s.header, quote(s.text))
}

func newNumerals(file string, separator byte, p plan, at places) numerals {
	n := numerals{file: file, commas: separator == ',', columns: []numeral{{p.Target, at.target}}}
	for i, c := range p.Columns {
		n.columns = append(n.columns, numeral{c.Header, at.columns[i]})
	}
	return n
}

// note looks at the numbers of a record.
func (n *numerals) note(rec record) {
	for _, c := range n.columns {
		text := rec.fields[c.at]
		if n.commas && n.point.line > 0 && strings.IndexByte(text, ',') < 0 {
			continue // the common case, told early
		}
		if strings.IndexByte(text, '.') >= 0 || strings.IndexByte(text, ',') >= 0 {
			n.see(rec.line, c.header, strings.TrimSpace(text))
		}
	}
}

// see looks at a number that has a point or a comma.
func (n *numerals) see(line int, header, text string) {
	byPoint, byComma := reads(text, point), reads(text, comma)
	between := n.commas && strings.IndexByte(text, ',') >= 0
	n.grouped = n.grouped || between && byPoint
	var s *sighting
	switch {
	case byPoint && byComma && n.commas && !between:
		return
	case byPoint && byComma:
		s = &n.open
	case byPoint:
		s = &n.point
	case byComma:
		s = &n.comma
	default:
		return
	}
	if s.line == 0 {
		*s = sighting{line, strings.TrimSpace(header), strings.Clone(text)}
	}
}

// choose picks the decimal separator: the mapping's, else the one that the file
// has evidence of. The remembered one settles the open numbers of a file without
// evidence, and is not overruled where there are any: one slip would turn 1234
// into 1.234. What nothing settles refuses the file, as does evidence of both.
// The second result is what to remember, 0 for nothing.
func (n *numerals) choose(p plan) (decimal, remember byte, err error) {
	found, expected := n.found(), p.wasDecimal
	if n.commas { // whatever files with other separators have
		expected = point
	}
	switch {
	case p.decimal != 0:
		return p.decimal, p.decimal, nil
	case n.commas && n.grouped && n.open.line == 0:
		return point, point, nil
	case n.commas && n.open.line == 0:
		return point, p.wasDecimal, nil
	case n.point.line > 0 && n.comma.line > 0:
		return 0, 0, n.mixed()
	case found != 0 && expected != 0 && found != expected && n.open.line > 0:
		return 0, 0, n.unexpected(found)
	case found != 0:
		return found, found, nil
	case n.open.line > 0 && (p.wasDecimal == 0 || n.commas && p.wasDecimal == comma):
		return 0, 0, n.undecided()
	case p.wasDecimal != 0:
		return p.wasDecimal, p.wasDecimal, nil
	}
	return point, 0, nil // whole numbers only
}

// found is the separator that the file has evidence of, 0 for none.
func (n *numerals) found() byte {
	switch {
	case n.point.line > 0:
		return point
	case n.comma.line > 0:
		return comma
	}
	return 0
}

const decimalHint = `set data.decimal in salesctl.yaml to "." or ","`

func (n *numerals) mixed() error {
	return fault.New(fault.Invalid, "%s: numbers are written in two ways: %s can only have a decimal point, %s only a decimal comma",
		n.file, n.point, n.comma).
		WithHint("write all numbers of the file in one way; or " + decimalHint + ", which refuses the lines of the other way")
}

// unexpected is the fault of open numbers that the file would settle in another
// way than what is known before.
func (n *numerals) unexpected(found byte) error {
	seen, by := n.point, "the data that was loaded first"
	if found == comma {
		seen = n.comma
	}
	if n.commas {
		by = "a file with commas between its fields"
	}
	return fault.New(fault.Invalid, "%s: %s can only have a %s, and %s has a %s, so that %s may be read in two ways",
		n.file, seen, decimalName(found), by, decimalName(other(found)), n.open).
		WithHint(decimalHint)
}

func (n *numerals) undecided() error {
	a, _ := number(n.open.text, point)
	b, _ := number(n.open.text, comma)
	return fault.New(fault.Invalid, "%s: %s is %s with a decimal point and %s with a decimal comma, and no other number tells which",
		n.file, n.open, strconv.FormatFloat(a, 'f', -1, 64), strconv.FormatFloat(b, 'f', -1, 64)).
		WithHint(decimalHint + "; a number such as 12.5 or 12,5 in the file settles it too")
}
