package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// rowOptions are the flags that tell a row: whose, when, and what is known of it.
type rowOptions struct {
	keys keyOptions
	date string
	set  []string
}

func (o *rowOptions) add(f *pflag.FlagSet) {
	o.keys.add(f)
	f.StringVar(&o.date, "date", "", "the row's `DATE` (YYYY-MM-DD): its period is the one that holds it")
	f.StringArrayVar(&o.set, "set", nil, "a column of the row, `NAME=VALUE`; may be repeated")
}

// flagRow reads the row that the flags tell, one for each of the series. known
// gives the columns that no --set names.
func (o *rowOptions) flagRow(r *rowReader, known func(sales.Key, sales.Period) []float64) ([]sales.Row, error) {
	keys, err := o.keys.find(r.panel)
	if err != nil {
		return nil, err
	}
	day, err := sales.ParsePeriod(o.date)
	if err != nil {
		return nil, fault.New(fault.Usage, "--date %w", err)
	}
	period := r.panel.Frequency.Of(day)
	rows := make([]sales.Row, len(keys))
	for i, k := range keys {
		rows[i] = sales.Row{Key: k, Period: period, Columns: known(k, period)}
		if err := o.setColumns(r, rows[i].Columns); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// setColumns writes what --set says into the columns.
func (o *rowOptions) setColumns(r *rowReader, columns []float64) (err error) {
	for _, set := range o.set {
		name, text, ok := strings.Cut(set, "=")
		i := r.column(name)
		switch {
		case !ok:
			return fault.New(fault.Usage, "--set %q is not NAME=VALUE", set)
		case i < 0:
			return fault.New(fault.Usage, "--set %s: there is no column %s", set, name).
				WithHint("the columns are %s", strings.Join(r.panel.ColumnNames, ", "))
		}
		if columns[i], err = finite(text); err != nil {
			return fault.New(fault.Usage, "--set %s: %w", set, err)
		}
	}
	return nil
}

// recorded returns the columns of the period as the data has them, unknown where
// it does not.
func recorded(r *rowReader) func(sales.Key, sales.Period) []float64 {
	return func(k sales.Key, period sales.Period) []float64 {
		if s, ok := r.panel.Find(k); ok {
			if i := s.Index(period); i >= 0 && i < s.Len() {
				return slices.Clone(s.ColumnsAt(i))
			}
		}
		return r.unknown()
	}
}
