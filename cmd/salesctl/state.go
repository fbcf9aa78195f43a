package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/store"
	"github.com/salesctl/salesctl/testdata"
)

// stateFolder holds what is not in the database.
const stateFolder = ".salesctl"

// sampleName is how messages call the data set that ships with the program.
const sampleName = "the sample (45 Walmart stores, 143 weeks)"

// openStore opens the database of the settings.
func (a *app) openStore(ctx context.Context, s *config.Settings, create bool) (*store.Store, error) {
	return store.Open(ctx, s.Store.DSN, store.Options{
		Dir: a.dir, Create: create, Secret: true, Now: a.now, // the settings let a password come from the environment only
	})
}

// sampleInput is the data set that ships with the program.
func sampleInput() etl.Input {
	return etl.Input{Name: sampleName, Reader: bytes.NewReader(testdata.Walmart)}
}

// panel reads the sales of the settings' database.
func (a *app) panel(ctx context.Context, s *config.Settings) (sales.Panel, error) {
	db, err := a.openStore(ctx, s, false)
	if err != nil {
		return sales.Panel{}, err
	}
	p, err := db.Panel(ctx)
	return p, errors.Join(err, db.Close())
}

// untouched says that nobody has configured, loaded or trained anything here
// yet: then, and only then, the missing steps are run on the sample.
func (a *app) untouched(s *config.Settings) bool {
	if len(s.Files) > 0 || s.Data.Path != "" || s.Origin("store.dsn").Layer != config.FromDefault || s.Origin("tracking.uri").Layer != config.FromDefault {
		return false
	}
	absent := func(name string) bool {
		_, err := os.Stat(a.path(name))
		return errors.Is(err, fs.ErrNotExist)
	}
	return absent("sales.db") && absent("mlflow.db") && absent(stateFolder)
}

// bootstrap runs the steps that are missing in an untouched place, on the
// sample, and says so: etl, and for those who need a model train.
func (a *app) bootstrap(ctx context.Context, s *config.Settings, needModel bool) error {
	if !a.untouched(s) {
		return nil
	}
	a.note("there is no salesctl.yaml and no database here: loading %s", sampleName)
	if _, err := (&etlOptions{}).load(ctx, a, s, sampleInput(), true); err != nil {
		return err
	}
	if !needModel {
		return nil
	}
	a.note("there is no trained pipeline here: training one")
	trained, _, err := (&trainOptions{}).train(ctx, a, s)
	if err == nil {
		a.note("version %s of %s registered", trained.Version, promote.Pipeline)
	}
	return err
}

// allModels is the name that stands for every model there is.
const allModels = "all"

// recipe is what the settings say of the pipeline; the mean of several regressors
// brings them along.
func recipe(s *config.Settings) (pipeline.Recipe, error) {
	r := pipeline.Recipe{Seed: s.Train.Seed, Jobs: s.Train.Jobs}
	params, err := parameters(s)
	if err != nil {
		return r, err
	}
	if r.Features, err = features.Parse(s.Train.Features); err != nil {
		return r, s.Refuse("train.features", err)
	}
	names := slices.Clone(s.Train.Models)
	if slices.Equal(names, []string{allModels}) {
		names = pipeline.Models()
	}
	for _, name := range names {
		if err := knownModel(name); err != nil {
			return r, s.Refuse("train.models", err)
		}
	}
	if i := slices.Index(names, pipeline.Mean); i >= 0 {
		names = slices.Delete(names, i, i+1)
		for _, name := range pipeline.MeanOf(pipeline.Mean) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		r.Models = append(r.Models, model.Spec{Name: name, Params: params[name]})
	}
	return r, r.Check()
}

// parameters are those of the models that have any, by name; what is wrong with
// them is told at the place where they were set, whether the model is asked for
// or not.
func parameters(s *config.Settings) (map[string]config.Params, error) {
	params := map[string]config.Params{"rf": s.Train.RF, "extra_trees": s.Train.Extra, "gbt": s.Train.GBT}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		r := pipeline.Recipe{Models: []model.Spec{{Name: name, Params: params[name]}}}
		if err := r.Check(); err != nil {
			return nil, s.Refuse("train."+name, err)
		}
	}
	return params, nil
}

// knownModel refuses a name that no model has, and that is none of the others.
func knownModel(name string, others ...string) error {
	known := slices.Concat(others, pipeline.Models())
	if slices.Contains(known, name) {
		return nil
	}
	err := fault.New(fault.Usage, "there is no model %q", name)
	if near := fault.Nearest(name, known); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err.WithHint("the models are %s", strings.Join(known, ", "))
}

// namedModels lists the models that were asked for by name; none means all that the
// recipe makes.
func namedModels(s *config.Settings) []string {
	if s.Origin("train.models").Layer == config.FromDefault || slices.Equal(s.Train.Models, []string{allModels}) {
		return nil
	}
	return s.Train.Models
}

// newMeta says which model answered and what it knew.
func newMeta(c champion, data sales.Panel) meta {
	return meta{
		ModelVersion:   c.version,
		TrainedThrough: c.Info().TrainedThrough.String(),
		DataThrough:    data.Origin().String(),
	}
}

// lastDay reads --until; without it, it is the end of time.
func lastDay(date string) (sales.Period, error) {
	if date == "" {
		return math.MaxInt32, nil
	}
	day, err := sales.ParsePeriod(date)
	if err != nil {
		return 0, fault.New(fault.Usage, "--until %w", err)
	}
	return day, nil
}

// until cuts the panel after the date, which "" leaves alone.
func until(p sales.Panel, date string) (sales.Panel, error) {
	day, err := lastDay(date)
	if err != nil {
		return p, err
	}
	start := p.Start()
	if p = p.Until(day); len(p.Actuals().Series) == 0 {
		return p, fault.New(fault.NotFound, "there are no sales up to %s, they begin at %s", date, start)
	}
	return p, nil
}
