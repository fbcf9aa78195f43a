package tune_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/tune"
)

// aSpace draws a space; finite ones have no range of real numbers.
func aSpace(t *rapid.T, finite bool) tune.Space {
	kinds := []tune.Kind{"", tune.Int}
	if !finite {
		kinds = append(kinds, tune.Uniform, tune.LogUniform)
	}
	var s tune.Space
	for i := range rapid.IntRange(1, 4).Draw(t, "params") {
		p := tune.Param{Name: fmt.Sprint("p", i)}
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		if kind == "" {
			for v := range rapid.IntRange(1, 4).Draw(t, "values") {
				p.Values = append(p.Values, fmt.Sprint("v", v))
			}
		} else {
			low := rapid.IntRange(-5, 5).Draw(t, "low")
			if kind == tune.LogUniform {
				low += 6
			}
			p.Range = tune.Range{Kind: kind, Low: float64(low), High: float64(low + rapid.IntRange(1, 6).Draw(t, "width"))}
		}
		s = append(s, p)
	}
	return s
}

// within says what is wrong with a drawn candidate.
func within(s tune.Space, c map[string]any) error {
	if len(c) != len(s) {
		return fmt.Errorf("%d parameters of %d", len(c), len(s))
	}
	for _, p := range s {
		var x float64
		switch v := c[p.Name].(type) {
		case string:
			if !strings.HasPrefix(v, "v") || p.Values == nil {
				return fmt.Errorf("%s is %q", p.Name, v)
			}
			continue
		case int:
			x = float64(v)
			if p.Range.Kind != tune.Int {
				return fmt.Errorf("%s is the whole number %d", p.Name, v)
			}
		case float64:
			x = v
			if p.Range.Kind == tune.Int {
				return fmt.Errorf("%s is %v", p.Name, v)
			}
		}
		if !(x >= p.Range.Low && x <= p.Range.High) {
			return fmt.Errorf("%s is %v", p.Name, x)
		}
	}
	return nil
}

// Draws lie in the space, are the same for a seed, and fewer begin more.
func TestDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := aSpace(t, false)
		n, seed := rapid.IntRange(1, 40).Draw(t, "n"), rapid.Uint64().Draw(t, "seed")
		got := s.Draw(n, seed)
		for _, c := range got {
			if err := within(s, c); err != nil {
				t.Fatal(err)
			}
		}
		if again := s.Draw(n, seed); !reflect.DeepEqual(got, again) {
			t.Fatalf("%v, then %v", got, again)
		}
		if size := len(s.Grid()); size > 0 && size <= n+5 {
			return // all of them, in the order of the grid
		}
		if more := s.Draw(n+5, seed); !reflect.DeepEqual(more[:n], got) {
			t.Fatalf("%v is not the beginning of %v", got, more)
		}
	})
}

// A finite space gives no candidate twice, and all of them where that many are
// asked for.
func TestFiniteSpacesAreDrawnWithoutReplacement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := aSpace(t, true)
		n := rapid.IntRange(1, 60).Draw(t, "n")
		got, seen := s.Draw(n, rapid.Uint64().Draw(t, "seed")), map[string]bool{}
		for _, c := range got {
			if err := within(s, c); err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprint(c)] = true
		}
		if want := min(n, len(s.Grid())); len(got) != want || len(seen) != want {
			t.Fatalf("%d draws, %d of them different, want %d", len(got), len(seen), want)
		}
	})
}

// TestDistributions holds means against theory, at six standard errors.
func TestDistributions(t *testing.T) {
	const n = 40_000
	for name, c := range map[string]struct {
		param   tune.Param
		of      func(any) float64
		mean, s float64 // of what of gives
	}{
		"uniform":    {tune.Param{Range: tune.Range{Kind: tune.Uniform, Low: 2, High: 4}}, func(v any) float64 { return v.(float64) }, 3, 2 / math.Sqrt(12)},
		"loguniform": {tune.Param{Range: tune.Range{Kind: tune.LogUniform, Low: 0.01, High: 100}}, func(v any) float64 { return math.Log10(v.(float64)) }, 0, 4 / math.Sqrt(12)},
		"int":        {tune.Param{Range: tune.Range{Kind: tune.Int, Low: 1, High: 3}}, func(v any) float64 { return float64(v.(int)) }, 2, math.Sqrt(2. / 3)},
		"choice":     {tune.Param{Values: []any{0.0, 1.0}}, func(v any) float64 { return v.(float64) }, 0.5, 0.5},
	} {
		c.param.Name = "p"
		space := tune.Space{c.param, {Name: "endless", Range: tune.Range{Kind: tune.Uniform, High: 1}}}
		total := 0.0
		for _, d := range space.Draw(n, 7) {
			total += c.of(d["p"])
		}
		if got := total / n; math.Abs(got-c.mean) > 6*c.s/math.Sqrt(n) {
			t.Errorf("%s: the mean is %v, want %v", name, got, c.mean)
		}
	}
}

func TestWrongSpaces(t *testing.T) {
	one := func(r tune.Range) tune.Space { return tune.Space{{Name: "a", Range: r}} }
	for name, c := range map[string]struct {
		space tune.Space
		by    tune.Strategy
		says  string
	}{
		"kind":       {one(tune.Range{Kind: "normal", High: 1}), tune.Random, `no range "normal"`},
		"order":      {one(tune.Range{Kind: tune.Uniform, Low: 2, High: 1}), tune.Random, "lower first"},
		"empty":      {one(tune.Range{Kind: tune.Int, Low: 2, High: 2}), tune.Random, "empty"},
		"NaN":        {one(tune.Range{Kind: tune.Uniform, Low: math.NaN(), High: 2}), tune.Random, "empty or endless"},
		"endless":    {one(tune.Range{Kind: tune.Uniform, High: math.Inf(1)}), tune.Random, "endless"},
		"zero":       {one(tune.Range{Kind: tune.LogUniform, High: 1}), tune.Halving, "above 0"},
		"fraction":   {one(tune.Range{Kind: tune.Int, Low: 0.5, High: 2}), tune.Halving, "whole numbers"},
		"grid":       {one(tune.Range{Kind: tune.Int, High: 2}), tune.Grid, "a grid needs a list"},
		"no search":  {numbered(2), "bayes", `no search "bayes"`},
		"large grid": {slicesOf(6, 10), "", "more than 100000 candidates"},
	} {
		_, err := tune.Run(t.Context(), c.space, zero, tune.Options{Strategy: c.by, Folds: 1})
		if err == nil || !strings.Contains(err.Error(), c.says) || !fault.Is(err, fault.Config) && !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tune.Run(t.Context(), numbered(2), zero, tune.Options{Strategy: tune.Random, Trials: -1, Folds: 1}); !fault.Is(err, fault.Usage) {
		t.Errorf("negative trials: %v", err)
	}
}

func zero(context.Context, map[string]any, int) (float64, error) { return 0, nil }

// slicesOf is a space of params with values each.
func slicesOf(params, values int) tune.Space {
	var s tune.Space
	for i := range params {
		p := numbered(values)[0]
		p.Name = fmt.Sprint("p", i)
		s = append(s, p)
	}
	return s
}
