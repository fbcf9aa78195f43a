package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"unicode"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/plot"
)

// open opens a file that the user named.
func (a *app) open(name string) (*os.File, error) {
	f, err := os.Open(a.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no file %s", a.path(name)).WithHint("check the path")
	} else if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fault.New(fault.Invalid, "%s is a directory", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// writable refuses, before any work is done, the name of a file that cannot be
// written: a directory, or one in a directory that is not there.
func (a *app) writable(name string) error {
	path := a.path(name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fault.New(fault.Usage, "%s is a directory", path).WithHint("name a file in it")
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fault.New(fault.NotFound, "there is no directory %s", filepath.Dir(path)).WithHint("create it first")
	}
	return nil
}

// drawable refuses, likewise, what --out names.
func (a *app) drawable(out string) error {
	if out == "" {
		return nil
	}
	if _, err := plot.FormatOf(out); err != nil {
		return err
	}
	if err := a.writable(out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// textRow is a row of named texts.
type textRow struct {
	place        string // for messages: rows.csv:3, row 2
	names, texts []string
}

// readRecords reads rows from JSON (an array of objects, or objects one after
// another) or from a CSV with a header. What is wrong with them is a
// fault.Invalid that names the file and the line or row.
func readRecords(name string, r io.Reader) ([]textRow, error) {
	b := bufio.NewReader(r)
	c, err := firstRune(b)
	switch {
	case errors.Is(err, io.EOF):
		return nil, fault.New(fault.Invalid, "%s is empty", name)
	case err != nil:
		return nil, err
	case c == '{' || c == '[':
		return readJSONRecords(name, b)
	}
	s, err := readSheet(name, b)
	if err != nil {
		return nil, err
	}
	var out []textRow
	for i, row := range s.rows {
		out = append(out, textRow{place: fmt.Sprintf("%s, row %d", s.place(row), i+1), names: s.header, texts: row.fields})
	}
	return out, nil
}

// firstRune passes over white space and a byte order mark and returns what
// comes first behind them, without taking it.
func firstRune(b *bufio.Reader) (rune, error) {
	for {
		c, _, err := b.ReadRune()
		if err != nil {
			return 0, err
		}
		if !unicode.IsSpace(c) && c != '\uFEFF' {
			return c, b.UnreadRune()
		}
	}
}

// readJSONRecords reads objects, in an array or one after another.
func readJSONRecords(name string, r io.Reader) ([]textRow, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var out []textRow
	for {
		var value any
		switch err := d.Decode(&value); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fault.New(fault.Invalid, "%s: no valid JSON at byte %d: %w", name, d.InputOffset(), err)
		}
		items, ok := value.([]any)
		if !ok {
			items = []any{value}
		}
		for _, item := range items {
			rec, err := jsonRecord(fmt.Sprintf("%s, row %d", name, len(out)+1), item)
			if err != nil {
				return nil, err
			}
			out = append(out, rec)
		}
	}
}

// jsonRecord writes the values as a CSV would hold them; null is blank.
func jsonRecord(place string, item any) (textRow, error) {
	object, ok := item.(map[string]any)
	if !ok {
		return textRow{}, fault.New(fault.Invalid, `%s: %v is no object such as {"Store": 1, "Date": "2012-11-02"}`, place, item)
	}
	rec := textRow{place: place, names: slices.Sorted(maps.Keys(object))}
	for _, name := range rec.names {
		text := ""
		switch v := object[name].(type) {
		case nil:
		case string, json.Number, bool:
			text = fmt.Sprint(v)
		default:
			return textRow{}, fault.New(fault.Invalid, "%s: %s is neither a number nor a text", place, name)
		}
		rec.texts = append(rec.texts, text)
	}
	return rec, nil
}

// sheet is a CSV with a header.
type sheet struct {
	name   string
	header []string
	rows   []sheetRow
}

// sheetRow is a row with as many fields as the header.
type sheetRow struct {
	line   int
	fields []string
}

// place names a row in messages.
func (s sheet) place(r sheetRow) string { return fmt.Sprintf("%s:%d", s.name, r.line) }

// readSheet reads a CSV. What is wrong with it is a fault.Invalid that names the
// line.
func readSheet(name string, r io.Reader) (sheet, error) {
	b := bufio.NewReader(r)
	if _, err := firstRune(b); errors.Is(err, io.EOF) {
		return sheet{}, fault.New(fault.Invalid, "%s is empty", name)
	} else if err != nil {
		return sheet{}, err
	}
	c := csv.NewReader(b)
	c.FieldsPerRecord = -1 // they are counted below, with a better message
	s := sheet{name: name}
	for {
		fields, err := c.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case errors.As(err, &bad):
			return sheet{}, fault.New(fault.Invalid, "%s:%d: %w", name, bad.Line, bad.Err)
		case err != nil:
			return sheet{}, err
		}
		row := sheetRow{fields: fields}
		row.line, _ = c.FieldPos(0)
		switch {
		case s.header == nil:
			s.header = fields
		case len(fields) != len(s.header):
			return sheet{}, fault.New(fault.Invalid, "%s has %s, the header has %d",
				s.place(row), fault.Counted(len(fields), "field"), len(s.header))
		default:
			s.rows = append(s.rows, row)
		}
	}
}
