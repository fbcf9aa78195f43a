package tune

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/salesctl/salesctl/pkg/fault"
)

// search is a Run in progress.
type search struct {
	space  Space
	score  ScoreFunc
	o      Options
	rungs  []Rung
	trials []Trial
	scores [][]float64 // [trial][fold]
	errs   [][]error   // [trial][fold]

	mu      sync.Mutex // guards the rest and calls of Progress
	left    []int      // folds that are not scored yet, by trial
	done    int
	total   int
	resumed int
	best    int // index of the best fully scored trial, -1 before the first
	halted  bool
}

func newSearch(space Space, candidates []map[string]any, score ScoreFunc, o Options) *search {
	n := len(candidates)
	s := &search{
		space: space, score: score, o: o, rungs: []Rung{{n, o.Folds}}, best: -1,
		trials: make([]Trial, n), scores: make([][]float64, n), errs: make([][]error, n), left: make([]int, n),
	}
	if o.Strategy == Halving {
		s.rungs = Rungs(n, o.Folds)
	}
	s.total = budget(s.rungs)
	for i, params := range candidates {
		s.trials[i] = Trial{Index: i, Params: params, State: Untried, Mean: math.NaN()}
		s.scores[i], s.errs[i], s.left[i] = make([]float64, o.Folds), make([]error, o.Folds), o.Folds
	}
	return s
}

// run takes the rungs one after the other. Grid and Random have a single one.
func (s *search) run(ctx context.Context) error {
	alive := make([]int, len(s.trials))
	for i := range alive {
		alive[i] = i
	}
	from := 0
	for i, rung := range s.rungs {
		alive = s.promote(alive, rung.Candidates)
		var err error
		if s.o.Strategy == Halving && i == len(s.rungs)-1 {
			err = s.race(ctx, alive, from)
		} else {
			err = s.round(ctx, alive, from, rung.Folds)
		}
		if err != nil || s.halted {
			return err
		}
		from = rung.Folds
	}
	return nil
}

// promote returns the n best of the candidates, the best first, and drops the
// others.
func (s *search) promote(alive []int, n int) []int {
	if n == len(alive) && s.o.Strategy != Halving {
		return alive
	}
	slices.SortFunc(alive, func(a, b int) int { return better(s.trials[a], s.trials[b]) })
	for _, t := range alive[n:] {
		s.trials[t].State = Dropped
	}
	return alive[:n]
}

// race takes the last rung: the leader on all folds that are left, and then the
// others fold by fold. Who could not win even with no error on the folds to come
// is abandoned. Errors are not negative, and rounding keeps the order of sums, so
// the winner is that of the whole rung.
func (s *search) race(ctx context.Context, alive []int, from int) error {
	if err := s.round(ctx, alive[:1], from, s.o.Folds); err != nil || s.halted {
		return err
	}
	alive = alive[1:]
	for fold := from; fold < s.o.Folds; fold++ {
		alive = slices.DeleteFunc(alive, func(t int) bool { return s.hopeless(t, fold) })
		if err := s.round(ctx, alive, fold, fold+1); err != nil || s.halted {
			return err
		}
	}
	return nil
}

// hopeless abandons a candidate that is scored on so many folds and cannot win.
func (s *search) hopeless(t, scored int) bool {
	if s.best < 0 || !(sum(s.scores[t][:scored])/float64(s.o.Folds) > s.trials[s.best].Mean) {
		return false
	}
	s.trials[t].State = Abandoned
	s.total -= s.o.Folds - scored
	return true
}

// round scores candidates on the folds from from up to but not with to, a
// candidate's folds one after the other, and waits for all. None is begun after a
// failure, so that the earliest failure is always met.
func (s *search) round(ctx context.Context, trials []int, from, to int) error {
	jobs := s.o.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	slots := make(chan struct{}, jobs)
	var running sync.WaitGroup
	for i := range len(trials) * (to - from) {
		trial, fold := trials[i/(to-from)], from+i%(to-from)
		slots <- struct{}{} // wait first, so that what is checked next is fresh
		if ctx.Err() != nil || s.mayNotBegin(fold == from) {
			break
		}
		running.Go(func() {
			s.take(ctx, trial, fold)
			<-slots
		})
	}
	running.Wait()
	for _, t := range trials {
		s.settle(t)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	return s.failure(trials)
}

// mayNotBegin reports whether the search has failed or, asked before a candidate
// is begun, was stopped.
func (s *search) mayNotBegin(first bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		select {
		case <-s.o.Stop:
			s.halted = true
		default:
		}
	}
	return s.halted
}

// failure is the error of the earliest score that has one.
func (s *search) failure(trials []int) error {
	for _, t := range trials {
		for fold, err := range s.errs[t] {
			if err != nil {
				return fmt.Errorf("tune %s, fold %d: %w", s.describe(t), fold+1, err)
			}
		}
	}
	return nil
}

// take scores one candidate on one fold.
func (s *search) take(ctx context.Context, trial, fold int) {
	value, known := s.o.Journal.lookup(trial, fold)
	var err error
	if !known {
		if value, err = s.score(ctx, s.trials[trial].Params, fold); err == nil {
			err = s.o.Journal.add(trial, fold, value)
		}
	}
	if err == nil && value < 0 && s.o.Strategy == Halving {
		err = fault.New(fault.Failure, "the score is %v, halving takes errors from 0 up", value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errs[trial][fold] = err
		s.halted = true
		return
	}
	s.scores[trial][fold] = value
	s.done++
	if known {
		s.resumed++
	}
	if s.left[trial]--; s.left[trial] == 0 {
		s.trials[trial] = s.trials[trial].with(s.scores[trial], Finished)
		if s.best < 0 || better(s.trials[trial], s.trials[s.best]) < 0 {
			s.best = trial
		}
	}
	s.tell()
}

// tell reports the progress.
func (s *search) tell() {
	if s.o.Progress == nil {
		return
	}
	p := Progress{Done: s.done, Total: s.total}
	if s.best >= 0 {
		best := s.trials[s.best]
		p.Best = &best
	}
	s.o.Progress(p)
}

// settle gives a candidate that is scored on its first folds their mean.
func (s *search) settle(trial int) {
	scored := s.o.Folds - s.left[trial]
	if scored == 0 || scored == s.o.Folds {
		return
	}
	for fold, err := range s.errs[trial] {
		if err != nil {
			scored = min(scored, fold) // later folds may have been in hand
		}
	}
	s.trials[trial] = s.trials[trial].with(s.scores[trial][:scored], Cut)
}

// with is the trial with scores.
func (t Trial) with(scores []float64, s State) Trial {
	t.Folds, t.State, t.Mean = scores, s, sum(scores)/float64(len(scores))
	if len(scores) == 0 {
		t.State, t.Mean = Untried, math.NaN()
	}
	return t
}

// result ranks what is scored.
func (s *search) result() Result {
	r := Result{Strategy: s.o.Strategy, Total: len(s.trials), Resumed: s.resumed}
	for _, t := range s.trials {
		if t.State == Untried {
			r.Untried = append(r.Untried, t)
		} else {
			r.Trials = append(r.Trials, t)
		}
	}
	slices.SortFunc(r.Trials, better)
	r.Warnings = r.warnings()
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

// better orders trials: numbers before NaN, more folds before fewer, lower means
// first, equals by their place.
func better(a, b Trial) int {
	if aNaN, bNaN := math.IsNaN(a.Mean), math.IsNaN(b.Mean); aNaN != bNaN {
		if aNaN {
			return 1
		}
		return -1
	}
	return cmp.Or(len(b.Folds)-len(a.Folds), cmp.Compare(a.Mean, b.Mean), a.Index-b.Index)
}

// sum adds in fold order, so that equal scores have equal means.
func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}
