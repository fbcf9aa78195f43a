package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/plot"
)

// explainOptions are the flags of `salesctl explain`.
type explainOptions struct {
	rowOptions
	model string
	top   int
	plot  bool
	out   string
}

// newExplain makes `salesctl explain`.
func newExplain(a *app) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Tell why a prediction is what it is",
		Long: `Tell what each feature brought to the prediction of a row: exact Shapley values of
the trees (TreeSHAP), in the target's unit. The first line is the mean answer, the
last one the prediction, and what lies between adds up from the one to the other.

The row's own columns are those of the data where it has the row, else unknown;
--set gives others. What a value means: with the feature known, the answer is so
much higher than without it, averaged over all orders in which features can
become known. It tells what the model does, not what causes sales.`,
		GroupID: groupMain,
		Args:    noArgs,
		Example: `  salesctl explain --store 1 --date 2012-10-26
  salesctl explain --store 1 --date 2012-11-02 --set temperature=60 --plot
  salesctl explain --store 1 --date 2012-10-26 --model gbt --out why.png`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.StringVar(&o.model, "model", pipeline.Mean, "the `MODEL` to explain, one that learns from rows")
	f.IntVar(&o.top, "top", 15, "features to list, the largest first; the others are summed up; 0 for all")
	f.BoolVar(&o.plot, "plot", false, "draw a waterfall instead of the table")
	f.StringVar(&o.out, "out", "", "draw it into `FILE` (.png, .svg or .txt)")
	return cmd
}

// run explains the rows that the flags tell.
func (o *explainOptions) run(ctx context.Context, a *app, s *config.Settings) error {
	if err := o.check(a); err != nil {
		return err
	}
	data, format, err := a.history(ctx, s)
	if err != nil {
		return err
	}
	r := rowReader{panel: data, format: format}
	rows, err := o.flagRow(&r, recorded(&r))
	if err != nil {
		return err
	}
	if len(rows) > 1 && (o.plot || o.out != "") {
		return fault.New(fault.Usage, "a drawing is of one row, %d are asked for", len(rows)).WithHint("name one store")
	}
	c, err := a.champion(ctx, s)
	if err != nil {
		return err
	}
	explained, err := c.Explain(ctx, data, rows, o.model)
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	for i := range explained {
		explained[i].Features = largest(explained[i].Features, o.top)
	}
	if o.out != "" {
		if err := a.drawExplanation(ctx, o.out, explained[0]); err != nil {
			return err
		}
	}
	if o.plot {
		figure, err := waterfall(explained[0])
		if err != nil {
			return err
		}
		return figure.Write(a.stdout, plot.Text, plot.Options{})
	}
	t := explainTable(explained)
	t.Meta = newMeta(c, data)
	if through := c.Info().TrainedThrough; rows[0].Period <= through {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%s may have been learnt from: the training went through %s", rows[0].Period, through))
	}
	return a.render(t)
}

// check refuses a call before any work is done.
func (o *explainOptions) check(a *app) error {
	switch {
	case !o.keys.given() || o.date == "":
		return fault.New(fault.Usage, "a row needs --store and --date")
	case o.top < 0:
		return fault.New(fault.Usage, "--top is %d", o.top).WithHint("give a number from 1, or 0 for all features")
	}
	if err := knownModel(o.model); err != nil {
		return err
	}
	if o.plot {
		if err := a.textOnly("a waterfall"); err != nil {
			return err
		}
	}
	return a.drawable(o.out)
}

// others is the name of what the features that are not listed bring together.
const others = "(all others)"

// largest puts the features of the largest worth first and sums up those beyond n.
func largest(features []pipeline.Contribution, n int) []pipeline.Contribution {
	slices.SortStableFunc(features, func(a, b pipeline.Contribution) int { return cmp.Compare(math.Abs(b.Worth), math.Abs(a.Worth)) })
	if n == 0 || len(features) <= n {
		return features
	}
	rest := pipeline.Contribution{Feature: others, Value: math.NaN()}
	for _, f := range features[n:] {
		rest.Worth += f.Worth
	}
	return append(features[:n:n], rest)
}

// explainTable shows a line a feature, between the mean answer and the prediction.
func explainTable(explained []pipeline.Explanation) table {
	t := table{Thing: "explain", Columns: columns("key", "date", "model", "feature", "value", "contribution")}
	for _, e := range explained {
		add := func(feature string, value, worth float64) {
			t.Rows = append(t.Rows, []any{e.Key.String(), e.Period, e.Model, feature, value, worth})
		}
		add("(mean)", math.NaN(), e.Mean)
		for _, f := range e.Features {
			add(f.Feature, f.Value, f.Worth)
		}
		add("(prediction)", math.NaN(), e.Prediction)
	}
	return t
}

// waterfall draws an explanation.
func waterfall(e pipeline.Explanation) (*plot.Figure, error) {
	var steps []plot.Bar
	for _, f := range e.Features {
		name := f.Feature
		if !math.IsNaN(f.Value) {
			name += " = " + strconv.FormatFloat(f.Value, 'g', 5, 64)
		}
		steps = append(steps, plot.Bar{Name: name, Value: f.Worth})
	}
	title := "Why " + e.Model + " predicts this for " + e.Key.String() + ", " + e.Period.String()
	return plot.Waterfall(title, "in the target's unit", plot.Bar{Name: "mean", Value: e.Mean}, steps, "prediction")
}

// drawExplanation writes the waterfall to a file.
func (a *app) drawExplanation(ctx context.Context, name string, e pipeline.Explanation) error {
	figure, err := waterfall(e)
	if err != nil {
		return err
	}
	return a.draw(ctx, name, figure)
}

// draw writes a figure to a file, in the form that its name asks for.
func (a *app) draw(ctx context.Context, name string, f *plot.Figure) error {
	format, err := plot.FormatOf(name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := f.Write(&b, format, plot.Options{}); err != nil {
		return err
	}
	if err := artifact.WriteFile(ctx, a.path(name), &b); err != nil {
		return err
	}
	a.note("drawn: %s", a.path(name))
	return nil
}
