package features_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The scale's parts, worked out by hand on a series that is its own index.
func TestSeasonalScaleByHand(t *testing.T) {
	s := weekly(130, func(i int) float64 { return 1000 + float64(i) })
	s = s.Slice(20, 130) // a year behind the period, and not a second one
	e := fit(t, panelOf(s), features.Options{Basis: features.Seasonal})
	// Friday 2012-03-02 is week 113. A year before ends on 2011-03-02, two days
	// before the week 61 does, since 2012 has a leap day: 5/7 of week 61 and 2/7
	// of week 60. The weeks that tell the growth lie before the leap day or, as
	// the first, after it; one of them is next to the Super Bowl's.
	lastYear := func(i int) float64 {
		before := map[int]float64{113: 2, 112: 1, 111: 0, 110: 0, 109: 1, 108: 1, 107: 1, 106: 1, 105: 1}[i]
		return 1000 + float64(i) - 52 - before/7
	}
	now, then, weight := 0.0, 0.0, 1.0
	for i := 112; i >= 105; i-- {
		now += weight * (1000 + float64(i))
		then += weight * lastYear(i)
		weight *= 0.7
	}
	want := lastYear(113) * now / then
	if got := e.Scale(s, sales.Date(2012, 3, 2)); math.Abs(got-want) > 1e-9 {
		t.Errorf("scale %v, want %v", got, want)
	}
}

// With two years behind the period, the scale is the mean of what either lets
// expect: each has its own dates and its own growth.
func TestSeasonalScaleOfTwoYearsByHand(t *testing.T) {
	sold := func(i int) float64 { return 1000 + float64(i*i) }
	s := weekly(130, sold)
	e := fit(t, panelOf(s), features.Options{Basis: features.Seasonal})
	// By how many sevenths the dates reach into the week before, by year; week 113
	// ends on 2012-03-02, after the leap day, 110 and 111 are next to the Super Bowl's.
	sevenths := map[int]map[int]float64{
		1: {113: 2, 112: 1, 111: 0, 110: 0, 109: 1, 108: 1, 107: 1, 106: 1, 105: 1},
		2: {113: 3, 112: 2, 111: 0, 110: 0, 109: 2, 108: 2, 107: 2, 106: 2, 105: 2},
	}
	want := 0.0
	for years := 1; years <= 2; years++ {
		ago := func(i int) float64 {
			early, then := sevenths[years][i]/7, i-52*years
			return (1-early)*sold(then) + early*sold(then-1)
		}
		now, then, weight := 0.0, 0.0, 1.0
		for i := 112; i >= 105; i-- {
			now += weight * sold(i)
			then += weight * ago(i)
			weight *= 0.7
		}
		want += ago(113) * now / then / 2
	}
	if got := e.Scale(s, sales.Date(2012, 3, 2)); math.Abs(got-want) > 1e-8 {
		t.Errorf("scale %v, want %v", got, want)
	}
}

// A week that hardly sold last year is no measure of this year's.
func TestSeasonalScaleHasAFloor(t *testing.T) {
	s := weekly(120, func(i int) float64 {
		if i == 50 || i == 51 || i == 52 {
			return 0.01
		}
		return 1000
	})
	e := fit(t, panelOf(s), features.Options{Basis: features.Seasonal})
	if got := e.Scale(s, s.Period(104)); got != 100 {
		t.Errorf("scale %v, want a tenth of the level", got)
	}
}

func TestAutoBasis(t *testing.T) {
	p := some(t, 3)
	for _, tc := range []struct {
		weeks int
		want  features.Basis
	}{
		{143, features.Seasonal}, {71, features.Seasonal}, {68, features.Level}, {30, features.Level},
	} {
		e := fit(t, p.Until(p.Frequency.Add(p.Start(), tc.weeks-1)), features.Options{})
		if e.Basis() != tc.want {
			t.Errorf("%d weeks: %s, want %s", tc.weeks, e.Basis(), tc.want)
		}
	}
}

// A prediction is the model's answer times the scale: what is divided comes back.
func TestScaleUndoesItself(t *testing.T) {
	p := some(t, 2)
	for _, basis := range []features.Basis{features.Raw, features.Level, features.Seasonal} {
		for _, target := range []features.Target{features.Plain, features.Log} {
			e := fit(t, p, features.Options{Basis: basis, Target: target})
			table, err := e.Transform(p)
			if err != nil {
				t.Fatal(err)
			}
			if table.Target != target || e.Target() != target {
				t.Errorf("the table has %q, the encoder %q, want %q", table.Target, e.Target(), target)
			}
			for _, r := range table.Learn {
				learnt := table.Actual[r] / table.Scale[r]
				if target == features.Log {
					learnt = math.Log(learnt)
				}
				if !(table.Scale[r] > 0) || table.Y[r] != learnt {
					t.Errorf("%s %s, row %d: %v of %v by %v", basis, target, r, table.Y[r], table.Actual[r], table.Scale[r])
				}
				if got := target.Undo(table.Y[r], table.Scale[r]); math.Abs(got-table.Actual[r]) > 1e-6 {
					t.Errorf("%s %s, row %d: undone, %v is %v, not %v", basis, target, r, table.Y[r], got, table.Actual[r])
				}
			}
			if basis == features.Raw && table.Scale[0] != 1 {
				t.Errorf("raw divides by %v", table.Scale[0])
			}
		}
	}
}

// What did not sell has no logarithm: it is learnt as a hundredth of the scale.
func TestLogOfNothing(t *testing.T) {
	s := weekly(120, func(i int) float64 { return []float64{1000, 0, -5}[max(i-117, 0)] })
	table, err := fit(t, panelOf(s), features.Options{Basis: features.Raw, Target: features.Log}).Transform(panelOf(s))
	if err != nil {
		t.Fatal(err)
	}
	for r, want := range map[int]float64{117: math.Log(1000), 118: math.Log(0.01), 119: math.Log(0.01)} {
		if table.Y[r] != want {
			t.Errorf("%v is learnt as %v, want %v", table.Actual[r], table.Y[r], want)
		}
	}
}

// In parts of the scale, a chain that sells c times as much has the same rows.
func TestRowsDoNotDependOnTheUnit(t *testing.T) {
	p := some(t, 1)
	s := p.Series[0]
	e := fit(t, p, features.Options{Groups: features.Groups()})
	rapid.Check(t, func(t *rapid.T) {
		c := math.Ldexp(1, rapid.IntRange(-6, 6).Draw(t, "power of two"))
		at := s.Period(rapid.IntRange(0, s.Len()).Draw(t, "index"))
		big := s
		big.Target = slices.Clone(s.Target)
		for i := range big.Target {
			big.Target[i] *= c
		}
		a, b := make([]float32, e.Width()), make([]float32, e.Width())
		_, _ = e.Row(a, s, nil, at, nil), e.Row(b, big, nil, at, nil)
		if !sameBits(a, b) {
			t.Fatalf("%s: %v, in another unit %v", at, a, b)
		}
	})
}

// Whatever was sold, the scale is positive or, without any history, NaN.
func TestScaleIsPositive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{math.NaN(), 0, -5, 0.001, 3, 1e9}), 60, 140).Draw(t, "targets")
		s := weekly(len(y), func(i int) float64 { return y[i] })
		basis := rapid.SampledFrom([]features.Basis{features.Level, features.Seasonal}).Draw(t, "basis")
		e, _, err := features.Fit(panelOf(s), features.Options{Basis: basis})
		if err != nil {
			return // nothing to learn from
		}
		for i := range len(y) + 60 {
			known := slices.ContainsFunc(y[:min(i, len(y))], func(v float64) bool { return !math.IsNaN(v) })
			if got := e.Scale(s, s.Period(i)); known != (got > 0) || math.IsInf(got, 0) {
				t.Fatalf("period %d: scale %v", i, got)
			}
		}
	})
}

// A learner takes no infinity: a closed week, which sold nothing, is no number to
// divide by.
func TestFeaturesAreFiniteOrMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{math.NaN(), 0, 0, -5, 0.001, 3, 1e9}), 120, 140).Draw(t, "targets")
		s := weekly(len(y), func(i int) float64 { return y[i] })
		basis := rapid.SampledFrom([]features.Basis{features.Level, features.Seasonal, features.Raw}).Draw(t, "basis")
		set := rapid.SampledFrom([]features.Set{features.Row, features.Ahead}).Draw(t, "set")
		e, _, err := features.Fit(panelOf(s), features.Options{Basis: basis, Set: set, Groups: features.Groups()})
		if err != nil {
			return // nothing to learn from
		}
		row := make([]float32, e.Width())
		for i := range len(y) + 60 {
			if err := e.Row(row, s, nil, s.Period(i), nil); err != nil {
				t.Fatal(err)
			}
			for c, v := range row {
				if math.IsInf(float64(v), 0) {
					t.Fatalf("period %d: %s is %v", i, e.Names()[c], v)
				}
			}
		}
	})
}

func TestOtherFrequencies(t *testing.T) {
	for _, tc := range []struct {
		frequency sales.Frequency
		year      int
	}{
		{sales.Frequency{Unit: sales.Daily}, 364},
		{sales.Frequency{Unit: sales.Monthly}, 12},
	} {
		s := sales.Series{Key: sales.Key{"1"}, Frequency: tc.frequency, Start: tc.frequency.Of(sales.Date(2009, 1, 31))}
		for i := range 3 * tc.year {
			s.Target = append(s.Target, 100+float64(i%tc.year)) // every year is the year before
		}
		other := s
		other.Key = sales.Key{"2"}
		e := fit(t, panelOf(s, other), features.Options{})
		if e.Basis() != features.Seasonal {
			t.Errorf("%s: basis %s", tc.frequency, e.Basis())
		}
		for i := 2 * tc.year; i < s.Len(); i++ {
			if got := e.Scale(s, s.Period(i)); math.Abs(got-s.Target[i]) > 1e-9 {
				t.Fatalf("%s, period %d: scale %v, want %v", tc.frequency, i, got, s.Target[i])
			}
		}
	}
}

func TestTableOrderAndSubsets(t *testing.T) {
	p := some(t, 3)
	p.Series[1].Target[140] = math.NaN()
	e := fit(t, p, features.Options{})
	table, err := e.Transform(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Index) != 3*143-1 {
		t.Errorf("%d rows, want all but the missing one", len(table.Index))
	}
	inOrder := slices.IsSortedFunc(table.Index, func(a, b features.Index) int {
		if a.Series != b.Series {
			return a.Series - b.Series
		}
		return int(a.Period - b.Period)
	})
	if !inOrder {
		t.Error("rows are not by key and then period")
	}
	cut := p.Series[0].Period(100)
	early := table.Where(func(at features.Index) bool { return at.Period < cut })
	late := table.Where(func(at features.Index) bool { return at.Period >= cut })
	if early.X != late.X || early.Len()+late.Len() != table.Dataset().Len() || early.Len() != 3*(100-56) {
		t.Errorf("%d early and %d late rows of %d", early.Len(), late.Len(), table.Dataset().Len())
	}
	for _, r := range early.Rows {
		if table.Index[r].Period >= cut {
			t.Errorf("%s is not before %s", table.Index[r].Period, cut)
		}
	}
}
