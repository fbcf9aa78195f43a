package ets

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/cmplx"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// By definition (Hyndman et al. 2008, table 2.2) the states of MAdM follow these
// equations in the relative error; those of the others are theirs with parts left
// out.
func TestRecursionIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string, lo, hi float64) float64 { return rapid.Float64Range(lo, hi).Draw(r, name) }
		w := weights{draw("alpha", 0, 1), draw("beta", 0, 1), draw("gamma", 0, 1), draw("phi", 0.8, 1)}
		l, b, s := draw("level", 1, 2), draw("growth", -0.1, 0.1), draw("season", 0.5, 1.5)
		f := Form{Multiplicative, Additive, Multiplicative, true}
		mean := (l + w.phi*b) * s
		e := draw("error", -0.5, 0.5)
		st := states{l, b, []float64{s, 1}}
		if got := f.step(w, &st, 0, mean*(1+e)); math.Abs(got-mean) > 1e-12 {
			r.Fatalf("mean %v, want %v", got, mean)
		}
		want := []float64{
			(l + w.phi*b) * (1 + w.alpha*e),
			w.phi*b + w.beta*(l+w.phi*b)*e,
			s * (1 + w.gamma*e),
		}
		if got := []float64{st.level, st.growth, st.season[0]}; !floats.EqualApprox(got, want, 1e-12) {
			r.Fatalf("states %v, want %v", got, want)
		}
	})
}

// seasonal is a positive series of about 100 with a season of 4.
func seasonal(r *rapid.T) []float64 {
	y := rapid.SliceOfN(rapid.Float64Range(80, 120), 24, 40).Draw(r, "y")
	for i := range y {
		y[i] += 30 * float64(i%4)
	}
	return y
}

// Twice the sales are twice the forecasts.
func TestForecastsScale(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y := seasonal(r)
		factor := math.Ldexp(1, rapid.IntRange(-500, 500).Draw(r, "exponent")) // exact
		scaled := slices.Clone(y)
		floats.Scale(factor, scaled)
		want := path(r, fit(r, Options{}, 4, y), 6, y)
		got := path(r, fit(r, Options{}, 4, scaled), 6, scaled)
		floats.Scale(1/factor, got)
		if farthest(got, want) > 1e-6 {
			r.Fatalf("%v, want %v", got, want)
		}
	})
}

// Additive forms do not know where zero is.
func TestAdditiveFormsShift(t *testing.T) {
	for _, name := range []string{"ANN", "AAN", "ANA"} {
		rapid.Check(t, func(r *rapid.T) {
			y := seasonal(r)
			by := rapid.Float64Range(-300, 300).Draw(r, "shift")
			shifted := slices.Clone(y)
			floats.AddConst(by, shifted)
			damped := false
			o := Options{Model: name, Damped: &damped}
			a, b := fit(r, o, 4, y), fit(r, o, 4, shifted)
			if math.Abs(a.llf-b.llf) > 0.01 {
				return // the two searches ended on other peaks
			}
			want, got := path(r, a, 6, y), path(r, b, 6, shifted)
			floats.AddConst(-by, got)
			if farthest(got, want) > 0.02 {
				r.Fatalf("%s: %v, want %v", name, got, want)
			}
		})
	}
}

// New actuals move the states as the recursion says, without another fit.
func TestLongerHistoryNeedsNoRefit(t *testing.T) {
	y := wave(60)
	f := fit(t, Options{}, 4, y[:48])
	st := f.after(y[:48])
	f.form.step(f.weights, &st, 48, y[48])
	if got, want := path(t, f, 1, y[:49])[0], f.form.step(f.weights, &st, 49, gap); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// A gap at the end only shifts the forecasts, whatever the form.
func TestGapAtTheEndShifts(t *testing.T) {
	y := wave(48)
	for _, o := range []Options{{}, {Model: "ANN"}, {Model: "MAM"}, {Model: "AAA"}, {Model: "MMM"}} {
		f := fit(t, o, 4, y)
		want := path(t, f, 6, y)
		if got := path(t, f, 4, append(slices.Clone(y), gap, gap)); !slices.Equal(got, want[2:]) {
			t.Errorf("%v: %v, want %v", f.form, got, want[2:])
		}
	}
}

// The variance of a form with relative errors is what chance shows.
func TestVarianceOfRelativeErrors(t *testing.T) {
	f := &Fit{
		form: Form{Error: Multiplicative, Trend: Additive}, weights: weights{0.4, 0.1, 0, 1},
		start: states{level: 100, growth: 1}, sigma2: 0.01, observed: 1,
	}
	y := []float64{101}
	got, ok, err := f.Variance(3, model.Series{Y: y})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	// By hand: theta1 = m1^2, theta2 = m2^2 + sigma2 c1^2 theta1, ...
	m, c, s := []float64{102, 103, 104}, []float64{0.5, 0.6}, 0.01
	th1 := m[0] * m[0]
	th2 := m[1]*m[1] + s*c[0]*c[0]*th1
	th3 := m[2]*m[2] + s*(c[0]*c[0]*th2+c[1]*c[1]*th1)
	want := []float64{(1+s)*th1 - m[0]*m[0], (1+s)*th2 - m[1]*m[1], (1+s)*th3 - m[2]*m[2]}
	if !floats.EqualApprox(got, want, 1e-9) {
		t.Errorf("%v, want %v", got, want)
	}
	f.form.Season, f.start.season = Multiplicative, []float64{1, 1}
	if _, ok, _ := f.Variance(3, model.Series{Y: y}); ok {
		t.Error("a multiplicative season has a variance")
	}
	if _, _, err := f.Variance(0, model.Series{Y: y}); !fault.Is(err, fault.Usage) {
		t.Errorf("no steps: %v", err)
	}
}

// What the polynomial calls forecastable forgets its start: errors of a series of
// zeros, seen from any state, die out, or at the edge stay. What it does not keeps
// or amplifies them.
func TestForecastableForgets(t *testing.T) {
	for want, w := range map[bool]weights{true: {alpha: 0.3, gamma: 0.2, phi: 1}, false: {alpha: 1.5, gamma: 0.9, phi: 1}} {
		f := &Fit{form: Form{Error: Additive, Season: Additive}, weights: w}
		if stable, left := forgets(f); stable != want || (left < 1e-9) != want {
			t.Errorf("%v: forecastable is %t, and %v is left of the start", w, stable, left)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string, hi float64) float64 { return rapid.Float64Range(0.05, hi).Draw(r, name) }
		f := &Fit{form: Form{Error: Additive, Season: Additive}, weights: weights{alpha: draw("alpha", 1.5), gamma: draw("gamma", 1), phi: 1}}
		if rapid.Bool().Draw(r, "trend") {
			f.form.Trend, f.form.Damped = Additive, true
			f.weights.beta, f.weights.phi = draw("beta", 0.7), 0.9
		}
		if stable, left := forgets(f); stable && !(left < 100) || !stable && left < 1e-9 {
			r.Fatalf("forecastable is %t, but %v is left of the start", stable, left)
		}
	})
}

// forgets says what the polynomial says of f and the largest error that its last
// steps over 4,000 zeros still make.
func forgets(f *Fit) (stable bool, left float64) {
	f.start = states{1, 0.3, []float64{0.5, -1, 2, -0.7, 0.2}}
	y := make([]float64, 4000)
	st := f.after(y[:3990])
	for i := 3990; i < len(y); i++ {
		left = max(left, math.Abs(f.form.step(f.weights, &st, i, 0)))
	}
	return f.forecastable(), left
}

// The recursion agrees with the roots of polynomials that are built from them.
func TestWithinUnitCircle(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, largest := []complex128{1}, 0.0
		add := func(root complex128) {
			next := make([]complex128, len(p)+1)
			for i, c := range p {
				next[i] += c
				next[i+1] -= c * root
			}
			p, largest = next, max(largest, cmplx.Abs(root))
		}
		for range rapid.IntRange(1, 4).Draw(r, "pairs") {
			root := cmplx.Rect(rapid.Float64Range(0, 1.2).Draw(r, "size"), rapid.Float64Range(0, 3).Draw(r, "angle"))
			add(root)
			add(cmplx.Conj(root))
		}
		if math.Abs(largest-1) < 1e-3 {
			return
		}
		coefficients := make([]float64, len(p))
		for i, c := range p {
			coefficients[i] = real(c)
		}
		if got := withinUnitCircle(coefficients); got != (largest < 1) {
			r.Fatalf("%t for a largest root of %v", got, largest)
		}
	})
}

func TestForms(t *testing.T) {
	yes := true
	for _, c := range []struct {
		o                  Options
		seasonal, positive bool
		want               string
	}{
		{Options{}, true, true, "ANN ANA AAN AAdN AAA AAdA MNN MNA MNM MAN MAdN MAA MAdA MAM MAdM"},
		{Options{}, false, true, "ANN AAN AAdN MNN MAN MAdN"},
		{Options{}, true, false, "ANN ANA AAN AAdN AAA AAdA"},
		{Options{Model: "MZZ", AllowMultiplicativeTrend: true, Damped: &yes}, true, true, "MAdN MAdA MAdM MMdN MMdM"},
		{Options{Model: "AMM"}, true, true, "AMM AMdM"},
		{Options{Model: "mam", Damped: &yes}, true, true, "MAdM"},
		{Options{Model: "MAM"}, false, true, ""},
	} {
		choice, err := c.o.choice()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range choice.forms(c.seasonal, c.positive) {
			got = append(got, f.String())
		}
		sorted := strings.Fields(c.want)
		slices.Sort(sorted)
		slices.Sort(got)
		if !slices.Equal(got, sorted) {
			t.Errorf("%+v: %v, want %v", c.o, got, c.want)
		}
	}
}

func TestOddSeries(t *testing.T) {
	zeros := make([]float64, 40)
	sparse := slices.Clone(zeros)
	sparse[7], sparse[20], sparse[33] = 3, 1, 2
	line, negative := make([]float64, 40), make([]float64, 40)
	for i := range line {
		line[i], negative[i] = float64(i+1), math.Sin(float64(i*i))
	}
	holes := wave(60)
	for i := range holes {
		if i%3 != 0 {
			holes[i] = gap
		}
	}
	for name, y := range map[string][]float64{
		"zeros": zeros, "constant": slices.Repeat([]float64{7}, 40), "sparse": sparse, "line": line,
		"negative": negative, "holes": holes, "short": {1, 2, 1, 2, 3}, "one jump": append(slices.Clone(zeros), 1e9),
		"huge": {1e300, 2e300, 1e300, 2e300, 1.5e300, 1e300}, "tiny": {1e-300, 2e-300, 1e-300, 2e-300, 1e-300, 3e-300},
	} {
		f := fit(t, Options{}, 4, y)
		for i, v := range path(t, f, 10_000, y) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s: step %d is %v", name, i, v)
			}
		}
		got := path(t, f, 1, y)[0]
		if want := map[string]float64{"zeros": 0, "constant": 7, "line": 41}; slices.Contains([]string{"zeros", "constant", "line"}, name) &&
			math.Abs(got-want[name]) > 1e-3 {
			t.Errorf("%s: forecast %v by %v, want %v", name, got, f.form, want[name])
		}
	}
}

func TestRefusals(t *testing.T) {
	yes := true
	y := wave(40)
	refuse := func(o Options, season int, y ...float64) error {
		_, err := Model{o}.FitSeries(t.Context(), model.Series{Y: y, Season: season})
		return err
	}
	plain := &Fit{form: Form{Error: Additive}, weights: weights{alpha: 0.5, phi: 1}}
	_, steps := plain.Forecast(t.Context(), 0, model.Series{Y: y}, nil)
	explosive := &Fit{form: Form{Error: Multiplicative, Trend: Multiplicative}, weights: weights{alpha: 0.5, phi: 1}, start: states{level: 1, growth: 1e9}}
	_, beyond := explosive.Forecast(t.Context(), 100, model.Series{Y: []float64{gap, 1}}, nil)
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		says string
	}{
		"three weeks":  {refuse(Options{}, 1, 1, 2, 3), fault.Invalid, "at least 5 observed periods, the series has 3"},
		"infinite":     {refuse(Options{}, 1, 1, 2, math.Inf(1)), fault.Invalid, "period 3 of 3"},
		"letters":      {refuse(Options{Model: "AXN"}, 1, y...), fault.Config, "AXN"},
		"no error":     {refuse(Options{Model: "NNN"}, 1, y...), fault.Config, "NNN"},
		"length":       {refuse(Options{Model: "AA"}, 1, y...), fault.Config, `"AA"`},
		"no trend":     {refuse(Options{Model: "ANN", Damped: &yes}, 1, y...), fault.Config, "no trend to be damped"},
		"not positive": {refuse(Options{Model: "MNN"}, 1, 1, 2, 0, 4, 5, 6), fault.Invalid, "no form of model MNN suits"},
		"season":       {refuse(Options{Model: "ANA"}, 52, y...), fault.Invalid, "season 52"},
		"long season":  {refuse(Options{}, 1<<20, y...), fault.Config, "season of 1048576"},
		"steps":        {steps, fault.Usage, "0 steps"},
		"beyond":       {beyond, fault.Invalid, "beyond all numbers"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// The stored form is read by later versions: it must not change by accident.
func TestStoredForm(t *testing.T) {
	f := &Fit{
		form: Form{Multiplicative, Additive, Multiplicative, true}, converged: true, observed: 9, llf: -2, sigma2: 0.5,
		weights: weights{0.5, 0.25, 0.125, 0.875}, start: states{1, 2, []float64{0.5, 1.5}},
	}
	got, err := f.MarshalBinary()
	want := "45545301" + "0201020101" + "09000000" + "02000000" + "000000000000e03f" + "000000000000d03f" + "000000000000c03f" +
		"000000000000ec3f" + "00000000000000c0" + "000000000000e03f" + "000000000000f03f" + "0000000000000040" + "000000000000e03f" + "000000000000f83f"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("stored as %x, error %v, want %s", got, err, want)
	}
	read, err := Unmarshal(got)
	if err != nil || read.(*Fit).Form() != f.form {
		t.Errorf("read as %+v, error %v", read, err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, fit := range []*Fit{
		{form: Form{Error: Additive}, weights: weights{alpha: 0.5, phi: 1}},
		{form: Form{Multiplicative, Multiplicative, Multiplicative, true}, weights: weights{0.5, 0.1, 0.1, 0.9}, start: states{1, 1, []float64{0.5, 1.5}}},
	} {
		good, _ := fit.MarshalBinary()
		f.Add(good)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fit, err := Unmarshal(data)
		if err != nil {
			if !fault.Is(err, fault.Integrity) {
				t.Errorf("%x: %v", data, err)
			}
			return
		}
		if again, err := fit.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x is read, but stored as %x, error %v", data, again, err)
		}
		if p, err := fit.Forecast(t.Context(), 3, model.Series{Y: []float64{1, 2}}, nil); err == nil && len(p.Mean) != 3 {
			t.Errorf("%x: forecast %v", data, p)
		}
	})
}

// By hand: ANN has alpha, level and variance; MAdM of a season of 4 has four
// smoothing parameters, level, growth, three phases and variance.
func TestAICc(t *testing.T) {
	for _, c := range []struct {
		form     Form
		season   int
		observed int
		want     float64
	}{
		{Form{Error: Additive}, 0, 10, 66 + 6 + 24.0/6},
		{Form{Multiplicative, Additive, Multiplicative, true}, 4, 31, 66 + 20 + 220.0/20},
		{Form{Error: Additive}, 0, 4, math.Inf(1)},
	} {
		f := &Fit{form: c.form, observed: c.observed, llf: -33, start: states{season: make([]float64, c.season)}}
		if got := f.aicc(); got != c.want {
			t.Errorf("%v of %d periods: %v, want %v", c.form, c.observed, got, c.want)
		}
	}
}
