package tune_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/tune"
)

func TestRungs(t *testing.T) {
	for name, c := range map[string]struct {
		candidates, folds int
		want              []tune.Rung
	}{
		// Li et al. 2018, table 1, bracket s = 4: R = 81, eta = 3
		"Hyperband":     {81, 81, []tune.Rung{{81, 1}, {27, 3}, {9, 9}, {3, 27}, {1, 81}}},
		"three folds":   {27, 3, []tune.Rung{{27, 1}, {9, 3}}},
		"nine folds":    {27, 9, []tune.Rung{{27, 1}, {9, 3}, {3, 9}}},
		"odd":           {10, 5, []tune.Rung{{10, 1}, {3, 5}}},
		"few folds":     {10, 2, []tune.Rung{{10, 2}}},
		"few":           {2, 9, []tune.Rung{{2, 9}}},
		"one candidate": {1, 1, []tune.Rung{{1, 1}}},
	} {
		if got := tune.Rungs(c.candidates, c.folds); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Whatever the numbers, rungs lose candidates and gain folds, the last is on all
// folds, and none costs more than its share.
func TestRungsKeepTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, folds := rapid.IntRange(1, 500).Draw(t, "n"), rapid.IntRange(1, 100).Draw(t, "folds")
		rungs := tune.Rungs(n, folds)
		last := len(rungs) - 1
		if rungs[0].Candidates != n || rungs[last].Folds != folds {
			t.Fatalf("%v of %d candidates on %d folds", rungs, n, folds)
		}
		share := float64(n*folds) / math.Pow(3, float64(last))
		for i, r := range rungs {
			if r.Candidates < 1 || r.Folds < 1 || float64(r.Candidates*r.Folds) > share {
				t.Fatalf("rung %d of %v costs more than %v", i, rungs, share)
			}
			if i > 0 && (r.Candidates != n/int(math.Pow(3, float64(i))) || r.Folds < 3*rungs[i-1].Folds) {
				t.Fatalf("rung %d of %v", i, rungs)
			}
		}
		if next := int(math.Pow(3, float64(last+1))); next <= n && next <= folds {
			t.Fatalf("%v could have a rung more", rungs)
		}
	})
}

// TestHalvingAgainstBruteForce holds the ranking of those that came to the last
// rung, and who did, against a plain computation, for any number of jobs.
func TestHalvingAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, folds := rapid.IntRange(1, 30).Draw(t, "n"), rapid.IntRange(1, 10).Draw(t, "folds")
		value := rapid.SampledFrom([]float64{0, 1, 1, 2, 3, 10, 100})
		table := rapid.SliceOfN(rapid.SliceOfN(value, folds, folds), n, n).Draw(t, "scores")
		best, last := bruteForce(table, tune.Rungs(n, folds))
		var first tune.Result
		for i, jobs := range []int{1, 2, 8} {
			var mu sync.Mutex
			taken := 0
			score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
				mu.Lock()
				defer mu.Unlock()
				taken++
				return table[params["i"].(int)][fold], nil
			}
			var p tune.Progress
			got, err := tune.Run(context.Background(), numbered(n), score, tune.Options{
				Strategy: tune.Halving, Trials: n, Folds: folds, Jobs: jobs, Progress: func(q tune.Progress) { p = q },
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Best().Index != best || p.Done != taken || p.Done > p.Total {
				t.Fatalf("%d jobs: best %d, want %d; %d of %d done, %d taken", jobs, got.Best().Index, best, p.Done, p.Total, taken)
			}
			var kept []int
			for _, trial := range got.Trials {
				if trial.State == tune.Finished || trial.State == tune.Abandoned {
					kept = append(kept, trial.Index)
				}
			}
			if slices.Sort(kept); !slices.Equal(kept, last) || got.Count(tune.Dropped) != n-len(last) || len(got.Warnings) > 0 {
				t.Fatalf("%d jobs: %v came to the last rung, want %v", jobs, kept, last)
			}
			if i == 0 {
				first = got
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Fatalf("%d jobs: %s", jobs, diff)
			}
		}
	})
}

// bruteForce returns the winner and who came to the last rung.
func bruteForce(table [][]float64, rungs []tune.Rung) (best int, last []int) {
	mean := func(i, folds int) float64 {
		total := 0.0
		for _, v := range table[i][:folds] {
			total += v
		}
		return total / float64(folds)
	}
	for i := range table {
		last = append(last, i)
	}
	for i, r := range rungs {
		slices.SortStableFunc(last, func(a, b int) int {
			if i == 0 {
				return a - b
			}
			switch x, y := mean(a, rungs[i-1].Folds), mean(b, rungs[i-1].Folds); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return a - b
		})
		last = last[:r.Candidates]
	}
	slices.Sort(last)
	best = last[0]
	for _, i := range last {
		if mean(i, len(table[0])) < mean(best, len(table[0])) {
			best = i
		}
	}
	return best, last
}

// Candidates that cannot win are not scored to the end.
func TestHopelessCandidatesAreAbandoned(t *testing.T) {
	var mu sync.Mutex
	taken := map[int]int{}
	score := func(_ context.Context, params map[string]any, _ int) (float64, error) {
		mu.Lock()
		defer mu.Unlock()
		taken[params["i"].(int)]++
		return []float64{1, 4, 1.1}[params["i"].(int)], nil
	}
	r, err := tune.Run(t.Context(), numbered(3), score, tune.Options{Strategy: tune.Halving, Folds: 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[int]int{0: 2, 1: 1, 2: 2}; !reflect.DeepEqual(taken, want) {
		t.Errorf("scores taken %v, want %v", taken, want)
	}
	if r.Best().Index != 0 || r.Count(tune.Abandoned) != 1 || r.Trials[2].State != tune.Abandoned || r.Trials[2].Mean != 4 {
		t.Errorf("%+v", r.Trials)
	}
}

// An error below 0 would make the abandonment wrong.
func TestHalvingRefusesNegativeScores(t *testing.T) {
	score := func(context.Context, map[string]any, int) (float64, error) { return -1, nil }
	_, err := tune.Run(t.Context(), numbered(3), score, tune.Options{Strategy: tune.Halving, Folds: 1})
	if err == nil || !strings.Contains(err.Error(), "errors from 0 up") {
		t.Error(err)
	}
}

// A search that is stopped in its first rung has the best on the folds that were
// taken as its winner, and says how far it came.
func TestStoppedHalving(t *testing.T) {
	stop := make(chan struct{})
	score := func(_ context.Context, params map[string]any, _ int) (float64, error) {
		i := params["i"].(int)
		if i == 4 {
			close(stop)
		}
		return float64(9 - i), nil
	}
	r, err := tune.Run(t.Context(), numbered(9), score, tune.Options{Strategy: tune.Halving, Trials: 9, Folds: 3, Jobs: 1, Stop: stop})
	if err != nil {
		t.Fatal(err)
	}
	if r.Best().Index != 4 || r.Count(tune.Cut) != 5 || len(r.Untried) != 4 || r.Untried[0].Index != 5 {
		t.Errorf("%+v", r)
	}
	if want := "the search ended early: 0 of 9 candidates are scored, 5 more on some folds"; !slices.Equal(r.Warnings, []string{want}) {
		t.Errorf("warnings %q", r.Warnings)
	}
}
