package train

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/tune"
)

// size is the parameter that says how many parts a model.Sized has, in every
// model that has such parts.
const size = "n_estimators"

// scorer returns the function that tries parameters of one model. Candidates of a
// grid that differ in their size alone share one fit, that of the largest: the
// others are its beginnings, bit for bit.
func (g *ground) scorer(spec model.Spec, space Space, by tune.Strategy) tune.ScoreFunc {
	s := &sizes{ground: g, spec: spec, fits: map[string]func() (map[int]float64, error){}}
	if cmp.Or(by, tune.Grid) == tune.Grid {
		s.known = sizesOf(space.Params)
	}
	return s.score
}

// sizesOf lists the sizes of a grid, ascending; none where there is nothing to
// share.
func sizesOf(grid tune.Space) []int {
	for _, p := range grid {
		if p.Name != size || len(p.Values) < 2 {
			continue
		}
		var out []int
		for _, v := range p.Values {
			n, whole := v.(int)
			if !whole || n < 1 {
				return nil // what the model says to it is told where it is tried
			}
			out = append(out, n)
		}
		slices.Sort(out)
		return out
	}
	return nil
}

// sizes scores candidates of a grid, all sizes of one at once.
type sizes struct {
	ground *ground
	spec   model.Spec
	known  []int // ascending

	mu   sync.Mutex
	fits map[string]func() (map[int]float64, error) // by the other parameters and the fold: scores by size
}

// score implements tune.ScoreFunc.
func (s *sizes) score(ctx context.Context, params map[string]any, fold int) (float64, error) {
	all, f := merged(s.spec.Params, params), s.ground.folds[fold]
	if s.known == nil {
		return s.ground.try(ctx, s.spec.Name, all, f)
	}
	shared, err := s.shared(ctx, params, fold)
	if err != nil {
		return 0, err
	}
	scores, err := shared()
	if err != nil {
		return 0, err
	}
	if score, ok := scores[params[size].(int)]; ok {
		return score, nil
	}
	return s.ground.try(ctx, s.spec.Name, all, f) // the model is not Sized
}

// shared returns the one fit of the candidates that differ in size alone.
func (s *sizes) shared(ctx context.Context, params map[string]any, fold int) (func() (map[int]float64, error), error) {
	others := maps.Clone(params)
	delete(others, size)
	text, err := json.Marshal(others) // names in order
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint(fold, " ", string(text))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fits[key] == nil {
		s.fits[key] = sync.OnceValues(func() (map[int]float64, error) { return s.fit(ctx, others, fold) })
	}
	return s.fits[key], nil
}

// fit trains the largest and scores all sizes, none where the model is not Sized, or
// ends where it is best: that depends on how many parts it may have.
func (s *sizes) fit(ctx context.Context, others map[string]any, fold int) (map[int]float64, error) {
	params, f := merged(s.spec.Params, others), s.ground.folds[fold]
	params[size] = s.known[len(s.known)-1]
	scores := map[int]float64{}
	learner, err := s.ground.recipe.Learner(s.spec.Name, params)
	if early, ok := learner.(model.EarlyStopper); err != nil || ok && early.StopsEarly() {
		return scores, err
	}
	fitted, err := pipeline.Learn(ctx, learner, f.learn, f.train)
	if err != nil {
		return nil, err
	}
	sized, ok := fitted.(model.Sized)
	if !ok {
		return scores, nil
	}
	for _, n := range s.known {
		forecast, err := f.ask(sized.First(n))
		if err != nil {
			return nil, err
		}
		scores[n] = s.ground.score(metrics.Score(f.actual, forecast, nil))
	}
	return scores, nil
}
