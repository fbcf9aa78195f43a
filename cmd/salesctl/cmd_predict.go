package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// predictOptions are the flags of `salesctl predict`.
type predictOptions struct {
	rowOptions
	raw bool
	// features shows what goes into the regressors, raw what comes out.
	features bool
}

// newPredict makes `salesctl predict`.
func newPredict(a *app) *cobra.Command {
	var o predictOptions
	cmd := &cobra.Command{
		Use:   "predict [FILE|-]",
		Short: "Predict single rows from what is known of their period",
		Long: `Predict the target of rows whose own columns are known, by the mean of forest and
boosting: the number of POST /predict_sales before its rounding. The rows come
from a CSV with a header, from JSON (an array of objects, one object, or one a
line), or as one row from the flags. Columns go by the names of the data's file
or by ours, in any case. One that is left out counts as unknown; one that the
data does not have is ignored, with a warning.

The sales before the row's period are read from the database; where they end
earlier, the periods between are forecast first, and a warning says so.

With -o csv --features writes what stock Python gives the registered regressors,
pd.read_csv(FILE, dtype=float), a line a row in the order of the rows. Their
answers are the column output of --raw; times the scale, they are predictions, as
far as 32-bit sums go.`,
		GroupID: groupMain,
		Args:    takes(0, 1),
		Example: `  salesctl predict --store 1 --date 2012-11-03 --set temperature=75.5 --set fuel_price=3.45 --set cpi=238.2 --set unemployment=5.8
  salesctl predict rows.csv -o csv > predictions.csv
  salesctl predict rows.json --raw --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s, args)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.BoolVar(&o.raw, "raw", false, "also what each regressor says by itself")
	f.BoolVar(&o.features, "features", false, "instead of predictions, the columns that the regressors are given")
	return cmd
}

// run predicts the rows of the flags or of the file.
func (o *predictOptions) run(ctx context.Context, a *app, s *config.Settings, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	data, format, err := a.history(ctx, s)
	if err != nil {
		return err
	}
	r := rowReader{panel: data, format: format}
	rows, err := o.rows(a, &r, args)
	if err != nil {
		return err
	}
	c, err := a.champion(ctx, s)
	if err != nil {
		return err
	}
	predictions, err := c.Predict(ctx, data, rows)
	var in pipeline.Inputs
	if err == nil && (o.raw || o.features) {
		in, err = c.Inputs(ctx, data, rows)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	t := o.table(predictions, in, newMeta(c, data))
	if o.features {
		t.Thing, t.Columns, t.Rows = "features", featureColumns(in), featureRows(in)
	}
	t.Warnings = append(r.warnings(), t.Warnings...)
	return a.render(t)
}

// check refuses a call that names no rows, or half of one, before any work is
// done.
func (o *predictOptions) check(args []string) error {
	fromFlags := o.keys.given() || o.date != "" || len(o.set) > 0
	switch {
	case o.raw && o.features:
		return fault.New(fault.Usage, "--raw and --features exclude each other")
	case fromFlags == (len(args) == 1):
		return fault.New(fault.Usage, "rows come from a FILE, or one row from --store, --date and --set")
	case fromFlags && (!o.keys.given() || o.date == ""):
		return fault.New(fault.Usage, "a row needs --store and --date")
	}
	return nil
}

// history reads the sales, and the form of the file that they came from.
func (a *app) history(ctx context.Context, s *config.Settings) (sales.Panel, sales.Format, error) {
	db, err := a.openStore(ctx, s, false)
	if err != nil {
		return sales.Panel{}, sales.Format{}, err
	}
	var src sales.Source
	p, err := db.Panel(ctx)
	if err == nil {
		src, _, err = db.Remembered(ctx)
	}
	return p, src.Format, errors.Join(err, db.Close())
}

// rows reads what is to be predicted.
func (o *predictOptions) rows(a *app, r *rowReader, args []string) ([]sales.Row, error) {
	if len(args) == 0 {
		return o.flagRow(r, func(sales.Key, sales.Period) []float64 { return r.unknown() })
	}
	if args[0] == "-" {
		return r.read("standard input", a.stdin)
	}
	f, err := a.open(args[0])
	if err != nil {
		return nil, err
	}
	rows, err := r.read(args[0], f)
	return rows, errors.Join(err, f.Close())
}

// finite reads a number; blank is unknown.
func finite(text string) (float64, error) {
	if text = strings.TrimSpace(text); text == "" {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no finite number", text)
	}
	return v, nil
}

// table shows a line a row and, with --raw, one a regressor: its prediction, what
// the model that stock Python loads answers for the row, and the scale that makes
// the one of the other. Each warning is told once, however many rows it is of.
func (o *predictOptions) table(predictions []sales.Prediction, in pipeline.Inputs, m meta) table {
	t := table{Thing: "predict", Columns: columns("key", "date", "model", "prediction"), Meta: m}
	if o.raw {
		t.Columns = append(t.Columns, column{Name: "output", Places: 9}, column{Name: "scale"})
	}
	seen := map[string]bool{}
	for i, p := range predictions {
		row := []any{p.Key.String(), p.Period, pipeline.Mean, p.Value}
		if o.raw {
			row = append(row, nil, nil)
		}
		t.Rows = append(t.Rows, row)
		for _, part := range p.Parts {
			if o.raw {
				t.Rows = append(t.Rows, []any{p.Key.String(), p.Period, part.Model, part.Value, float64(in.Answers[part.Model][i]), in.Scale[i]})
			}
		}
		for _, w := range p.Warnings {
			if !seen[w] {
				t.Warnings = append(t.Warnings, w)
			}
			seen[w] = true
		}
	}
	return t
}

// featureColumns are the columns of the regressors' input, as the registered
// models name them.
func featureColumns(in pipeline.Inputs) []column {
	out := columns(in.Features...)
	for i := range out {
		out[i].Places = 6
	}
	return out
}

// featureRows are the rows of the regressors' input; a missing value is none.
func featureRows(in pipeline.Inputs) [][]any {
	rows := make([][]any, len(in.X))
	for i, x := range in.X {
		for _, v := range x {
			rows[i] = append(rows[i], float64(v)) // exactly what the 32 bits hold
		}
	}
	return rows
}
