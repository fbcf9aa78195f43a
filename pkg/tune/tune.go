// Package tune searches for the parameters under which a score is lowest. It
// knows parameters as names and values; what they mean, the data and the models
// belong to the caller's score function.
//
//  1. A Space lists the values of each parameter; Grid lays out its candidates
//     in a fixed order.
//  2. Run scores every candidate on every fold, several at once. TimeFolds lays
//     out folds by period, so that validation is never earlier than training.
//  3. The candidates are ranked by the mean of their fold scores, lower first.
//     Ranking never depends on the number of jobs: equals stay in grid order.
//
// A search that ends early keeps every candidate that all folds have scored.
package tune

import (
	"context"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Param is one parameter and the values to try.
type Param struct {
	Name   string
	Values []any
}

// Space is the parameters of a search, in the order in which they are varied:
// the last one fastest.
type Space []Param

// Check reports what keeps the space from being searched.
func (s Space) Check() error {
	for i, p := range s {
		if len(p.Values) == 0 {
			return fault.New(fault.Config, "parameter %q has no values to try", p.Name)
		}
		if slices.ContainsFunc(s[:i], func(q Param) bool { return q.Name == p.Name }) {
			return fault.New(fault.Config, "parameter %q is listed twice", p.Name)
		}
	}
	return nil
}

// Grid returns every combination of values. An empty space has one, without
// parameters.
func (s Space) Grid() []map[string]any {
	grid := []map[string]any{{}}
	for _, p := range s {
		var next []map[string]any
		for _, params := range grid {
			for _, v := range p.Values {
				c := maps.Clone(params)
				c[p.Name] = v
				next = append(next, c)
			}
		}
		grid = next
	}
	return grid
}

// ScoreFunc trains under the parameters on the training part of the fold, from
// 0, and returns the error on its validation part: lower is better. It is
// called from several goroutines and must not change params.
type ScoreFunc func(ctx context.Context, params map[string]any, fold int) (float64, error)

// Options are the choices of a search.
type Options struct {
	Folds int // folds to score each candidate on, at least 1
	Jobs  int // scores taken at once, 0: one a CPU; the ranking is the same for any
	// Stop, when closed, ends the search gently: candidates in hand are scored
	// on all their folds, no other is begun, and the Result says so. A time
	// limit is the Done channel of a context with a deadline. May be nil.
	Stop     <-chan struct{}
	Progress func(Progress) // called after each score, one call at a time; may be nil
}

// Progress tells how far a search has come.
type Progress struct {
	Done, Total int    // scores: candidates times folds
	Best        *Trial // the best candidate that is fully scored; nil before the first
}

// Trial is one candidate and its scores.
type Trial struct {
	Index  int // its place in the Grid, from 0
	Params map[string]any
	Folds  []float64 // the score of each fold
	Mean   float64
}

// Result is the outcome of a search.
type Result struct {
	Trials   []Trial // fully scored, the best first
	Total    int     // candidates there were
	Warnings []string
}

// Best returns the winner, nil where no candidate has a score that is a number.
func (r Result) Best() *Trial {
	if len(r.Trials) == 0 || math.IsNaN(r.Trials[0].Mean) {
		return nil
	}
	return &r.Trials[0]
}

// Run scores every candidate of the space's grid and ranks them. When ctx is
// cancelled or score fails, it returns what was fully scored until then together
// with the error; of several failures it is that of the earliest candidate.
func Run(ctx context.Context, space Space, score ScoreFunc, o Options) (Result, error) {
	if err := space.Check(); err != nil {
		return Result{}, err
	}
	if o.Folds < 1 {
		return Result{}, fault.New(fault.Usage, "tuning needs at least 1 fold, not %d", o.Folds)
	}
	s := newSearch(space, score, o)
	err := s.run(ctx)
	return s.result(), err
}

// search is a Run in progress.
type search struct {
	space  Space
	score  ScoreFunc
	o      Options
	trials []Trial
	errs   []error // [trial*folds + fold]

	mu     sync.Mutex // guards the rest and calls of Progress
	left   []int      // folds that are not scored yet, by trial
	done   int
	best   int // index of the best fully scored trial, -1 before the first
	failed bool
}

func newSearch(space Space, score ScoreFunc, o Options) *search {
	grid := space.Grid()
	s := &search{space: space, score: score, o: o, best: -1}
	s.trials, s.left = make([]Trial, len(grid)), make([]int, len(grid))
	s.errs = make([]error, len(grid)*o.Folds)
	for i, params := range grid {
		s.trials[i] = Trial{Index: i, Params: params, Folds: make([]float64, o.Folds)}
		s.left[i] = o.Folds
	}
	return s
}

// run takes the scores in grid order, a candidate's folds one after the other.
// None is begun after a failure, so that the earliest failure is always met.
func (s *search) run(ctx context.Context) error {
	jobs := s.o.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	slots := make(chan struct{}, jobs)
	var running sync.WaitGroup
	for i := range s.errs {
		slots <- struct{}{} // wait first, so that what is checked next is fresh
		if ctx.Err() != nil || s.hasFailed() || i%s.o.Folds == 0 && s.stopped() {
			break
		}
		running.Go(func() {
			s.take(ctx, i/s.o.Folds, i%s.o.Folds)
			<-slots
		})
	}
	running.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	for i, err := range s.errs {
		if err != nil {
			return fmt.Errorf("tune %s, fold %d: %w", s.describe(i/s.o.Folds), i%s.o.Folds+1, err)
		}
	}
	return nil
}

func (s *search) stopped() bool {
	select {
	case <-s.o.Stop:
		return true
	default:
		return false
	}
}

func (s *search) hasFailed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// take scores one candidate on one fold.
func (s *search) take(ctx context.Context, trial, fold int) {
	t := &s.trials[trial]
	value, err := s.score(ctx, t.Params, fold)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errs[trial*s.o.Folds+fold] = err
		s.failed = true
		return
	}
	t.Folds[fold] = value
	s.done++
	if s.left[trial]--; s.left[trial] == 0 {
		t.Mean = mean(t.Folds)
		if s.best < 0 || better(*t, s.trials[s.best]) < 0 {
			s.best = trial
		}
	}
	if s.o.Progress != nil {
		p := Progress{Done: s.done, Total: len(s.errs)}
		if s.best >= 0 {
			best := s.trials[s.best]
			p.Best = &best
		}
		s.o.Progress(p)
	}
}

// result ranks what is fully scored.
func (s *search) result() Result {
	r := Result{Total: len(s.trials)}
	noNumber := 0
	for i, t := range s.trials {
		if s.left[i] == 0 {
			r.Trials = append(r.Trials, t)
			if math.IsNaN(t.Mean) {
				noNumber++
			}
		}
	}
	slices.SortStableFunc(r.Trials, better)
	if n := len(r.Trials); n < r.Total {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the search ended early: %d of %d candidates are scored", n, r.Total))
	}
	if noNumber > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d candidates have a score that is no number and rank last", noNumber))
	}
	return r
}

// describe names a candidate by its parameters.
func (s *search) describe(trial int) string {
	parts := make([]string, len(s.space))
	for i, p := range s.space {
		parts[i] = fmt.Sprintf("%s=%v", p.Name, s.trials[trial].Params[p.Name])
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// better orders trials: numbers before NaN, lower first, equals by grid order.
func better(a, b Trial) int {
	switch aNaN, bNaN := math.IsNaN(a.Mean), math.IsNaN(b.Mean); {
	case aNaN && !bNaN, !aNaN && !bNaN && a.Mean > b.Mean:
		return 1
	case bNaN && !aNaN, !aNaN && !bNaN && a.Mean < b.Mean:
		return -1
	}
	return a.Index - b.Index
}

// mean sums in fold order, so that equal scores have equal means.
func mean(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total / float64(len(x))
}
