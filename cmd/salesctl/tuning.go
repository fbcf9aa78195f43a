package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/catalog"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/train"
	"github.com/salesctl/salesctl/pkg/tune"
)

// journalFolder holds the journals of searches, in the state folder.
const journalFolder = "tune"

// tuneHint says how a search is asked for.
const tuneHint = "the searches are --tune=grid, which --tune alone means, --tune=random and --tune=halving"

// tuneOptions are the flags of a search.
type tuneOptions struct {
	strategy string // "" searches nothing
	trials   int
	timeout  time.Duration
}

// add makes the flags.
func (o *tuneOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.strategy, "tune", "", "first search the parameters by `KIND`: grid, which is what --tune alone means, random or halving")
	f.Lookup("tune").NoOptDefVal = string(tune.Grid)
	f.IntVar(&o.trials, "trials", tune.DefaultTrials, "how many candidates a model has in --tune=random and --tune=halving: `N`")
	f.DurationVar(&o.timeout, "timeout", 0, "end the search after a time such as 90s or 10m, with the best so far; 0 is no limit: `DURATION`")
}

// args refuses arguments, and an empty --tune=. The value of --tune, which may be
// left out, is told from an argument only by the = before it.
func (o *tuneOptions) args(f *pflag.FlagSet, args []string) error {
	switch tuned := f.Changed("tune"); {
	case tuned && o.strategy == "": // as of an unset variable
		return fault.New(fault.Usage, "--tune= names no search").WithHint(tuneHint)
	case tuned && len(args) == 1:
		return fault.New(fault.Usage, "--tune %[1]s: write --tune=%[1]s, with = and no space", args[0]).WithHint(tuneHint)
	case !tuned && (f.Changed("trials") || f.Changed("timeout")):
		return fault.New(fault.Usage, "--trials and --timeout are of a search, which was not asked for").WithHint(tuneHint)
	case f.Changed("trials") && o.strategy == string(tune.Grid):
		return fault.New(fault.Usage, "--trials is of searches that draw, a grid tries every candidate").WithHint(tuneHint)
	case f.Changed("trials") && (o.trials < 1 || o.trials > tune.MaxTrials):
		return fault.New(fault.Usage, "--trials: want 1 to %d, found %d", tune.MaxTrials, o.trials)
	case o.timeout < 0:
		return fault.New(fault.Usage, "--timeout: want a time from 0 up, found %s", o.timeout)
	}
	return nil
}

// check refuses a search that does not exist.
func (o *tuneOptions) check() error {
	if o.strategy == "" || slices.Contains(tune.Strategies(), tune.Strategy(o.strategy)) {
		return nil
	}
	return fault.New(fault.Usage, "--tune=%s is unknown", o.strategy).WithHint(tuneHint)
}

// search fills in what is searched, and how.
func (o *tuneOptions) search(a *app, s *config.Settings, r pipeline.Recipe) ([]train.Space, train.Search, error) {
	if o.strategy == "" {
		return nil, train.Search{}, nil
	}
	how := train.Search{
		Strategy: tune.Strategy(o.strategy), Trials: o.trials, Timeout: o.timeout,
		Journals: a.path(stateFolder + "/" + journalFolder),
	}
	spaces, err := a.spaces(s, r, how.Strategy)
	return spaces, how, err
}

// spaces are those of the strategy for the models that the recipe has, from the
// user's file or from ours.
func (a *app) spaces(s *config.Settings, r pipeline.Recipe, by tune.Strategy) ([]train.Space, error) {
	path, read := "configs/tune.yaml", func() ([]byte, error) { return configs.Files.ReadFile("tune.yaml") }
	if s.Train.Spaces != "" {
		path = s.Train.Spaces
		read = func() ([]byte, error) { return os.ReadFile(a.path(path)) }
	}
	text, err := read()
	if errors.Is(err, os.ErrNotExist) {
		return nil, s.Refuse("train.spaces", fault.New(fault.Config, "there is no file %s", a.path(path)))
	}
	if err != nil {
		return nil, err
	}
	parsed, err := config.ParseSpaces(path, text)
	if err != nil {
		return nil, err
	}
	var out []train.Space
	for i, space := range slices.Concat(parsed.Grid, parsed.Random) {
		made, err := searched(path, space) // whether it is asked for or not: it is the same file
		if err != nil {
			return nil, err
		}
		asked := (i < len(parsed.Grid)) == (by == tune.Grid)
		if asked && slices.ContainsFunc(r.Models, func(m model.Spec) bool { return m.Name == space.Model }) {
			out = append(out, made)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Usage, "--tune has nothing to search: no model has a space for %s in %s", by, path).
			WithHint("add rf or gbt to --model")
	}
	return out, nil
}

// searched checks a space of a file, with its lines, and makes it one for tuning.
func searched(path string, s config.Space) (train.Space, error) {
	out := train.Space{Model: s.Model}
	if !slices.Contains(catalog.Learners(), s.Model) {
		err := fault.New(fault.Config, "%s:%d: %s is no model that can be tuned", path, s.Line, s.Model)
		return out, err.WithHint("those are %s", strings.Join(catalog.Learners(), ", "))
	}
	for _, p := range s.Params {
		made := tune.Param{Name: p.Name, Values: p.Values}
		tried := p.Values
		if p.Values == nil {
			made.Range = tune.Range{Kind: tune.Kind(p.Kind), Low: p.Low, High: p.High}
			tried = made.Range.Ends()
		}
		err := tune.Space{made}.Check()
		for _, v := range tried {
			r := pipeline.Recipe{Models: []model.Spec{{Name: s.Model, Params: map[string]any{p.Name: v}}}}
			err = cmp.Or(err, r.Check())
		}
		if err != nil {
			return out, fault.New(fault.Config, "%s:%d: %w", path, p.Line, err)
		}
		out.Params = append(out.Params, made)
	}
	return out, nil
}

// rankingText is the ranking of each tuned model, the best first.
func rankingText(tunings []train.Tuning) string {
	var b strings.Builder
	for _, t := range tunings {
		fmt.Fprintf(&b, "tuning %s: %d of %d candidates scored%s\n", t.Model, t.Count(tune.Finished), t.Total, restText(t))
		for i, trial := range t.Trials {
			if i == maxTold {
				fmt.Fprintf(&b, "      and %d more\n", len(t.Trials)-i)
				break
			}
			fmt.Fprintf(&b, "%4d. %-14.6g %s%s\n", i+1, trial.Mean, paramText(trial.Params), stateText(trial))
		}
		for i, trial := range t.Untried {
			if i == maxTold {
				fmt.Fprintf(&b, "      and %d more\n", len(t.Untried)-i)
				break
			}
			fmt.Fprintf(&b, "   -  not tried      %s\n", paramText(trial.Params))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxTold bounds the candidates of a kind that people are told; the run has the
// whole table.
const maxTold = 20

// restText says what became of the candidates that are not scored on all folds,
// and when the time was up.
func restText(t train.Tuning) string {
	var b strings.Builder
	for _, s := range []tune.State{tune.Dropped, tune.Abandoned, tune.Cut} {
		if n := t.Count(s); n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, s)
		}
	}
	if t.Resumed > 0 {
		fmt.Fprintf(&b, ", %s of an earlier run taken over", fault.Counted(t.Resumed, "score"))
	}
	if t.TimedOut > 0 {
		fmt.Fprintf(&b, "; cut by --timeout after %s, %d not tried", round(t.TimedOut), len(t.Untried))
	}
	return b.String()
}

// stateText marks a candidate that is scored on some folds only.
func stateText(t tune.Trial) string {
	if t.State == tune.Finished {
		return ""
	}
	return fmt.Sprintf(" (%s after %s)", t.State, fault.Counted(len(t.Folds), "fold"))
}

// paramText writes parameters in the order of their names; drawn numbers have
// more digits than people want, the run has all of them.
func paramText(params map[string]any) string {
	names := slices.Sorted(maps.Keys(params))
	for i, name := range names {
		if x, ok := params[name].(float64); ok {
			names[i] = fmt.Sprintf("%s=%.4g", name, x)
		} else {
			names[i] = fmt.Sprintf("%s=%v", name, params[name])
		}
	}
	return strings.Join(names, " ")
}

// tuningMeta is what the answer says of one model's search.
type tuningMeta struct {
	Model      string           `json:"model"`
	Strategy   string           `json:"strategy"`
	Candidates int              `json:"candidates"`
	Scored     int              `json:"scored"` // on all folds
	Dropped    int              `json:"dropped"`
	Abandoned  int              `json:"abandoned"`
	Resumed    int              `json:"resumed_scores"`
	Best       map[string]any   `json:"best"`      // null without one
	Mean       *float64         `json:"mean"`      // null without one
	CutAfter   *float64         `json:"cut_after"` // seconds, null where no time limit ended it
	NotTried   []map[string]any `json:"not_tried"`
}

// tuningMetas are those of all searches.
func tuningMetas(tunings []train.Tuning) []tuningMeta {
	var out []tuningMeta
	for _, t := range tunings {
		m := tuningMeta{
			Model: t.Model, Strategy: string(t.Strategy), Candidates: t.Total, Scored: t.Count(tune.Finished),
			Dropped: t.Count(tune.Dropped), Abandoned: t.Count(tune.Abandoned), Resumed: t.Resumed, NotTried: []map[string]any{},
		}
		if best := t.Best(); best != nil && !math.IsInf(best.Mean, 0) {
			m.Best, m.Mean = best.Params, &best.Mean
		}
		if t.TimedOut > 0 {
			m.CutAfter = new(t.TimedOut.Seconds())
		}
		for _, u := range t.Untried {
			m.NotTried = append(m.NotTried, u.Params)
		}
		out = append(out, m)
	}
	return out
}

// tuningNode is the same for YAML, whose members have the names of JSON's.
func tuningNode(m []tuningMeta) *yaml.Node {
	var n yaml.Node
	text, err := marshal(m)
	if err == nil {
		err = yaml.Unmarshal(text, &n)
	}
	if err != nil || len(n.Content) != 1 {
		return scalar(nil)
	}
	return n.Content[0]
}
