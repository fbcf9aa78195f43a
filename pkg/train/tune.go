package train

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/tune"
)

// Space is what tuning tries for one model.
type Space struct {
	Model  string
	Params tune.Space
}

// Search is how the spaces are searched.
type Search struct {
	Strategy tune.Strategy // "" is tune.Grid
	Trials   int           // candidates to draw for each model; 0 is tune.DefaultTrials
	// Timeout ends the search of all models gently, each model having an equal
	// part of what is left; 0 is no limit. What wins then depends on the time.
	Timeout time.Duration
	// Journals is the folder where scores are kept while a search goes on: the
	// same search goes on where a kill, a signal or a time limit ended it. Those of
	// whole searches become artifacts of the run and are removed when it is logged;
	// "" keeps none.
	Journals string
}

// Tuning is what the search for one model found.
type Tuning struct {
	Model    string
	TimedOut time.Duration // after which the time limit ended it; 0 where none did
	tune.Result
	journal string // its file, "" without one
}

// tune searches each space and puts the winner's parameters into the recipe.
func (t *training) tune(ctx context.Context) error {
	if len(t.Spaces) == 0 {
		return nil
	}
	score, err := scoreOf(t.Score)
	if err != nil {
		return err
	}
	ground, err := newGround(t.Panel.Until(t.report.Split), t.Folds, t.Recipe.Features)
	if err != nil {
		return err
	}
	ground.recipe, ground.score = t.Recipe, score
	ground.recipe.Jobs = 1 // the folds run side by side
	for _, space := range t.Spaces {
		if err := space.Params.Check(); err != nil { // now, and not after another one's search
			return fmt.Errorf("%s: %w", space.Model, err)
		}
	}
	began := t.Now()
	for i, space := range t.Spaces {
		limit := (t.Search.Timeout - t.Now().Sub(began)) / time.Duration(len(t.Spaces)-i)
		if err := t.search(ctx, ground, space, limit); err != nil {
			return fmt.Errorf("%s: %w", space.Model, err)
		}
	}
	return nil
}

// search finds one model's parameters within the time.
func (t *training) search(ctx context.Context, g *ground, space Space, limit time.Duration) error {
	stop, cancel := ctx, context.CancelFunc(func() {})
	if t.Search.Timeout > 0 {
		stop, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	spec, began := t.Recipe.Spec(space.Model), t.Now()
	o := tune.Options{
		Strategy: t.Search.Strategy, Trials: t.Search.Trials, Seed: t.Recipe.Seed,
		Folds: t.Folds, Jobs: t.Recipe.Jobs, Stop: stop.Done(),
		Progress: func(p tune.Progress) { t.progress("tuning "+space.Model, p.Done, p.Total) },
	}
	found := Tuning{Model: space.Model}
	var err error
	if o.Journal, found.journal, err = t.journal(spec, space); err != nil {
		return err
	}
	// A cancelled training finishes the candidates in hand, so that the report
	// ranks what was done.
	found.Result, err = tune.Run(context.WithoutCancel(ctx), space.Params, g.scorer(spec, space, o.Strategy), o)
	if o.Journal != nil {
		err = errors.Join(err, o.Journal.Close())
	}
	if ctx.Err() == nil && stop.Err() != nil && found.cut() {
		found.TimedOut = max(t.Now().Sub(began), 1)
	}
	t.report.Tunings = append(t.report.Tunings, found)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	return t.choose(spec, found)
}

// choose puts the winner's parameters into the recipe.
func (t *training) choose(spec model.Spec, found Tuning) error {
	for _, w := range found.Warnings {
		t.report.Warnings = append(t.report.Warnings, "tuning "+spec.Name+": "+w)
	}
	if found.TimedOut > 0 {
		t.report.Warnings = append(t.report.Warnings, fmt.Sprintf("tuning %s: the time limit ended it after %s, another run may choose otherwise",
			spec.Name, found.TimedOut.Round(time.Millisecond)))
	}
	best := found.Best()
	switch {
	case best != nil:
		t.Recipe.Models = withParams(t.Recipe.Models, spec.Name, merged(spec.Params, best.Params))
	case found.TimedOut == 0:
		return fault.New(fault.Failure, "no parameters of %s have a score", spec.Name)
	default:
		t.report.Warnings = append(t.report.Warnings, "tuning "+spec.Name+": no candidate has a score, its parameters stay as they were")
	}
	return nil
}

// cut reports whether the search ended early.
func (t Tuning) cut() bool { return t.Count(tune.Cut)+t.Count(tune.Untried) > 0 }

// searchFormat changes with how candidates are scored on the same data.
const searchFormat = 1

// journal opens the journal of the search, named by a digest of everything that a
// score depends on; nil where none is to be kept.
func (t *training) journal(spec model.Spec, space Space) (*tune.Journal, string, error) {
	if t.Search.Journals == "" {
		return nil, "", nil
	}
	p := t.Panel.Until(t.report.Split)
	text, err := json.Marshal(map[string]any{
		"format": searchFormat, "version": t.From.Version, "commit": t.From.Commit,
		"data": digest(p), "frequency": p.Frequency.String(), "keys": p.KeyNames, "columns": p.ColumnNames, "statics": p.StaticNames,
		"model": spec, "features": t.Recipe.Features.Params(), "space": space, "strategy": cmp.Or(t.Search.Strategy, tune.Grid), "trials": cmp.Or(t.Search.Trials, tune.DefaultTrials),
		"seed": t.Recipe.Seed, "folds": t.Folds, "score": cmp.Or(t.Score, "mse"),
	})
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	search := hex.EncodeToString(sum[:])
	path := filepath.Join(t.Search.Journals, spec.Name+"-"+search[:16]+".jsonl")
	j, err := tune.OpenJournal(path, search)
	return j, path, err
}

// forget removes the journals of searches that are complete.
func (t *training) forget() error {
	var problems []error
	for _, found := range t.report.Tunings {
		if found.journal != "" && !found.cut() {
			if err := os.Remove(found.journal); !errors.Is(err, fs.ErrNotExist) { // see trials
				problems = append(problems, err)
			}
		}
	}
	return errors.Join(problems...)
}

// withParams returns the models with the parameters of one replaced.
func withParams(models []model.Spec, name string, params map[string]any) []model.Spec {
	out := slices.Clone(models)
	for i := range out {
		if out[i].Name == name {
			out[i].Params = params
		}
	}
	return out
}

// Scores lists what tuning can minimise.
func Scores() []string { return []string{"mse", "rmse", "mae", "mape", "wape"} }

func scoreOf(name string) (func(metrics.Scores) float64, error) {
	switch name {
	case "", "mse":
		return func(s metrics.Scores) float64 { return s.MSE }, nil
	case "rmse":
		return func(s metrics.Scores) float64 { return s.RMSE }, nil
	case "mae":
		return func(s metrics.Scores) float64 { return s.MAE }, nil
	case "mape":
		return func(s metrics.Scores) float64 { return s.MAPE }, nil
	case "wape":
		return func(s metrics.Scores) float64 { return s.WAPE }, nil
	}
	return nil, fault.New(fault.Usage, "unknown score %q, want one of %s", name, strings.Join(Scores(), ", "))
}
