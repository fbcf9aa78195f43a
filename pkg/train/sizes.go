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
	"github.com/salesctl/salesctl/pkg/tune"
)

// size is the parameter that says how many parts a model.Sized has, in every
// model that has such parts.
const size = "n_estimators"

// levels is the parameter that says how deep the trees of a model.Layered may be.
const levels = "max_depth"

// scorer returns the function that tries parameters of one model. Candidates of a
// grid that differ in their size alone share one fit, that of the largest: the
// others are its beginnings, bit for bit. Those that differ in their depth share the
// deepest's, where the model's trees grow level by level.
func (g *ground) scorer(spec model.Spec, space Space, by tune.Strategy) tune.ScoreFunc {
	s := &sizes{ground: g, spec: spec}
	if cmp.Or(by, tune.Grid) == tune.Grid {
		s.known = wholes(space.Params, size)
		if depths := wholes(space.Params, levels); depths != nil {
			s.deepest = slices.Max(depths)
		}
	}
	return s.score
}

// wholes lists the values of a parameter of a grid, ascending; none where there is
// nothing to share.
func wholes(grid tune.Space, name string) []int {
	for _, p := range grid {
		if p.Name != name || len(p.Values) < 2 {
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
	ground  *ground
	spec    model.Spec
	known   []int // ascending
	deepest int   // of all depths of the grid, 0 where it has none to share

	scores shared[map[int]float64] // by the other parameters and the fold: scores by size
	deep   shared[model.Regressor] // by the other parameters and the fold: the deepest fit
}

// shared is what candidates have in common, made by whoever needs it first.
type shared[T any] struct {
	mu    sync.Mutex
	makes map[string]func() (T, error)
}

// get returns what belongs to the parameters and the fold.
func (s *shared[T]) get(params map[string]any, fold int, make func() (T, error)) (T, error) {
	text, err := json.Marshal(params) // names in order
	if err != nil {
		var none T
		return none, err
	}
	key := fmt.Sprint(fold, " ", string(text))
	s.mu.Lock()
	if s.makes == nil {
		s.makes = map[string]func() (T, error){}
	}
	if s.makes[key] == nil {
		s.makes[key] = sync.OnceValues(make)
	}
	get := s.makes[key]
	s.mu.Unlock()
	return get()
}

// score implements tune.ScoreFunc.
func (s *sizes) score(ctx context.Context, params map[string]any, fold int) (float64, error) {
	all, f := merged(s.spec.Params, params), s.ground.folds[fold]
	if s.known == nil {
		return s.ground.try(ctx, s.spec.Name, all, f)
	}
	others := maps.Clone(params)
	delete(others, size)
	scores, err := s.scores.get(others, fold, func() (map[int]float64, error) { return s.fit(ctx, others, fold) })
	if err != nil {
		return 0, err
	}
	if score, ok := scores[params[size].(int)]; ok {
		return score, nil
	}
	return s.ground.try(ctx, s.spec.Name, all, f) // the model is not Sized
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
	fitted, err := s.grown(ctx, params, fold)
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

// grown trains the model on the fold, or takes it from the deepest one.
func (s *sizes) grown(ctx context.Context, params map[string]any, fold int) (model.Regressor, error) {
	f := s.ground.folds[fold]
	if s.deepest == 0 {
		return s.ground.fit(ctx, s.spec.Name, params, f)
	}
	deep := maps.Clone(params)
	deep[levels] = s.deepest
	whole, err := s.deep.get(deep, fold, func() (model.Regressor, error) { return s.ground.fit(ctx, s.spec.Name, deep, f) })
	depth := params[levels].(int) // wholes has looked
	if err != nil || depth == s.deepest {
		return whole, err
	}
	if layered, ok := whole.(model.Layered); ok {
		if top := layered.Top(depth); top != nil {
			return top, nil
		}
	}
	return s.ground.fit(ctx, s.spec.Name, params, f)
}
