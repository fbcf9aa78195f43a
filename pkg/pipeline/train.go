package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/local"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/catalog"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The names of the sections beside those of locals.
const (
	infoSection   = "info"
	goldenSection = "golden"
	bandsSection  = "bands"
)

func encoderSection(set features.Set) string { return fmt.Sprintf("%s/encoder", set) }

func regressorSection(set features.Set, name string) string { return fmt.Sprintf("%s/%s", set, name) }

// Evaluation is what a backtest found before the training on everything.
type Evaluation struct {
	Choice  []string     // the forecaster of each horizon from 1; empty without a backtest
	Through sales.Period // the newest actual that was scored
	// Bands are how far from its forecasts a forecaster's actuals lay, by its
	// name. One without has no intervals.
	Bands map[string]conformal.Table
}

// Trained is what Train made.
type Trained struct {
	File     []byte // the same bytes for the same panel, recipe and evaluation
	Info     Info
	Fits     []SeriesFit // of the forecasters that learn from one series and tell about it
	Warnings []string
}

// SeriesFit is what a forecaster found out about one series.
type SeriesFit struct {
	Model string // the forecaster
	Key   sales.Key
	model.Figures
}

// Train fits the recipe to every actual of the panel and writes the pipeline
// file.
func Train(ctx context.Context, p sales.Panel, r Recipe, e Evaluation) (Trained, error) {
	p = p.Actuals()
	if len(p.Series) == 0 {
		return Trained{}, fault.New(fault.Invalid, "there are no actual sales to learn from").WithHint("run `salesctl etl`")
	}
	if err := r.Check(); err != nil {
		return Trained{}, err
	}
	info := Info{
		Schema: p.Schema, TrainedThrough: p.Origin(), EvaluatedThrough: e.Through,
		Regressors: r.regressors(), Forecasters: r.forecasters(), Choice: e.Choice,
	}
	if len(info.Choice) == 0 {
		info.Choice = []string{Default}
	}
	b := builder{recipe: r, panel: p, info: info, golden: newGolden(p), bands: e.Bands}
	b.told(0)
	for _, step := range []func(context.Context) error{b.rowPredictor, b.forecasters, b.head} {
		if err := step(ctx); err != nil {
			return Trained{}, err
		}
	}
	file, err := b.file.bytes()
	return Trained{File: file, Info: info, Fits: b.fits, Warnings: b.warnings}, err
}

// builder collects the sections of a new file.
type builder struct {
	recipe Recipe
	panel  sales.Panel
	info   Info
	golden golden
	bands  map[string]conformal.Table
	file   writer

	done     int // parts that are trained
	fits     []SeriesFit
	warnings []string
}

// told reports that so many more parts are trained: the row predictor and each
// forecaster is one.
func (b *builder) told(more int) {
	b.done += more
	if b.recipe.Progress != nil {
		b.recipe.Progress(b.done, 1+len(b.info.Forecasters))
	}
}

// rowPredictor trains the regressors on rows with the period's own columns.
func (b *builder) rowPredictor(ctx context.Context) error {
	defer b.told(1)
	if len(b.info.Regressors) == 0 {
		return nil
	}
	trainer, err := b.recipe.trainer(features.Row)
	if err != nil {
		return err
	}
	t, err := trainer.fit(ctx, b.panel)
	if err != nil {
		return err
	}
	if b.golden.Rows, err = b.golden.rows(b.info.Schema, t); err != nil {
		return err
	}
	return b.addTrees(features.Row, t)
}

// forecasters trains each of them and notes its golden path.
func (b *builder) forecasters(ctx context.Context) error {
	candidates, err := b.recipe.Forecasters()
	if err != nil {
		return err
	}
	for _, c := range candidates {
		fitted, err := c.Fit(ctx, b.panel)
		if err != nil {
			return err
		}
		var body []byte
		switch f := fitted.(type) {
		case local.Fitted:
			if body, err = marshalLocal(f); err != nil {
				return err
			}
			b.file.add(localSection(f.Label), body)
			b.report(f)
			b.golden.Paths[f.Label], err = b.golden.path(b.info.Schema, f)
		case treeFitted:
			if f.name == b.info.Regressors[0] { // they share the regressors
				err = b.addTrees(features.Ahead, f.trees)
			}
			if err == nil {
				b.golden.Paths[f.name], err = b.golden.path(b.info.Schema, f)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name(), err)
		}
		b.told(1)
	}
	return nil
}

// report notes what the forecaster tells about its series.
func (b *builder) report(f local.Fitted) {
	for _, fit := range f.Fits {
		if r, ok := fit.LocalFit.(model.Reporter); ok {
			b.fits = append(b.fits, SeriesFit{Model: f.Label, Key: fit.Key, Figures: r.Figures()})
		}
	}
}

// head adds the description, the golden answers and the bands.
func (b *builder) head(context.Context) error {
	info, err := json.Marshal(b.info)
	if err != nil {
		return err
	}
	golden, err := json.Marshal(b.golden)
	if err != nil {
		return err
	}
	bands, err := json.Marshal(b.bands)
	if err != nil {
		return err
	}
	b.file.add(infoSection, info)
	b.file.add(goldenSection, golden)
	b.file.add(bandsSection, bands)
	return nil
}

func (b *builder) addTrees(set features.Set, t *trees) error {
	body, err := t.encoder.MarshalBinary()
	if err != nil {
		return err
	}
	b.file.add(encoderSection(set), body)
	for _, w := range t.warnings {
		if !slices.Contains(b.warnings, w) { // both sets may say the same of the data
			b.warnings = append(b.warnings, w)
		}
	}
	for i, name := range t.names {
		m, ok := t.models[i].(model.Regressor)
		if !ok {
			return fault.New(fault.Usage, "%s cannot be written", name)
		}
		if body, err = m.MarshalBinary(); err != nil {
			return err
		}
		b.file.add(regressorSection(set, name), body)
	}
	return nil
}

// readTrees reads what addTrees wrote.
func readTrees(c *container, set features.Set, names []string) (*trees, error) {
	body, err := c.read(encoderSection(set))
	if err != nil {
		return nil, err
	}
	t := &trees{names: slices.Clone(names)}
	if t.encoder, err = features.Unmarshal(body); err != nil {
		return nil, err
	}
	for _, name := range names {
		if body, err = c.read(regressorSection(set, name)); err != nil {
			return nil, err
		}
		fitted, err := catalog.DecodeRegressor(name, body)
		if err != nil {
			return nil, err
		}
		m, ok := fitted.(model.RowPredictor)
		if !ok {
			return nil, damaged(name + " cannot answer for single rows")
		}
		t.models = append(t.models, m)
	}
	return t, nil
}
