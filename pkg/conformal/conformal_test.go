package conformal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

// panel draws n residuals of series of very different size, over 8 horizons that
// grow harder; they are skewed, as sales are.
func panel(rng *rand.Rand, n int) []Residual {
	out := make([]Residual, n)
	for i := range out {
		h, scale := 1+i%8, math.Pow(10, float64(i/8%45)/9)
		out[i] = Residual{Horizon: h, Scale: scale, Error: scale * math.Sqrt(float64(h)) * (rng.ExpFloat64() - 0.7 + 0.2*rng.NormFloat64())}
	}
	return out
}

// Half of 40,000 exchangeable points calibrate, the other 20,000 are covered, at
// each horizon, as the levels say.
func TestCoverageOnAnExchangeablePanel(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 12))
	known, fresh := panel(rng, 20000), panel(rng, 20000)
	for _, asymmetric := range []bool{false, true} {
		table, err := Calibrate(known, Options{Asymmetric: asymmetric})
		if err != nil || len(table.Warnings) > 0 || len(table.Rows) != 8 {
			t.Fatalf("%+v, %v", table, err)
		}
		for _, level := range []float64{80, 95} {
			inside, at := 0, make([]int, 9)
			below, above := 0, 0
			for _, r := range fresh {
				lower, upper, ok := table.Interval(r.Horizon, level, 1000, r.Scale)
				if !ok {
					t.Fatal("no interval")
				}
				switch y := 1000 + r.Error; {
				case y < lower:
					below++
				case y > upper:
					above++
				default:
					inside++
					at[r.Horizon]++
				}
			}
			if got := 100 * float64(inside) / 20000; math.Abs(got-level) > 1 {
				t.Errorf("asymmetric %t: %v %% are inside the %v %% interval", asymmetric, got, level)
			}
			for h, n := range at[1:] {
				if got := 100 * float64(n) / 2500; math.Abs(got-level) > 3 { // both samples are of 2,500: a standard error of 1.1
					t.Errorf("asymmetric %t, horizon %d: %v %% are inside the %v %% interval", asymmetric, h+1, got, level)
				}
			}
			if miss := (100 - level) / 2 * 200; asymmetric && (math.Abs(float64(below)-miss) > 100 || math.Abs(float64(above)-miss) > 100) {
				t.Errorf("%v %%: %d are below and %d above, want %v each", level, below, above, miss)
			}
		}
	}
}

// With few residuals the finite-sample rank keeps the promise: 19 leave a
// twentieth above the greatest.
func TestFewResidualsStillCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	inside := 0
	const trials = 20000
	for range trials {
		known := make([]Residual, 19)
		for i := range known {
			known[i] = Residual{Horizon: 1, Error: rng.NormFloat64(), Scale: 1}
		}
		table, err := Calibrate(known, Options{Levels: []float64{95}})
		if err != nil || len(table.Warnings) > 0 {
			t.Fatal(table.Warnings, err)
		}
		lower, upper, _ := table.Interval(1, 95, 0, 1)
		if v := rng.NormFloat64(); lower <= v && v <= upper {
			inside++
		}
	}
	if got := 100 * float64(inside) / trials; math.Abs(got-95) > 0.6 {
		t.Errorf("%v %% are inside, want 95", got)
	}
}

func TestRanks(t *testing.T) {
	var nine []Residual
	for i := range 9 {
		nine = append(nine, Residual{Horizon: 1, Error: float64(i - 3), Scale: 1}) // -3 to 5
	}
	for _, c := range []struct {
		level      float64
		asymmetric bool
		want       Band
	}{
		{50, false, Band{-2, 2}}, // sizes 0 1 1 2 2 3 3 4 5: the fifth of ten
		{80, false, Band{-4, 4}}, // the eighth
		{90, false, Band{-5, 5}}, // the ninth
		{80, true, Band{-3, 5}},  // the first and the ninth
		{60, true, Band{-2, 4}},  // the second and the eighth
	} {
		table, err := Calibrate(nine, Options{Levels: []float64{c.level}, Asymmetric: c.asymmetric})
		if err != nil || table.Rows[0].Bands[0] != c.want || len(table.Warnings) > 0 {
			t.Errorf("%+v: %+v, %v", c, table, err)
		}
	}
}

func TestLeast(t *testing.T) {
	for _, c := range []struct {
		level      float64
		asymmetric bool
		want       int
	}{{80, false, 4}, {95, false, 19}, {80, true, 9}, {95, true, 39}, {50, false, 1}} {
		if got := Least(c.level, c.asymmetric); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestHorizonsBorrow(t *testing.T) {
	var r []Residual
	for i := range 30 {
		r = append(r, Residual{Horizon: 2, Error: float64(i), Scale: 1})
	}
	r = append(r, Residual{Horizon: 4, Error: 100, Scale: 1}, Residual{Horizon: 2, Error: math.NaN(), Scale: 1},
		Residual{Horizon: 2, Error: 1e9, Scale: 0}, Residual{Horizon: 0, Error: 1e9, Scale: 1})
	table, err := Calibrate(r, Options{})
	if err != nil || len(table.Rows) != 2 || table.Rows[0].N != 30 || table.Rows[0].Borrowed || table.Rows[1].N != 31 || !table.Rows[1].Borrowed {
		t.Fatalf("%+v, %v", table, err)
	}
	_, first, _ := table.Interval(1, 95, 0, 1)
	_, second, _ := table.Interval(2, 95, 0, 1)
	_, fourth, _ := table.Interval(4, 95, 0, 1)
	_, sixteenth, _ := table.Interval(16, 95, 0, 1)
	if first != second || fourth != 100 || sixteenth != 200 {
		t.Errorf("upper ends %v %v %v %v, want the first as the second, 100 and its double", first, second, fourth, sixteenth)
	}
	few, err := Calibrate(r[:5], Options{})
	if err != nil || len(few.Warnings) != 1 || !strings.Contains(few.Warnings[0], "horizon 2: the 95 % interval may be too narrow, it is the widest of 5 residuals, want 19") {
		t.Errorf("%q, %v", few.Warnings, err)
	}
}

func TestRefusals(t *testing.T) {
	one := []Residual{{1, 1, 1}}
	for name, c := range map[string]struct {
		residuals []Residual
		levels    []float64
		kind      fault.Kind
	}{
		"none":      {nil, nil, fault.Invalid},
		"no scale":  {[]Residual{{1, 1, 0}}, nil, fault.Invalid},
		"infinite":  {[]Residual{{1, math.Inf(1), 1}}, nil, fault.Invalid},
		"level 100": {one, []float64{100}, fault.Config},
		"level 0":   {one, []float64{0}, fault.Config},
		"level NaN": {one, []float64{math.NaN()}, fault.Config},
	} {
		if _, err := Calibrate(c.residuals, Options{Levels: c.levels}); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	table, _ := Calibrate(one, Options{})
	for _, ask := range []struct {
		horizon int
		level   float64
	}{{0, 80}, {1, 90}} {
		if lower, _, ok := table.Interval(ask.horizon, ask.level, 0, 1); ok || !math.IsNaN(lower) {
			t.Errorf("%+v is answered", ask)
		}
	}
	if _, _, ok := (Table{}).Interval(1, 80, 0, 1); ok {
		t.Error("an empty table answers")
	}
}

// A higher level holds the lower ones, and the order of residuals says nothing.
func TestNested(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		residuals := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Residual {
			return Residual{rapid.IntRange(1, 3).Draw(r, "h"), rapid.Float64Range(-9, 9).Draw(r, "e"), rapid.Float64Range(0.1, 9).Draw(r, "s")}
		}), 1, 80).Draw(r, "residuals")
		o := Options{Levels: []float64{50, 80, 95}, Asymmetric: rapid.Bool().Draw(r, "asymmetric")}
		table, err := Calibrate(residuals, o)
		if err != nil {
			r.Fatal(err)
		}
		for _, row := range table.Rows {
			for i, b := range row.Bands {
				if b.Lower > b.Upper || i > 0 && (b.Lower > row.Bands[i-1].Lower || b.Upper < row.Bands[i-1].Upper) {
					r.Fatalf("%+v", row)
				}
			}
		}
		slices.Reverse(residuals)
		if again, _ := Calibrate(residuals, o); fmt.Sprint(again) != fmt.Sprint(table) {
			r.Fatalf("%+v, turned round %+v", table, again)
		}
	})
}
