package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// newData makes `salesctl data` and what is below it.
func newData(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data",
		Short:   "Look at the loaded sales",
		GroupID: groupLook,
		Example: `  salesctl data show
  salesctl data show --store 1 --from 2012-09-01
  salesctl data export sales.csv`,
	}
	cmd.AddCommand(newDataShow(a), newDataExport(a))
	return cmd
}

// showOptions are the flags of `salesctl data show`.
type showOptions struct {
	keys     keyOptions
	from, to string
}

func newDataShow(a *app) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the series, or the rows of some of them",
		Long: `Show one line a series, or with --store the newest version of each of its rows.
A missing value is blank.`,
		Args: noArgs,
		Example: `  salesctl data show
  salesctl data show --store 1 --from 2012-09-01 --to 2012-10-26
  salesctl data show --store 1,2 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	o.keys.add(cmd.Flags())
	cmd.Flags().StringVar(&o.from, "from", "", "the first `DATE` (YYYY-MM-DD)")
	cmd.Flags().StringVar(&o.to, "to", "", "the last `DATE`")
	return cmd
}

func (o *showOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	from, to, err := o.span()
	if err != nil {
		return err
	}
	p, err := a.panel(ctx, s)
	if err != nil {
		return err
	}
	if !o.keys.given() {
		return a.render(seriesTable(p, from, to))
	}
	keys, err := o.keys.find(p)
	if err != nil {
		return err
	}
	return a.render(rowTable(p, keys, from, to))
}

// span reads --from and --to; without them it is all of time.
func (o *showOptions) span() (from, to sales.Period, err error) {
	from, to = math.MinInt32, math.MaxInt32
	for _, d := range []struct {
		flag, text string
		into       *sales.Period
	}{{"--from", o.from, &from}, {"--to", o.to, &to}} {
		if d.text == "" {
			continue
		}
		if *d.into, err = sales.ParsePeriod(d.text); err != nil {
			return 0, 0, fault.New(fault.Usage, "%s %w", d.flag, err)
		}
	}
	if from > to {
		return 0, 0, fault.New(fault.Usage, "--from %s lies after --to %s", from, to)
	}
	return from, to, nil
}

// seriesTable shows one line a series.
func seriesTable(p sales.Panel, from, to sales.Period) table {
	t := table{Thing: "series", Columns: columns("key", "from", "to", "periods", "missing", "mean")}
	t.Meta.DataThrough = p.Origin().String()
	for _, s := range p.Series {
		n, missing, sum := 0, 0, 0.0
		first, last := sales.Period(0), sales.Period(0)
		for i, y := range s.Target {
			period := s.Period(i)
			if period < from || period > to {
				continue
			}
			if n == 0 {
				first = period
			}
			n, last = n+1, period
			if math.IsNaN(y) {
				missing++
				continue
			}
			sum += y
		}
		if n > 0 {
			t.Rows = append(t.Rows, []any{s.Key.String(), first, last, n, missing, sum / float64(n-missing)})
		}
	}
	return t
}

// rowTable shows one line a period.
func rowTable(p sales.Panel, keys []sales.Key, from, to sales.Period) table {
	t := table{Thing: "rows", Columns: columns(append([]string{"key", "date", "target"}, p.ColumnNames...)...)}
	t.Meta.DataThrough = p.Origin().String()
	for _, k := range keys {
		s, _ := p.Find(k)
		for i, y := range s.Target {
			if period := s.Period(i); period >= from && period <= to {
				row := []any{k.String(), period, y}
				for _, v := range s.ColumnsAt(i) {
					row = append(row, v)
				}
				t.Rows = append(t.Rows, row)
			}
		}
	}
	return t
}
