package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/golearn"
	"github.com/salesctl/salesctl/pkg/sales"
)

func newDataExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write the newest rows to a CSV or an ARFF file",
		Long: `Write the newest version of every row, under the columns' names and in the date
layout of the file that was loaded first: ` + "`salesctl etl FILE`" + ` reads it again. The
name says the form: .arff is that of Weka, with keys, dates and static columns as
nominal attributes and the target last; anything else is a CSV, and - writes that
to stdout.`,
		Args: takes(1, 1),
		Example: `  salesctl data export sales.csv
  salesctl data export sales.arff
  salesctl data export backup.csv --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.export(cmd.Context(), s, args[0])
		},
	}
}

// export writes the database's rows to the file.
func (a *app) export(ctx context.Context, s *config.Settings, name string) error {
	toStdout := name == "-"
	if toStdout && a.forPrograms() {
		return fault.New(fault.Usage, "the rows go to stdout, where -o would write too").WithHint("leave out -o and --json, or name a file")
	}
	path := a.path(name)
	if !toStdout {
		if err := a.writable(name); err != nil {
			return err
		}
	}
	p, format, err := a.history(ctx, s)
	if err != nil {
		return err
	}
	rows := exported(p, format)
	if toStdout {
		return writeCSV(a.stdout, csvTable(rows), csvRows(rows, format.Decimal))
	}
	var file bytes.Buffer
	if isARFF(path) {
		err = golearn.WriteARFF(&file, "sales", rows)
	} else {
		err = writeCSV(&file, csvTable(rows), csvRows(rows, format.Decimal))
	}
	if err == nil {
		err = artifact.WriteFile(ctx, path, &file)
	}
	if err != nil {
		return err
	}
	n := rows.Columns[0].Len()
	a.note("%s: %s", path, fault.Counted(n, "row"))
	return a.done(table{Thing: "data-export", Columns: columns("file", "rows"), Rows: [][]any{{path, n}}})
}

func isARFF(path string) bool { return strings.EqualFold(filepath.Ext(path), ".arff") }

// exported lays the panel's rows out under the names of the file that they came
// from, the target last. Periods that nothing is known of are gaps, not rows.
func exported(p sales.Panel, f sales.Format) golearn.Table {
	var names []string
	names = append(append(append(names, f.Keys...), f.Date), f.Static...)
	words := make([][]string, len(names))
	numbers := make([][]float64, len(f.Columns)+1)
	for _, s := range p.Series {
		for i, y := range s.Target {
			known := s.ColumnsAt(i)
			if unknown(append(known, y)) {
				continue
			}
			date := s.Period(i).Format(f.DateLayout)
			for j, word := range append(append(append([]string{}, s.Key...), date), s.Static...) {
				words[j] = append(words[j], word)
			}
			for c, v := range append(known, y) {
				numbers[c] = append(numbers[c], v)
			}
		}
	}
	var t golearn.Table
	for j, name := range names {
		t.Columns = append(t.Columns, golearn.Column{Name: name, Words: words[j]})
	}
	for c, name := range append(append([]string{}, f.Columns...), f.Target) {
		t.Columns = append(t.Columns, golearn.Column{Name: name, Numbers: numbers[c]})
	}
	return t
}

// unknown reports whether there is no number.
func unknown(values []float64) bool {
	for _, v := range values {
		if !math.IsNaN(v) {
			return false
		}
	}
	return true
}

// csvTable names the columns of a CSV of the rows.
func csvTable(t golearn.Table) table {
	names := make([]string, len(t.Columns))
	for j, c := range t.Columns {
		names[j] = c.Name
	}
	return table{Columns: columns(names...)}
}

// csvRows turns columns into rows, numbers with the file's own decimal separator;
// a missing number is an empty cell.
func csvRows(t golearn.Table, decimal string) [][]any {
	rows := make([][]any, t.Columns[0].Len())
	for i := range rows {
		rows[i] = make([]any, len(t.Columns))
		for j, c := range t.Columns {
			switch {
			case c.Words != nil:
				rows[i][j] = c.Words[i]
			case !math.IsNaN(c.Numbers[i]):
				rows[i][j] = strings.Replace(forData(c.Numbers[i]), ".", cmp.Or(decimal, "."), 1)
			}
		}
	}
	return rows
}

// fromARFF gives a file of that form as the CSV that etl reads; any other input is
// returned as it is.
func (a *app) fromARFF(in etl.Input) (etl.Input, error) {
	if in.Reader != nil || !isARFF(in.Name) {
		return in, nil
	}
	f, err := a.open(in.Name)
	if err != nil {
		return in, err
	}
	t, err := golearn.ReadARFF(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return in, fmt.Errorf("%s: %w", in.Name, err)
	}
	var b bytes.Buffer
	err = writeCSV(&b, csvTable(t), csvRows(t, ""))
	in.Reader = bytes.NewReader(b.Bytes())
	return in, err
}
