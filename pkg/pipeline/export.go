package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Export is one regressor of the row predictor in a form that others load: a
// model of XGBoost. The pipeline's scale does not go into it, so that its
// answers are not in the target's unit; Output says what they are.
type Export struct {
	Name     string         // of the regressor
	Features []string       // the columns that it takes, all numbers, in order
	Basis    features.Basis // what the targets were divided by
	Output   string         // what an answer is, in words
	Example  Inputs         // some rows that the pipeline was trained with
	model    exporter
}

// exporter is a regressor that XGBoost can load.
type exporter interface {
	// WriteXGBoost writes the model in XGBoost's JSON form.
	WriteXGBoost(w io.Writer, names []string) error
	// PredictRow32 answers as XGBoost does with that model, bit for bit.
	PredictRow32(x []float32) float32
}

// Write writes the regressor in XGBoost's JSON form, the same bytes for the same
// pipeline.
func (e Export) Write(w io.Writer) error { return e.model.WriteXGBoost(w, e.Features) }

// Answer returns what the regressor itself answers for a row of its Features: to
// the last bit what XGBoost answers with the written model.
func (e Export) Answer(x []float32) float32 { return e.model.PredictRow32(x) }

// Inputs are rows as the regressors of the row predictor are given them, and
// their own answers.
type Inputs struct {
	Features []string    // the columns of X
	X        [][]float32 // one a row; NaN is missing
	// Scale is one number a row, in the target's unit: a regressor's answer, or what
	// e is raised to it where its logarithm was learnt, times the row's scale is its
	// prediction.
	Scale []float64
	// Answers are those of the exported regressors, by name, one a row: to the
	// last bit what XGBoost answers for X.
	Answers map[string][]float32
}

// Exports returns the regressors of the row predictor that can be exported, in
// the order in which the pipeline lists them; none where it has none.
func (p *Pipeline) Exports() ([]Export, error) {
	if len(p.info.Regressors) == 0 {
		return nil, nil
	}
	t, err := p.rows()
	if err != nil {
		return nil, err
	}
	example, err := p.example(t)
	if err != nil {
		return nil, err
	}
	var out []Export
	for i, name := range t.names {
		if m, ok := t.models[i].(exporter); ok {
			out = append(out, Export{
				Name: name, Features: example.Features, Basis: t.encoder.Basis(),
				Output:  meaning(t.encoder.Target(), t.encoder.Basis(), p.info.Schema.Frequency.Noun()),
				Example: example, model: m,
			})
		}
	}
	return out, nil
}

// meaning words what a regressor's answer is.
func meaning(t features.Target, b features.Basis, period string) string {
	if t == features.Log {
		return "the natural logarithm of " + meaning(features.Plain, b, period)
	}
	switch b {
	case features.Raw:
		return "the target of the " + period + " in its own unit"
	case features.Level:
		return "the target of the " + period + " over its scale: the mean of the newest " + period + "s before it"
	}
	return "the target of the " + period + " over its scale: what last year's same dates and the growth since let expect"
}

// Inputs returns what the regressors are given for rows, and what they answer by
// themselves. Of the history it reads what Predict reads.
func (p *Pipeline) Inputs(ctx context.Context, history sales.Panel, rows []sales.Row) (Inputs, error) {
	if err := p.fits(history); err != nil {
		return Inputs{}, err
	}
	if len(p.info.Regressors) == 0 {
		return Inputs{}, fault.New(fault.NotFound, "this pipeline has no regressors").
			WithHint("run `salesctl train --model %s`", strings.Join(MeanOf(Mean), ","))
	}
	t, err := p.rows()
	if err != nil {
		return Inputs{}, err
	}
	past, err := p.reaching(ctx, t, history, rows)
	if err != nil {
		return Inputs{}, err
	}
	in := t.newInputs()
	for _, row := range rows {
		if err := in.add(t, past[row.Key.String()].past, row.Period, row.Columns); err != nil {
			return Inputs{}, fmt.Errorf("%s %s: %w", p.info.Schema.Describe(row.Key), row.Period, err)
		}
	}
	return in, nil
}

// example returns the golden rows, which every pipeline file holds.
func (p *Pipeline) example(t *trees) (Inputs, error) {
	s := p.golden.past(p.info.Schema, t)
	in := t.newInputs()
	for _, row := range p.golden.Rows {
		if err := in.add(t, s, row.Period, s.ColumnsAt(s.Index(row.Period))); err != nil {
			return Inputs{}, fmt.Errorf("golden row %s: %w", row.Period, err)
		}
	}
	return in, nil
}

func (t *trees) newInputs() Inputs {
	return Inputs{Features: exportNames(t.encoder.Names()), Answers: map[string][]float32{}}
}

// add adds a row.
func (in *Inputs) add(t *trees, history past, period sales.Period, known []float64) error {
	x, scale, err := t.input(history, period, known)
	if err != nil {
		return err
	}
	in.X, in.Scale = append(in.X, x), append(in.Scale, scale)
	for i, name := range t.names {
		if m, ok := t.models[i].(exporter); ok {
			in.Answers[name] = append(in.Answers[name], m.PredictRow32(x))
		}
	}
	return nil
}

// exportNames replaces what XGBoost takes in no name, and tells apart names that
// are the same then.
func exportNames(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		clean := strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune("[]<", r) {
				return '_'
			}
			return r
		}, strings.ToValidUTF8(name, "_"))
		for slices.Contains(out, clean) || clean != name && slices.Contains(names, clean) {
			clean += "_"
		}
		out = append(out, clean)
	}
	return out
}
