package etl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// survey is what the first reading of a file finds; its size does not depend on
// the file's.
type survey struct {
	in      Input
	column  string // the header of the date
	digest  string // SHA-256 in hex
	lines   int    // records behind the header, without blank ones
	dates   int    // those with a date
	tallies []tally
	oddLine int    // the first record without a date in any layout
	odd     string // why
	numbers numerals
	foreign int    // records with a text in use that is not UTF-8
	alien   string // the first of them, for a message
}

// tally counts the dates that a layout reads.
type tally struct {
	layout
	fits       int
	first      int    // the line of the first of them
	weekdays   [7]int // from Sunday
	shared     string // the first date that the swapped layout reads as well,
	sharedLine int    // one that it reads as another day where there is one
	differs    bool   // there is
}

// newSurvey readies the layouts to try: only the mapping's where it has one.
func newSurvey(in Input, p plan) *survey {
	s := &survey{in: in, column: p.Date}
	if p.layout != nil {
		s.tallies = []tally{{layout: *p.layout}}
		return s
	}
	known := p.remembered == nil
	for _, l := range layouts() {
		s.tallies = append(s.tallies, tally{layout: l})
		known = known || l == *p.remembered
	}
	if !known {
		s.tallies = append(s.tallies, tally{layout: *p.remembered})
	}
	return s
}

// read goes through the whole file.
func (s *survey) read(ctx context.Context, src *source, d dialect, p plan, progress func(read, total int)) (places, error) {
	sum := sha256.New()
	r, err := d.records(ctx, src, sum)
	if err != nil {
		return places{}, s.in.readFault(ctx, err)
	}
	at, err := s.header(ctx, r, p)
	if err != nil {
		return places{}, err
	}
	s.numbers = newNumerals(s.in.label(), d.comma, p, at)
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return places{}, s.in.readFault(ctx, err)
		}
		s.lines++
		s.note(rec, at)
		s.texts(rec, at)
		if s.lines%progressEvery == 0 {
			progress(s.lines, 0)
		}
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))
	if s.lines == 0 {
		return places{}, fault.New(fault.Invalid, "%s has a header and no lines behind it", s.in.label()).
			WithHint("nothing was loaded")
	}
	if s.foreign > fewForeign {
		return places{}, fault.New(fault.Invalid, "%s: %s is not UTF-8 text, and %s more", s.in.label(), s.alien, fault.Counted(s.foreign-1, "line")).
			WithHint(saveAsUTF8)
	}
	return at, nil
}

// fewForeign is how many lines with a text that is not UTF-8 are refused one by
// one; with more of them the file has another encoding.
const fewForeign = 3

const saveAsUTF8 = "save it as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv; spreadsheets call it CSV UTF-8"

// texts looks for bytes that are not UTF-8 in the fields that are used.
func (s *survey) texts(rec record, at places) {
	if utf8.ValidString(rec.raw) || len(rec.fields) != at.width {
		return
	}
	for _, i := range at.used {
		if text := rec.fields[i]; !utf8.ValidString(text) {
			if s.foreign++; s.foreign == 1 {
				s.alien = sighting{rec.line, at.header[i], text}.String()
			}
			return
		}
	}
}

// header reads the first record and finds the mapping's columns in it.
func (s *survey) header(ctx context.Context, r *reader, p plan) (places, error) {
	rec, err := r.next()
	switch {
	case errors.Is(err, io.EOF): // cannot be: a dialect is found in text only
		return places{}, fault.New(fault.Invalid, "%s is empty", s.in.label())
	case err != nil:
		return places{}, s.in.readFault(ctx, err)
	case rec.problem != "":
		return places{}, fault.New(fault.Invalid, "%s: line %d: the header %s", s.in.label(), rec.line, rec.problem)
	case !utf8.ValidString(rec.raw):
		return places{}, fault.New(fault.Invalid, "%s: line %d: the header is not UTF-8 text", s.in.label(), rec.line).
			WithHint(saveAsUTF8)
	}
	return p.place(s.in.label(), rec.line, rec.fields)
}

// note looks at the numbers of a record and counts its date.
func (s *survey) note(rec record, at places) {
	reason := rec.problem
	if reason == "" && len(rec.fields) != at.width {
		reason = ragged(len(rec.fields), at.width)
	}
	if reason == "" {
		s.numbers.note(rec)
		text := strings.TrimSpace(rec.fields[at.date])
		if text != "" {
			s.dates++
		}
		if s.count(text, rec.line) {
			return
		}
		reason = fmt.Sprintf("has the %s %s", s.column, quote(text))
	}
	if s.odd == "" {
		s.odd, s.oddLine = reason, rec.line
	}
}

// count adds a date to the tallies of the layouts that read it and reports
// whether there is one.
func (s *survey) count(text string, line int) bool {
	w, numeric := split(text)
	found, foundDay := -1, sales.Period(0)
	for i := range s.tallies {
		t := &s.tallies[i]
		var day sales.Period
		var ok bool
		switch {
		case t.order == "":
			day, ok = t.read(text)
		case numeric:
			day, ok = t.readWritten(w)
		}
		if !ok {
			continue
		}
		if t.fits == 0 {
			t.first = line
		}
		t.fits++
		t.weekdays[day.Time().Weekday()]++
		if found >= 0 && t.swaps(s.tallies[found].layout) {
			t.share(text, line, day != foundDay)
			s.tallies[found].share(text, line, day != foundDay)
		}
		found, foundDay = i, day
	}
	return found >= 0
}

func (t *tally) share(text string, line int, differs bool) {
	if t.shared == "" || differs && !t.differs {
		t.shared, t.sharedLine, t.differs = strings.Clone(text), line, differs
	}
}

// choose picks the layout. The mapping's is the only one in question where there
// is one. The remembered one stays as long as it reads half of the dates, so that
// a slip in a later file does not swap days and months. Else the one that reads
// most dates, the first seen among equals; two that read the same texts are told
// apart by a day past the twelfth or not at all, and then the file is refused.
func (s *survey) choose(p plan) (tally, error) {
	if p.layout != nil {
		return s.tallies[0], nil
	}
	best := s.tallies[0]
	for _, t := range s.tallies {
		if p.remembered != nil && t.layout == *p.remembered && (2*t.fits >= s.dates || !s.readable()) {
			return t, nil
		}
		if t.fits > best.fits || t.fits == best.fits && t.first < best.first {
			best = t
		}
	}
	if best.fits == 0 {
		return tally{}, s.unreadable(p)
	}
	for _, t := range s.tallies {
		if t.fits == best.fits && t.swaps(best.layout) && best.shared != "" {
			return tally{}, s.ambiguous(best, t)
		}
	}
	return best, nil
}

// readable reports whether any layout reads any date.
func (s *survey) readable() bool {
	for _, t := range s.tallies {
		if t.fits > 0 {
			return true
		}
	}
	return false
}

func (s *survey) unreadable(p plan) error {
	hint := "dates such as 2010-02-05 or 05-02-2010 are found out; set data.layout in salesctl.yaml for others"
	if p.layout != nil {
		hint = "data.layout in salesctl.yaml is " + p.layout.name
	}
	return fault.New(fault.Invalid, "%s: none of its %s has a date that can be read; line %d %s",
		s.in.label(), fault.Counted(s.lines, "line"), s.oddLine, s.odd).
		WithHint("%s", hint)
}

func (s *survey) ambiguous(a, b tally) error {
	x, _ := a.read(a.shared)
	y, _ := b.read(a.shared)
	return fault.New(fault.Invalid, "%s: line %d: %s %s is %s as %s and %s as %s, and no other date tells which",
		s.in.label(), a.sharedLine, s.column, quote(a.shared), x, a.name, y, b.name).
		WithHint("set data.layout in salesctl.yaml to %s or %s", a.name, b.name)
}

// frequency settles the weekday of weekly data: the mapping's, the remembered
// one, or the one that holds more than half of the dates.
func (s *survey) frequency(p plan, t tally) (sales.Frequency, error) {
	f := p.schema().Frequency
	if f.Unit != sales.Weekly || p.week != nil {
		return f, nil
	}
	if t.fits == 0 {
		return f, s.unreadable(p)
	}
	for d, n := range t.weekdays {
		if 2*n > t.fits {
			f.Ends = time.Weekday(d)
			return f, nil
		}
	}
	var found []string
	for d, n := range t.weekdays {
		if n > 0 {
			found = append(found, fmt.Sprintf("%s %d", time.Weekday(d), n))
		}
	}
	return f, fault.New(fault.Invalid, "%s: %s: the dates, read as %s, fall on no common weekday: %s",
		s.in.label(), s.column, t.name, strings.Join(found, ", ")).
		WithHint("set data.week_ends in salesctl.yaml, or data.frequency to daily or monthly")
}
