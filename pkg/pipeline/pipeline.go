// Package pipeline holds the one thing that is trained, saved, loaded and served,
// so that serving cannot differ from training.
//
// The way of the data:
//
//  1. A Recipe names the models. It makes Candidates for backtests: forecasters
//     that see keys, the calendar and the past, and one-step predictors that also
//     see the columns of the period itself.
//  2. Train fits everything on a panel, records the choice that a backtest made
//     (horizon -> forecaster), how wrong each forecaster was there and golden
//     answers, and writes it all as one file.
//  3. Open checks the bytes of a file and decodes what a caller asks for. A part
//     that does not give its golden answers again is refused.
//  4. A Pipeline predicts rows (the mean of forest and boosting) and forecasts
//     series, with intervals where they are asked for, from whatever history it is
//     handed: new actuals need no refit.
//
// Sales are in the unit of the target (dollars in the sample), horizons in
// periods from 1.
package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Info describes a pipeline.
type Info struct {
	Schema           sales.Schema `json:"schema"`
	TrainedThrough   sales.Period `json:"trained_through"`   // the newest actual that was learnt from
	EvaluatedThrough sales.Period `json:"evaluated_through"` // the newest actual that the choice was scored on
	Regressors       []string     `json:"regressors"`
	Forecasters      []string     `json:"forecasters"`
	// Choice is the forecaster of each horizon from 1; the last one answers for
	// all beyond. Never empty.
	Choice []string `json:"choice"`
}

// Pipeline is an open pipeline file. It is safe for concurrent use.
type Pipeline struct {
	info   Info
	file   *container
	golden golden
	bands  map[string]conformal.Table
	rows   func() (*trees, error) // the row predictor
	// forecasters opens each by its name, and checks it, once.
	forecasters map[string]func() (sales.Observer, error)
}

// Open reads the table and the description of a pipeline file of the given size.
// A damaged or newer file is a fault.Integrity, now or when the damaged part is
// first asked for. r must stay open as long as the pipeline is used.
func Open(r io.ReaderAt, size int64) (*Pipeline, error) {
	file, err := openContainer(r, size)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{file: file, forecasters: map[string]func() (sales.Observer, error){}}
	if err := file.readJSON(infoSection, &p.info); err != nil {
		return nil, err
	}
	if err := file.readJSON(goldenSection, &p.golden); err != nil {
		return nil, err
	}
	if err := p.golden.fits(p.info.Schema); err != nil {
		return nil, err
	}
	if err := p.readBands(); err != nil {
		return nil, err
	}
	p.rows = sync.OnceValues(p.openRows)
	// The forecasters that learn from rows share their trees: read them once.
	ahead := sync.OnceValues(func() (*trees, error) { return readTrees(file, features.Ahead, p.info.Regressors) })
	for _, name := range p.info.Forecasters {
		p.forecasters[name] = sync.OnceValues(func() (sales.Observer, error) {
			f, err := p.openForecaster(name, ahead)
			if err != nil {
				return nil, err
			}
			return f, p.golden.checkForecaster(p.info.Schema, name, f)
		})
	}
	return p, p.checkChoice()
}

func (p *Pipeline) openRows() (*trees, error) {
	t, err := readTrees(p.file, features.Row, p.info.Regressors)
	if err != nil {
		return nil, err
	}
	return t, p.golden.checkRows(p.info.Schema, t)
}

func (p *Pipeline) openForecaster(name string, ahead func() (*trees, error)) (sales.Observer, error) {
	if len(MeanOf(name)) == 0 && !slices.Contains(p.info.Regressors, name) {
		return readLocal(p.file, name)
	}
	t, err := ahead()
	if err != nil {
		return nil, err
	}
	return newTreeFitted(name, t, sales.Panel{}), nil
}

func (p *Pipeline) checkChoice() error {
	for _, name := range p.info.Choice {
		if !slices.Contains(p.info.Forecasters, name) {
			return damaged("its choice " + name + " is none of its forecasters")
		}
	}
	if len(p.info.Choice) == 0 {
		return damaged("it makes no choice")
	}
	return nil
}

// Info describes the pipeline.
func (p *Pipeline) Info() Info { return p.info }

// Schema names the columns of the panels and rows that the pipeline takes.
func (p *Pipeline) Schema() sales.Schema { return p.info.Schema }

// Warm reads and checks everything now, so that no later call has to.
func (p *Pipeline) Warm() error {
	for _, name := range p.info.Forecasters {
		if _, err := p.forecaster(name); err != nil {
			return err
		}
	}
	if len(p.info.Regressors) > 0 {
		_, err := p.rows()
		return err
	}
	return nil
}

// Forecast answers from the history by the named forecaster; Auto and "" mean
// the choice of each horizon. A name that the pipeline lacks is a
// fault.NotFound whose hint is the command that adds it.
func (p *Pipeline) Forecast(ctx context.Context, history sales.Panel, name string, r sales.Request) ([]sales.Forecast, error) {
	if err := p.fits(history); err != nil {
		return nil, err
	}
	names := []string{name}
	if name == Auto || name == "" {
		names = p.chosen(r.Steps)
	}
	var out []sales.Forecast
	for _, name := range names {
		part, err := p.forecastBy(ctx, history, name, r)
		if err != nil {
			return nil, err
		}
		out = p.merge(out, part, name)
	}
	if err := p.addIntervals(out, history, r.Levels); err != nil {
		return nil, err
	}
	warnOfEnded(out, history)
	p.warnOfLearnt(out, history)
	return out, nil
}

// warnOfLearnt marks forecasts from a history that ends before the training did.
func (p *Pipeline) warnOfLearnt(forecasts []sales.Forecast, history sales.Panel) {
	if history.Origin() >= p.info.TrainedThrough {
		return
	}
	for i := range forecasts {
		forecasts[i].Warnings = append(forecasts[i].Warnings,
			"what came after may have been learnt from: the training went through "+p.info.TrainedThrough.String())
	}
}

// warnOfEnded marks the forecasts of series whose sales end before the others':
// their periods are not the others' either.
func warnOfEnded(forecasts []sales.Forecast, history sales.Panel) {
	newest := history.Origin()
	for i := range forecasts {
		f := &forecasts[i]
		if n := history.Frequency.Steps(f.Origin, newest); n > 0 {
			f.Warnings = append(f.Warnings, fmt.Sprintf("its sales end on %s, %s before the newest of the data",
				f.Origin, fault.Counted(n, history.Frequency.Noun())))
		}
	}
}

// chosen lists the forecasters that the choice needs for so many steps.
func (p *Pipeline) chosen(steps int) []string {
	need := p.info.Choice[:min(max(steps, 1), len(p.info.Choice))]
	return slices.Compact(slices.Sorted(slices.Values(need)))
}

// merge takes from part the points of the horizons for which name is chosen.
func (p *Pipeline) merge(out, part []sales.Forecast, name string) []sales.Forecast {
	if out == nil { // the first one fills every horizon, and the others theirs over it
		out = slices.Clone(part)
		for i := range out {
			out[i].Points = slices.Clone(out[i].Points)
		}
		return out
	}
	for i := range out {
		for h := range out[i].Points {
			if p.info.Choice[min(h, len(p.info.Choice)-1)] == name {
				out[i].Points[h] = part[i].Points[h]
			}
		}
		out[i].Warnings = append(out[i].Warnings, part[i].Warnings...)
	}
	return out
}

func (p *Pipeline) forecastBy(ctx context.Context, history sales.Panel, name string, r sales.Request) ([]sales.Forecast, error) {
	f, err := p.forecaster(name)
	if err != nil {
		return nil, err
	}
	observed, err := f.Observe(history)
	if err != nil {
		return nil, err
	}
	return observed.Forecast(ctx, r)
}

// forecaster returns the named forecaster, without a history.
func (p *Pipeline) forecaster(name string) (sales.Observer, error) {
	open, ok := p.forecasters[name]
	if !ok {
		return nil, p.lacks(name)
	}
	return open()
}

// lacks is the error for a model that the pipeline was not trained with.
func (p *Pipeline) lacks(name string) error {
	if !slices.Contains(Models(), name) {
		return fault.New(fault.Usage, "unknown model %q, want auto or one of %s", name, strings.Join(Models(), ", "))
	}
	add := append(slices.Clone(p.info.Regressors), name)
	if parts := MeanOf(name); len(parts) > 0 {
		add = parts
	}
	return fault.New(fault.NotFound, "this pipeline has no %s", name).
		WithHint("run `salesctl train --model %s`", strings.Join(slices.Compact(slices.Sorted(slices.Values(add))), ","))
}

// Predict answers for rows by the mean of forest and boosting. The lags of a row
// come from the history before its period; where the history ends earlier, the
// weeks between are forecast first. Of the history nothing at or after the
// row's period is read.
func (p *Pipeline) Predict(ctx context.Context, history sales.Panel, rows []sales.Row) ([]sales.Prediction, error) {
	if err := p.fits(history); err != nil {
		return nil, err
	}
	if !hasMean(p.info.Regressors) {
		return nil, p.lacks(Mean)
	}
	t, err := p.rows()
	if err != nil {
		return nil, err
	}
	past, err := p.reaching(ctx, t, history, rows)
	if err != nil {
		return nil, err
	}
	out := make([]sales.Prediction, len(rows))
	for i, row := range rows {
		if out[i], err = t.predict(past[row.Key.String()], row); err != nil {
			return nil, fmt.Errorf("%s %s: %w", p.info.Schema.Describe(row.Key), row.Period, err)
		}
		if row.Period <= p.info.TrainedThrough {
			out[i].Warnings = append(out[i].Warnings, fmt.Sprintf("%s may have been learnt from: the training went through %s",
				row.Period, p.info.TrainedThrough))
		}
	}
	return out, nil
}

// predict answers for one row whose history reaches up to the period before it.
func (t *trees) predict(past extended, row sales.Row) (sales.Prediction, error) {
	parts := make([]float64, len(t.models))
	mean := newTreeFitted(Mean, t, sales.Panel{})
	if err := t.answer(parts, mean.use, past.past, row.Period, row.Columns); err != nil {
		return sales.Prediction{}, err
	}
	out := sales.Prediction{Key: row.Key, Period: row.Period}
	out.Value = mean.mean(parts)
	for _, i := range mean.use {
		out.Parts = append(out.Parts, sales.Part{Model: t.names[i], Value: parts[i]})
	}
	if n := past.Frequency.Steps(past.origin, row.Period) - 1; n > 0 {
		between := fmt.Sprintf("the %d %ss between the newest actual and %s are forecasts", n, past.Frequency.Noun(), row.Period)
		if n == 1 {
			between = fmt.Sprintf("the %s between the newest actual and %s is a forecast", past.Frequency.Noun(), row.Period)
		}
		out.Warnings = append(out.Warnings, between+" by "+past.by)
	}
	return out, nil
}

// chain returns what the rows look at of all series together.
func (t *trees) chain(history sales.Panel, rows []sales.Row) *features.Chain {
	if len(rows) == 0 {
		return nil
	}
	first, last := rows[0].Period, rows[0].Period
	for _, row := range rows[1:] {
		first, last = min(first, row.Period), max(last, row.Period)
	}
	return t.encoder.Chain(history, first, last)
}

// extended is a history to which forecasts were added.
type extended struct {
	past
	origin sales.Period // the newest actual
	by     string       // which models forecast the rest
}

// reaching returns, by key, histories that reach up to the newest row asked for.
func (p *Pipeline) reaching(ctx context.Context, t *trees, history sales.Panel, rows []sales.Row) (map[string]extended, error) {
	out := map[string]extended{}
	need := map[string]int{}
	chain := t.chain(history, rows)
	for _, row := range rows {
		s, err := history.Sold(row.Key)
		if err != nil {
			return nil, err
		}
		if row.Period <= s.Start {
			return nil, fault.New(fault.Invalid, "%s has no sales before %s, its first %s is %s",
				p.info.Schema.Describe(row.Key), row.Period, s.Frequency.Noun(), s.Start)
		}
		steps := s.Frequency.Steps(s.Origin(), row.Period) - 1
		if steps >= sales.MaxSteps {
			return nil, fault.New(fault.Invalid, "%s is %d %ss after the newest actual, %d at most can be predicted",
				row.Period, steps+1, s.Frequency.Noun(), sales.MaxSteps)
		}
		name := row.Key.String()
		need[name] = max(need[name], steps)
		out[name] = extended{past: past{s, chain}, origin: s.Origin()}
	}
	for _, row := range rows { // not over the map: the first error is always the same
		name := row.Key.String()
		if need[name] == 0 {
			continue
		}
		s, err := p.extend(ctx, history, out[name], need[name])
		if err != nil {
			return nil, err
		}
		out[name], need[name] = s, 0
	}
	return out, nil
}

// extend forecasts so many steps and adds them to the history.
func (p *Pipeline) extend(ctx context.Context, history sales.Panel, s extended, steps int) (extended, error) {
	forecasts, err := p.Forecast(ctx, history, Auto, sales.Request{Keys: []sales.Key{s.Key}, Steps: steps})
	if err != nil {
		return s, fmt.Errorf("fill the %ss up to the asked one: %w", s.Frequency.Noun(), err)
	}
	actuals := s.Actuals()
	s.Series = s.Extended(max(0, actuals+steps-s.Len()))
	for i, point := range forecasts[0].Points {
		s.Target[actuals+i] = point.Mean
	}
	s.by = strings.Join(p.chosen(steps), ", ")
	return s, nil
}

// fits refuses a history of other columns than the pipeline was trained with.
func (p *Pipeline) fits(history sales.Panel) error {
	a, b := p.info.Schema, history.Schema
	if a.Frequency == b.Frequency && slices.Equal(a.KeyNames, b.KeyNames) && slices.Equal(a.ColumnNames, b.ColumnNames) {
		return nil
	}
	return fault.New(fault.Conflict, "the data has keys %v, columns %v (%s), the model was trained with keys %v, columns %v (%s)",
		b.KeyNames, b.ColumnNames, b.Frequency, a.KeyNames, a.ColumnNames, a.Frequency).
		WithHint("run `salesctl train`")
}
