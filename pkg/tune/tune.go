// Package tune searches for the parameters under which a score is lowest. It
// knows parameters as names and values; what they mean, the data and the models
// belong to the caller's score function.
//
//  1. A Space lists the values or the range of each parameter. Its candidates
//     are laid out before anything is scored: all combinations (Grid), or some
//     drawn from a seed (Draw).
//  2. Run scores candidates on folds, several at once: all of them on all folds
//     (grid, random), or rung by rung of successive halving (Rungs). TimeFolds
//     lays out folds by period, so that validation is never earlier than
//     training.
//  3. A Journal keeps each score on the disk, so that a search that was killed
//     goes on where it stopped.
//  4. The candidates are ranked by the mean of their fold scores, lower first.
//
// Which scores are taken and how candidates rank never depends on the number of
// jobs: a rung is decided when all of it is scored, and equals stay in the order
// of the candidates. A search that ends early keeps what is scored.
package tune

import (
	"context"
	"fmt"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Strategy is a way to search.
type Strategy string

// The strategies.
const (
	Grid    Strategy = "grid"    // every combination on every fold
	Random  Strategy = "random"  // drawn candidates on every fold
	Halving Strategy = "halving" // drawn candidates; a third of them goes on to three times the folds
)

// Strategies lists the strategies.
func Strategies() []Strategy { return []Strategy{Grid, Random, Halving} }

// DefaultTrials is how many candidates are drawn where Options say nothing: three
// rungs of halving, and with 94 % chance one of the best tenth of the space.
const DefaultTrials = 27

// MaxTrials bounds the candidates of a search.
const MaxTrials = 100_000

// ScoreFunc trains under the parameters on the training part of the fold, from
// 0, and returns the error on its validation part: lower is better, and under
// Halving it is never below 0. It is called from several goroutines and must not
// change params.
type ScoreFunc func(ctx context.Context, params map[string]any, fold int) (float64, error)

// Options are the choices of a search.
type Options struct {
	Strategy Strategy // "" is Grid
	Trials   int      // candidates to draw, for Random and Halving; 0 is DefaultTrials
	Seed     uint64   // where the draws begin
	Folds    int      // folds to score each candidate on, at least 1
	Jobs     int      // scores taken at once, 0: one a CPU; the ranking is the same for any
	// Stop, when closed, ends the search gently: what is in hand is scored (by
	// Grid and Random a candidate on all its folds), no more is begun, and the
	// Result says so. A time limit is the Done channel of a context with a
	// deadline. May be nil.
	Stop     <-chan struct{}
	Journal  *Journal       // gives the scores that it has and takes the new ones; may be nil
	Progress func(Progress) // called after each score, one call at a time; may be nil
}

// Progress tells how far a search has come.
type Progress struct {
	Done, Total int    // scores; abandoned candidates make the total smaller
	Best        *Trial // the best candidate that is scored on all folds; nil before the first
}

// State is how far a candidate came.
type State string

// The states of candidates after a search.
const (
	Finished  State = "finished"  // scored on all folds
	Dropped   State = "dropped"   // not among the third of its rung that went on
	Abandoned State = "abandoned" // could not win any more: its sum of errors alone was above another's
	Cut       State = "cut"       // begun when the search ended early
	Untried   State = "untried"   // not begun when the search ended early
)

// Trial is one candidate and its scores.
type Trial struct {
	Index  int // its place among the candidates, from 0
	Params map[string]any
	State  State
	Folds  []float64 // the scores on the first folds, of all where it is Finished
	Mean   float64   // of Folds; NaN without any
}

// Result is the outcome of a search.
type Result struct {
	Strategy Strategy
	Trials   []Trial // with a score, the best first
	Untried  []Trial // in the order of the candidates
	Total    int     // candidates there were
	Resumed  int     // scores that the journal had
	Warnings []string
}

// Best returns the winner, nil where no candidate has a score that is a number.
// Candidates on more folds go before others, so that a search cut in its first
// rung has a winner, too.
func (r Result) Best() *Trial {
	if len(r.Trials) == 0 || math.IsNaN(r.Trials[0].Mean) {
		return nil
	}
	return &r.Trials[0]
}

// Count returns how many candidates ended in the state.
func (r Result) Count(s State) int {
	n := 0
	for _, list := range [][]Trial{r.Trials, r.Untried} {
		for _, t := range list {
			if t.State == s {
				n++
			}
		}
	}
	return n
}

// Run searches the space and ranks its candidates. When ctx is cancelled or
// score fails, it returns what was scored until then together with the error; of
// several failures it is that of the earliest score.
func Run(ctx context.Context, space Space, score ScoreFunc, o Options) (Result, error) {
	if o.Folds < 1 {
		return Result{}, fault.New(fault.Usage, "tuning needs at least 1 fold, not %d", o.Folds)
	}
	candidates, err := o.candidates(space)
	if err != nil {
		return Result{}, err
	}
	s := newSearch(space, candidates, score, o)
	if o.Journal != nil {
		if err := o.Journal.check(len(candidates), o.Folds); err != nil {
			return Result{}, err
		}
	}
	err = s.run(ctx)
	return s.result(), err
}

// candidates lays out what the strategy tries.
func (o *Options) candidates(space Space) ([]map[string]any, error) {
	if err := space.Check(); err != nil {
		return nil, err
	}
	if o.Trials < 0 || o.Trials > MaxTrials {
		return nil, fault.New(fault.Usage, "trials must be 1 to %d, not %d", MaxTrials, o.Trials)
	}
	switch o.Strategy {
	case Random, Halving:
		if o.Trials == 0 {
			o.Trials = DefaultTrials
		}
		return space.Draw(o.Trials, o.Seed), nil
	case Grid, "":
		o.Strategy = Grid
		for _, p := range space {
			if p.ranged() {
				return nil, fault.New(fault.Config, "parameter %q is a range, a grid needs a list of values", p.Name)
			}
		}
		if n, finite := space.size(); !finite || n > MaxTrials {
			return nil, fault.New(fault.Config, "the grid has more than %d candidates", MaxTrials).
				WithHint("list fewer values, or draw some: --tune=random")
		}
		return space.Grid(), nil
	}
	return nil, fault.New(fault.Usage, "there is no search %q, want one of %v", o.Strategy, Strategies())
}

// warnings says what readers of a result should know.
func (r Result) warnings() []string {
	var out []string
	if cut, untried := r.Count(Cut), r.Count(Untried); cut+untried > 0 {
		text := fmt.Sprintf("the search ended early: %d of %d candidates are scored", r.Total-cut-untried, r.Total)
		if cut > 0 {
			text += fmt.Sprintf(", %d more on some folds", cut)
		}
		out = append(out, text)
	}
	noNumber := 0
	for _, t := range r.Trials {
		if math.IsNaN(t.Mean) {
			noNumber++
		}
	}
	if noNumber > 0 {
		out = append(out, fmt.Sprintf("%d candidates have a score that is no number and rank last", noNumber))
	}
	return out
}
