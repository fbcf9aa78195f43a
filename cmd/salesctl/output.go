package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
)

// The formats of -o.
const (
	formatTable  = "table"
	formatJSON   = "json"
	formatNDJSON = "ndjson"
	formatCSV    = "csv"
	formatYAML   = "yaml"
)

// formats lists the choices of -o.
func formats() []string {
	return []string{formatTable, formatJSON, formatNDJSON, formatCSV, formatYAML}
}

// checkFormat refuses a format that does not exist, before any work is done.
func checkFormat(name string) error {
	if slices.Contains(formats(), name) {
		return nil
	}
	err := fault.New(fault.Usage, "-o: there is no format %q", name)
	if near := fault.Nearest(name, formats()); near != "" {
		return err.WithHint("did you mean -o %s?", near)
	}
	return err.WithHint("the formats are %s", strings.Join(formats(), ", "))
}

// table is what a command answers: flat rows, the same columns in every format.
type table struct {
	Thing    string // names the rows in the schema: salesctl/<Thing>/v1
	Columns  []column
	Rows     [][]any // strings, bools, whole numbers, floats, times, fmt.Stringers; nil and NaN are no value
	Meta     meta
	Warnings []string
}

// column is a column of a table.
type column struct {
	Name   string
	Places int // digits behind the point of floats for people; 0 means 2, the data formats have all
}

// meta says which model answered. Its fields are empty where none did.
type meta struct {
	ModelVersion, TrainedThrough, DataThrough string
	Compared                                  evaluate.Statement // what all lines of a table of scores have in common
	Tuning                                    []tuningMeta       // the searches before it; the formats of rows leave them out
}

// columns names columns without further wishes.
func columns(names ...string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i].Name = n
	}
	return out
}

// render writes the answer to stdout in the format of -o. Formats that have
// only rows leave meta and warnings to stderr.
func (a *app) render(t table) error {
	rows, err := t.normal()
	if err != nil {
		return err
	}
	switch a.global.output {
	case formatJSON:
		return writeJSON(a.stdout, t, rows)
	case formatYAML:
		return writeYAML(a.stdout, t, rows)
	case formatNDJSON:
		err = writeNDJSON(a.stdout, t, rows)
	case formatCSV:
		err = writeCSV(a.stdout, t, rows)
	default:
		err = writeTable(a.stdout, t, rows, a.color(a.stdout))
	}
	if err != nil {
		return err
	}
	if m := t.Meta.String(); m != "" {
		a.note("%s", m)
	}
	writeWarnings(a.stderr, t.Warnings)
	return nil
}

// done answers a command that changed something. People were told by notes; what
// reads another format gets the same as rows.
func (a *app) done(t table) error {
	if a.forPrograms() {
		return a.render(t)
	}
	writeWarnings(a.stderr, t.Warnings)
	return nil
}

// textOnly refuses the formats of rows for what is a text in a form of its own.
func (a *app) textOnly(what string) error {
	if !a.forPrograms() {
		return nil
	}
	return fault.New(fault.Usage, "%s cannot be written as %s", what, a.global.output).WithHint("leave out --json and -o")
}

// writeWarnings writes one line a warning. Not even --quiet silences them: they
// are part of the answer.
func writeWarnings(w io.Writer, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintln(w, "warning:", visible(text))
	}
}

// String writes "model 3, trained through 2012-10-26, data through 2012-10-26",
// without what is empty.
func (m meta) String() string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"model", m.ModelVersion}, {"trained through", m.TrainedThrough}, {"data through", m.DataThrough},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	lines := []string{strings.Join(parts, ", ")}
	for _, p := range []struct{ name, value string }{
		{"rows", m.Compared.Rows}, {"horizon", m.Compared.Horizon}, {"information", m.Compared.Information},
	} {
		if p.value != "" {
			lines = append(lines, p.name+": "+p.value)
		}
	}
	return strings.TrimPrefix(strings.Join(lines, "\n"), "\n")
}

// normal returns the rows with every cell one of nil, string, bool, int64,
// uint64 and a finite float64.
func (t table) normal() ([][]any, error) {
	rows := make([][]any, len(t.Rows))
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return nil, fmt.Errorf("row %d of %s has %d cells for %d columns", i, t.Thing, len(row), len(t.Columns))
		}
		rows[i] = make([]any, len(row))
		for j, cell := range row {
			v, err := normalCell(cell)
			if err != nil {
				return nil, fmt.Errorf("%s, column %s: %w", t.Thing, t.Columns[j].Name, err)
			}
			rows[i][j] = v
		}
	}
	return rows, nil
}

// normalCell brings a cell to one of the types that every format can write. What
// it does not know is a mistake of the command, not of the user.
func normalCell(cell any) (any, error) {
	switch v := cell.(type) {
	case nil, string, bool, int64, uint64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil
		}
		if v == 0 {
			return 0.0, nil // -0 puzzles people, and some readers of JSON
		}
		return v, nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	case fmt.Stringer:
		return v.String(), nil
	}
	return nil, fmt.Errorf("a cell of type %T cannot be written", cell)
}
