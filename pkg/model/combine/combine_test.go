package combine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

var gap = math.NaN()

func TestCombinations(t *testing.T) {
	f := [][]float64{{1, 10, gap, gap}, {2, 30, 6, gap}, {9, 20, 8, gap}}
	for name, c := range map[string]struct{ got, want []float64 }{
		"mean":     {Mean(f), []float64{4, 20, 7, gap}},
		"median":   {Median(f), []float64{2, 20, 7, gap}},
		"even":     {Median(f[:2]), []float64{1.5, 20, 6, gap}},
		"weighted": {Weighted(f, []float64{0.5, 0.25, 0.25}), []float64{3.25, 17.5, 7, gap}},
		"none":     {Weighted(f, []float64{1, 0, 0}), []float64{1, 10, 7, gap}},
	} {
		if !floats.Same(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if Mean(nil) != nil {
		t.Error("no models have forecasts")
	}
}

// drawn makes folds of models of different error.
func drawn(r *rapid.T) []Fold {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
	models, points := rapid.IntRange(1, 6).Draw(r, "models"), rapid.IntRange(1, 12).Draw(r, "points")
	folds := make([]Fold, rapid.IntRange(1, 5).Draw(r, "folds"))
	for i := range folds {
		f := Fold{Forecasts: make([][]float64, models)}
		for range points {
			y := 100 + 10*rng.NormFloat64()
			f.Actual = append(f.Actual, y)
			for m := range f.Forecasts {
				f.Forecasts[m] = append(f.Forecasts[m], y+float64(1+m)*rng.NormFloat64()+float64(m%3))
			}
		}
		folds[i] = f
	}
	return folds
}

func learned(t rapid.TB, folds []Fold) Weights {
	t.Helper()
	w, err := Learn(folds)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// all is the problem that folds make together.
func all(t rapid.TB, folds []Fold) problem {
	t.Helper()
	var problems []problem
	for i, f := range folds {
		p, err := f.problem(i, len(f.Forecasts))
		if err != nil {
			t.Fatal(err)
		}
		problems = append(problems, p)
	}
	return sum(problems, -1, len(folds[0].Forecasts))
}

func TestWeightsAreShares(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := learned(r, drawn(r)).Values
		if floats.Min(w) < 0 || math.Abs(floats.Sum(w)-1) > 1e-12 {
			r.Fatalf("weights %v", w)
		}
	})
}

// The combination is no worse than the worst model, nor than equal weights, on
// what it learned from.
func TestNoWorseThanTheWorst(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		folds := drawn(r)
		p, w := all(r, folds), learned(r, folds).Values
		worst := 0.0
		for m := range w {
			worst = max(worst, p.gram[m][m])
		}
		if got := p.loss(w); got > worst*(1+1e-12) || got > p.loss(equal(len(w)))*(1+1e-9) {
			r.Fatalf("loss %v of %v, the worst model's %v, that of equal weights %v", got, w, worst, p.loss(equal(len(w))))
		}
	})
}

// Models in another order have the same weights.
func TestOrderOfModels(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		folds := drawn(r)
		want := learned(r, folds)
		order := rapid.Permutation(seq(len(want.Values))).Draw(r, "order")
		for i := range folds {
			moved := make([][]float64, len(order))
			for to, from := range order {
				moved[to] = folds[i].Forecasts[from]
			}
			folds[i].Forecasts = moved
		}
		got := learned(r, folds)
		for to, from := range order {
			if math.Abs(got.Values[to]-want.Values[from]) > 1e-6 {
				r.Fatalf("order %v: %v, want those of %v", order, got.Values, want.Values)
			}
		}
	})
}

func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// At the least no weight can be moved to another model with gain: the conditions
// of Karush, Kuhn and Tucker.
func TestSolveIsOptimal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := all(r, drawn(r))
		penalty := rapid.SampledFrom(penalties).Draw(r, "penalty")
		w := p.solve(penalty)
		trace := 0.0
		for m := range w {
			trace += p.gram[m][m]
		}
		slopes := make([]float64, len(w))
		for a := range w {
			slopes[a] = penalty * trace / float64(len(w)) * (w[a] - 1/float64(len(w)))
			for b := range w {
				slopes[a] += p.gram[a][b] * w[b]
			}
		}
		for a := range w {
			if w[a] > 0 && slopes[a] > floats.Min(slopes)+1e-7*trace {
				r.Fatalf("weights %v have slopes %v", w, slopes)
			}
		}
	})
}

// A model that is always right takes what the penalty leaves; one of two equals
// has no more than the other.
func TestBetterModelsWeighMore(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var folds []Fold
	for range 6 {
		f := Fold{Forecasts: make([][]float64, 3)}
		for range 20 {
			y := 100 + rng.NormFloat64()
			f.Actual = append(f.Actual, y)
			off := 20 * rng.NormFloat64()
			for m, e := range []float64{0.1 * rng.NormFloat64(), off, off} {
				f.Forecasts[m] = append(f.Forecasts[m], y+e)
			}
		}
		folds = append(folds, f)
	}
	w := learned(t, folds)
	if w.Values[0] < 0.95 || math.Abs(w.Values[1]-w.Values[2]) > 1e-9 || w.Points != 120 || w.Penalty != penalties[0] {
		t.Errorf("%+v", w)
	}
	if one := learned(t, folds[:1]); !slices.Equal(one.Values, equal(3)) || !math.IsInf(one.Penalty, 1) {
		t.Errorf("a single fold teaches %+v", one)
	}
}

// Where the models are alike, what a few points say is no reason to leave equal
// weights by much.
func TestShrinksToEqualWeights(t *testing.T) {
	far, plain, chosen := 0.0, 0.0, map[float64]bool{}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 8))
		folds := make([]Fold, 4)
		for i := range folds {
			folds[i].Forecasts = make([][]float64, 5)
			for range 4 {
				folds[i].Actual = append(folds[i].Actual, 100)
				for m := range folds[i].Forecasts {
					folds[i].Forecasts[m] = append(folds[i].Forecasts[m], 100+rng.NormFloat64())
				}
			}
		}
		w := learned(t, folds)
		chosen[w.Penalty] = true
		far += floats.Distance(w.Values, equal(5), 2)
		plain += floats.Distance(all(t, folds).solve(0), equal(5), 2)
	}
	if len(chosen) < 4 {
		t.Errorf("only the penalties %v are ever chosen", chosen)
	}
	if far > 0.6*plain {
		t.Errorf("the weights lie %v from equal ones, without a penalty %v", far/40, plain/40)
	}
}

func TestRefusals(t *testing.T) {
	two := [][]float64{{1, 2}, {3, 4}}
	for name, folds := range map[string][]Fold{
		"no folds":   nil,
		"no models":  {{Actual: []float64{1}}},
		"models":     {{Actual: []float64{1, 2}, Forecasts: two}, {Actual: []float64{1, 2}, Forecasts: two[:1]}},
		"points":     {{Actual: []float64{1}, Forecasts: two}},
		"unanswered": {{Actual: []float64{1, gap}, Forecasts: [][]float64{{1, 2}, {gap, 2}}}},
	} {
		if w, err := Learn(folds); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	w, err := Learn([]Fold{{Actual: []float64{0, 0}, Forecasts: two}, {Actual: []float64{0, 0}, Forecasts: [][]float64{{0, 0}, {0, 0}}}})
	if err != nil || floats.HasNaN(w.Values) {
		t.Errorf("zeros: %+v, %v", w, err)
	}
}
