package tune_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/tune"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleRun() {
	space := tune.Space{
		{Name: "max_depth", Values: []any{3, 5}},
		{Name: "learning_rate", Values: []any{0.01, 0.1}},
	}
	score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
		return math.Abs(float64(params["max_depth"].(int))-4.5) + params["learning_rate"].(float64), nil
	}
	result, err := tune.Run(context.Background(), space, score, tune.Options{Folds: 3})
	if err != nil {
		fmt.Println(err)
	}
	for _, t := range result.Trials {
		fmt.Printf("%.2f max_depth %v, learning_rate %v\n", t.Mean, t.Params["max_depth"], t.Params["learning_rate"])
	}
	// Output:
	// 0.51 max_depth 5, learning_rate 0.01
	// 0.60 max_depth 5, learning_rate 0.1
	// 1.51 max_depth 3, learning_rate 0.01
	// 1.60 max_depth 3, learning_rate 0.1
}

// numbered is a space of n candidates whose parameter "i" is their index.
func numbered(n int) tune.Space {
	p := tune.Param{Name: "i"}
	for i := range n {
		p.Values = append(p.Values, i)
	}
	return tune.Space{p}
}

func TestGridOrder(t *testing.T) {
	space := tune.Space{{Name: "a", Values: []any{1, 2}}, {Name: "b", Values: []any{"x", "y", "z"}}}
	want := []map[string]any{
		{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 1, "b": "z"},
		{"a": 2, "b": "x"}, {"a": 2, "b": "y"}, {"a": 2, "b": "z"},
	}
	if diff := cmp.Diff(want, space.Grid()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]map[string]any{{}}, tune.Space{}.Grid()); diff != "" {
		t.Error("empty space:", diff)
	}
}

func TestRefusals(t *testing.T) {
	never := func(context.Context, map[string]any, int) (float64, error) {
		t.Error("scored")
		return 0, nil
	}
	for name, c := range map[string]struct {
		space tune.Space
		folds int
		kind  fault.Kind
		says  string
	}{
		"no values": {tune.Space{{Name: "depth"}}, 1, fault.Config, `"depth" has no values`},
		"twice":     {append(numbered(1), numbered(1)...), 1, fault.Config, `"i" is listed twice`},
		"no folds":  {numbered(1), 0, fault.Usage, "at least 1 fold"},
	} {
		_, err := tune.Run(t.Context(), c.space, never, tune.Options{Folds: c.folds})
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRankingAgainstBruteForce compares with a stable sort of the means, for
// scores that are often equal and sometimes NaN, under several numbers of jobs.
func TestRankingAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, folds := rapid.IntRange(1, 12).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "folds")
		value := rapid.SampledFrom([]float64{1, 1, 2, 3, -1, math.NaN(), math.Inf(1)})
		table := rapid.SliceOfN(rapid.SliceOfN(value, folds, folds), n, n).Draw(t, "scores")
		var want []tune.Trial
		for i, scores := range table {
			total := 0.0
			for _, s := range scores {
				total += s
			}
			want = append(want, tune.Trial{Index: i, Params: map[string]any{"i": i}, State: tune.Finished, Folds: scores, Mean: total / float64(folds)})
		}
		slices.SortStableFunc(want, func(a, b tune.Trial) int {
			rank := func(v float64) float64 {
				if math.IsNaN(v) {
					return math.Inf(1)
				}
				return math.Atan(v) // orders +Inf before NaN
			}
			switch x, y := rank(a.Mean), rank(b.Mean); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
			return table[params["i"].(int)][fold], nil
		}
		for _, jobs := range []int{0, 1, 2, 7} {
			got, err := tune.Run(context.Background(), numbered(n), score, tune.Options{Folds: folds, Jobs: jobs})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Trials, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("%d jobs: %s", jobs, diff)
			}
			if best := got.Best(); math.IsNaN(want[0].Mean) != (best == nil) || best != nil && best.Index != want[0].Index {
				t.Fatalf("%d jobs: best %v, want %v", jobs, best, want[0])
			}
		}
	})
}

func TestNoNumberIsWarnedOf(t *testing.T) {
	score := func(_ context.Context, params map[string]any, _ int) (float64, error) {
		return []float64{math.NaN(), 2}[params["i"].(int)], nil
	}
	r, err := tune.Run(t.Context(), numbered(2), score, tune.Options{Folds: 2})
	if err != nil || r.Best().Index != 1 || len(r.Warnings) != 1 {
		t.Errorf("result %+v, error %v", r, err)
	}
}

func TestProgress(t *testing.T) {
	score := func(_ context.Context, params map[string]any, _ int) (float64, error) {
		return float64(-params["i"].(int)), nil
	}
	var seen []string
	_, err := tune.Run(t.Context(), numbered(2), score, tune.Options{Folds: 2, Jobs: 1, Progress: func(p tune.Progress) {
		best := "none"
		if p.Best != nil {
			best = fmt.Sprint(p.Best.Index)
		}
		seen = append(seen, fmt.Sprintf("%d/%d %s", p.Done, p.Total, best))
	}})
	if want := []string{"1/4 none", "2/4 0", "3/4 0", "4/4 1"}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("progress %v, want %v (%v)", seen, want, err)
	}
}

// TestProgressIsSerial is for the race detector: the callback has no lock.
func TestProgressIsSerial(t *testing.T) {
	last := 0
	score := func(context.Context, map[string]any, int) (float64, error) { return 0, nil }
	_, err := tune.Run(t.Context(), numbered(50), score, tune.Options{Folds: 2, Jobs: 8, Progress: func(p tune.Progress) {
		if p.Done != last+1 {
			t.Errorf("done %d after %d", p.Done, last)
		}
		last = p.Done
	}})
	if err != nil || last != 100 {
		t.Errorf("last %d, %v", last, err)
	}
}

func TestCancelKeepsWhatIsDone(t *testing.T) {
	for _, jobs := range []int{1, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		score := func(ctx context.Context, params map[string]any, fold int) (float64, error) {
			switch i := params["i"].(int); {
			case i == 3:
				cancel()
				return 0, ctx.Err()
			case i > 3: // in hand when the cancellation comes
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return float64(params["i"].(int)), nil
		}
		r, err := tune.Run(ctx, numbered(100), score, tune.Options{Folds: 1, Jobs: jobs})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d jobs: error %v", jobs, err)
		}
		if len(r.Trials) != 3 || r.Best().Index != 0 || len(r.Warnings) != 1 {
			t.Errorf("%d jobs: %d trials, best %v, warnings %v", jobs, len(r.Trials), r.Best(), r.Warnings)
		}
	}
}

func TestStopFinishesTheTrialInHand(t *testing.T) {
	for _, at := range []int{0, 2} { // the fold in hand when the stop comes
		stop := make(chan struct{})
		score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
			if params["i"].(int) == 2 && fold == at {
				close(stop)
			}
			return 1, nil
		}
		r, err := tune.Run(t.Context(), numbered(10), score, tune.Options{Folds: 3, Jobs: 1, Stop: stop})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Trials) != 3 || r.Total != 10 || r.Best().Index != 0 {
			t.Errorf("%d of %d trials, best %v; want the 3 that were begun", len(r.Trials), r.Total, r.Best())
		}
		if want := []string{"the search ended early: 3 of 10 candidates are scored"}; !slices.Equal(r.Warnings, want) {
			t.Errorf("warnings %q, want %q", r.Warnings, want)
		}
	}
}

func TestFailureNamesTheEarliest(t *testing.T) {
	broken := errors.New("broken")
	var calls atomic.Int64
	score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
		calls.Add(1)
		if i := params["i"].(int); i >= 4 && fold == 1 {
			return 0, broken
		}
		return 1, nil
	}
	for _, jobs := range []int{1, 2, 8} {
		calls.Store(0)
		r, err := tune.Run(t.Context(), numbered(20), score, tune.Options{Folds: 2, Jobs: jobs})
		if !errors.Is(err, broken) || err.Error() != "tune {i=4}, fold 2: broken" {
			t.Errorf("%d jobs: error %v", jobs, err)
		}
		if n := r.Count(tune.Finished); n != 4 {
			t.Errorf("%d jobs: %d trials kept, want 4", jobs, n)
		}
		if n := calls.Load(); jobs == 1 && n != 10 {
			t.Errorf("%d scores taken, want none begun after the failure", n)
		}
	}
}
