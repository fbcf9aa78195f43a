package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// rowReader makes rows of records. It finds their columns by our names or by
// those of the file that was loaded, in any case.
type rowReader struct {
	panel   sales.Panel
	format  sales.Format
	ignored []string // columns that are neither, each once
}

// unknown are the columns of a row of which nothing is said.
func (r *rowReader) unknown() []float64 {
	return slices.Repeat([]float64{math.NaN()}, len(r.panel.ColumnNames))
}

// column returns the index of the named column, -1 where there is none.
func (r *rowReader) column(name string) int {
	return find(name, r.panel.ColumnNames, r.format.Columns)
}

// find returns the index of the name in either list, -1 where it is in none.
func find(name string, lists ...[]string) int {
	for _, list := range lists {
		for i, known := range list {
			if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(known)) {
				return i
			}
		}
	}
	return -1
}

// read reads rows from CSV or JSON, told apart by their first character.
func (r *rowReader) read(name string, from io.Reader) ([]sales.Row, error) {
	records, err := readRecords(name, from)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, fault.New(fault.Invalid, "%s has no rows", name)
	}
	rows := make([]sales.Row, len(records))
	for i, rec := range records {
		if rows[i], err = r.row(rec); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// row makes a row of a record.
func (r *rowReader) row(rec textRow) (sales.Row, error) {
	row := sales.Row{Key: make(sales.Key, len(r.panel.KeyNames)), Columns: r.unknown()}
	seen := map[string]bool{} // what was given, by our names
	for i, name := range rec.names {
		what, err := r.fill(&row, name, rec.texts[i])
		if err == nil && seen[what] {
			err = fmt.Errorf("is the second %s", what)
		}
		if err != nil {
			return row, fault.New(fault.Invalid, "%s: %s %w", rec.place, name, err)
		}
		seen[what] = what != ""
	}
	for _, need := range append(slices.Clone(r.panel.KeyNames), "date") {
		if !seen[need] {
			return row, fault.New(fault.Invalid, "%s: the %s is missing", rec.place, need)
		}
	}
	if _, ok := r.panel.Find(row.Key); !ok {
		return row, fmt.Errorf("%s: %w", rec.place, wanted{parts: row.Key}.absent(r.panel))
	}
	return row, nil
}

// fill reads one field into the row and returns our name for it, "" for a field
// that is ignored.
func (r *rowReader) fill(row *sales.Row, name, text string) (what string, err error) {
	if i := find(name, r.panel.KeyNames, r.format.Keys); i >= 0 {
		row.Key[i], err = sales.KeyPart(text)
		if err != nil {
			err = fmt.Errorf("%q %w", text, err)
		}
		return r.panel.KeyNames[i], err
	}
	if i := r.column(name); i >= 0 {
		row.Columns[i], err = finite(text)
		return r.panel.ColumnNames[i], err
	}
	if find(name, []string{"date", r.format.Date}) >= 0 {
		row.Period, err = r.period(text)
		return "date", err
	}
	// What is to be predicted may stand there as well.
	if find(name, []string{"target", r.format.Target}, r.format.Static) < 0 && !slices.Contains(r.ignored, name) {
		r.ignored = append(r.ignored, name)
	}
	return "", nil
}

// period reads a date, ISO or in the layout of the loaded file.
func (r *rowReader) period(text string) (sales.Period, error) {
	text = strings.TrimSpace(text)
	day, err := sales.ParsePeriod(text)
	if err == nil {
		return r.panel.Frequency.Of(day), nil
	}
	day, err = sales.ParseDay(r.format.DateLayout, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no date: want YYYY-MM-DD or the form of the loaded file", text)
	}
	return r.panel.Frequency.Of(day), nil
}

// warnings tells what was ignored.
func (r *rowReader) warnings() []string {
	var out []string
	for _, name := range r.ignored {
		text := fmt.Sprintf("there is no column %s: it is ignored", name)
		if near := fault.Nearest(name, r.panel.ColumnNames); near != "" {
			text += fmt.Sprintf(" (did you mean %s?)", near)
		}
		out = append(out, text)
	}
	return out
}
