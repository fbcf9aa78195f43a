package theta

import (
	"bytes"
	"context"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	for v := Standard; v <= Auto; v++ {
		t.Run(v.String(), func(t *testing.T) {
			modeltest.Local(t, func() model.Local { return Model{Variant: v} }, Unmarshal)
		})
	}
}

var gap = math.NaN()

// fit fits m to y; path forecasts h periods after it.
func fit(t rapid.TB, m Model, season int, y []float64) *Fit {
	t.Helper()
	f, err := m.FitSeries(context.Background(), model.Series{Y: y, Season: season})
	if err != nil {
		t.Fatal(err)
	}
	return f.(*Fit)
}

func path(t rapid.TB, f *Fit, h int, y []float64) []float64 {
	t.Helper()
	p, err := f.Forecast(context.Background(), h, model.Series{Y: y}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Mean
}

// wave is a positive series with a trend and, where strength is not 0, a season.
func wave(n, season int, strength float64) []float64 {
	y := make([]float64, n)
	for i := range y {
		noise := math.Sin(float64(i*i%97)) * 3
		y[i] = (100 + 0.5*float64(i) + noise) * (1 + strength*math.Sin(2*math.Pi*float64(i)/float64(season)))
	}
	return y
}

func TestRunningLineIsLeastSquares(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 40).Draw(r, "y")
		n, sx, sy, sxx, sxy := float64(len(y)), 0.0, 0.0, 0.0, 0.0
		for i, v := range y {
			x := float64(i + 1)
			sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
		}
		slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
		intercept := (sy - slope*sx) / n
		if got := line(y); math.Abs(got.slope-slope) > 1e-8 || math.Abs(got.intercept-intercept) > 1e-7 {
			r.Fatalf("line %+v, want %v + %v x", got, intercept, slope)
		}
	})
}

// The squares of a solution are those of the recursion, and least: no other
// level, weight or alpha nearby does better.
func TestSolutionIsLeast(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(0.1, 1), 5, 40).Draw(r, "y")
		v := Variant(rapid.IntRange(0, int(DynamicOptimized)).Draw(r, "variant"))
		p := newProblem(v, y, slices.Repeat([]bool{true}, len(y)))
		best := p.minimise()
		for _, d := range []float64{-1e-2, -1e-4, 1e-4, 1e-2} {
			for _, other := range []solution{
				{alpha: best.alpha, level: best.level + d, weight: best.weight},
				{alpha: min(max(best.alpha+d, leastAlpha), mostAlpha), level: best.level, weight: best.weight},
				{alpha: best.alpha, level: best.level, weight: min(max(best.weight+d, 0), mostWeight)},
			} {
				if v.estimated() || other.weight == best.weight {
					if s := p.squares(other); s < best.squares*(1-1e-7)-1e-14 {
						r.Fatalf("%+v has squares %v, but %+v was found", other, s, best)
					}
				}
			}
		}
	})
}

func TestForecastsScale(t *testing.T) {
	for v := Standard; v <= Auto; v++ {
		for _, season := range []int{1, 4} {
			rapid.Check(t, func(r *rapid.T) {
				y := rapid.SliceOfN(rapid.Float64Range(50, 100), 12, 30).Draw(r, "y")
				factor := math.Ldexp(1, rapid.IntRange(-900, 900).Draw(r, "exponent")) // exact
				scaled := make([]float64, len(y))
				for i := range y {
					scaled[i] = y[i] * factor
				}
				want, got := path(r, fit(r, Model{Variant: v}, season, y), 5, y), path(r, fit(r, Model{Variant: v}, season, scaled), 5, scaled)
				for i := range want {
					if math.Abs(got[i]/factor-want[i]) > 1e-6*want[i] {
						r.Fatalf("%v, want %v times %v", got, want, factor)
					}
				}
			})
		}
	}
}

// With a fit the last values have their say without another fit: the forecast of
// a longer history is the recursion's, period by period.
func TestLongerHistoryNeedsNoRefit(t *testing.T) {
	y := wave(60, 4, 0.3)
	for v := Standard; v <= DynamicOptimized; v++ {
		f := fit(t, Model{Variant: v}, 4, y[:50])
		r := f.after(nil)
		for i, value := range y {
			r.step(f.season.take(value, i))
		}
		if got, want := path(t, f, 1, y)[0], f.season.give(r.mean(), len(y)); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
}

func TestSeasons(t *testing.T) {
	negative := wave(48, 12, 0.5)
	for i := range negative {
		negative[i] -= 100
	}
	vanishing := wave(48, 4, 0)
	for i := 0; i < len(vanishing); i += 4 {
		vanishing[i] = 0.1
	}
	for _, c := range []struct {
		name   string
		y      []float64
		season int
		asked  string
		want   string
	}{
		{"strong", wave(48, 12, 0.5), 12, "", Multiplicative},
		{"asked for", wave(48, 12, 0.5), 12, Additive, Additive},
		{"not positive", negative, 12, Multiplicative, Additive},
		{"a phase of nearly nothing", vanishing, 4, Multiplicative, Additive},
		{"none", wave(48, 12, 0), 12, "", "none"},
		{"too short", wave(23, 12, 0.5), 12, "", "none"},
		{"too few periods in it", wave(48, 3, 0.5), 3, "", "none"},
		{"not told", wave(48, 12, 0.5), 0, "", "none"},
	} {
		f := fit(t, Model{Options: Options{Decomposition: c.asked}}, c.season, c.y)
		if got := f.Figures().Params["season"]; got != c.want {
			t.Errorf("%s: season is %s, want %s", c.name, got, c.want)
		}
	}
}

// A gap inside or in front changes a smooth seasonal forecast little, and one at
// the end only shifts it.
func TestGaps(t *testing.T) {
	y := wave(96, 12, 0.4)
	for v := Standard; v <= Auto; v++ {
		f := fit(t, Model{Variant: v}, 12, y)
		want := path(t, f, 6, y)
		if got := path(t, f, 4, append(slices.Clone(y), gap, gap)); !slices.Equal(got, want[2:]) {
			t.Errorf("%v: behind a gap %v, want %v", v, got, want[2:])
		}
		front := append([]float64{gap, gap, gap}, y...)
		if got := path(t, fit(t, Model{Variant: v}, 12, front), 6, front); !near(got, want, 1e-9) {
			t.Errorf("%v: with a gap in front %v, want %v", v, got, want)
		}
		holes := slices.Clone(y)
		holes[30], holes[31], holes[70] = gap, gap, gap
		if got := path(t, fit(t, Model{Variant: v}, 12, holes), 6, holes); !near(got, want, 0.03) {
			t.Errorf("%v: with holes %v, want about %v", v, got, want)
		}
	}
}

func near(got, want []float64, off float64) bool {
	return floats.EqualApprox(got, want, off*max(floats.Norm(want, math.Inf(1)), 1e-300))
}

func TestOddSeries(t *testing.T) {
	for name, y := range map[string][]float64{
		"zeros":          make([]float64, 30),
		"constant":       slices.Repeat([]float64{7}, 30),
		"line":           {1, 2, 3, 4, 5, 6, 7, 8},
		"one jump":       {0, 0, 0, 0, 0, 0, 0, 1e9},
		"huge":           {1e307, 2e307, 1e307, 2e307, 1.5e307},
		"tiny":           {1e-307, 2e-307, 1e-307, 2e-307, 1e-307},
		"mostly nothing": {gap, 1, gap, gap, 2, gap, 3, gap, gap, gap, 2, gap},
	} {
		for v := Standard; v <= Auto; v++ {
			h := 10_000
			if name == "huge" {
				h = 4 // further on, a trend leaves the numbers
			}
			got := path(t, fit(t, Model{Variant: v}, 4, y), h, y)
			for i, value := range got {
				if math.IsNaN(value) || math.IsInf(value, 0) {
					t.Fatalf("%s, %v: step %d is %v", name, v, i, value)
				}
			}
			if (name == "zeros" || name == "constant") && !near(got[:1], y[:1], 1e-12) {
				t.Errorf("%s, %v: forecast %v", name, v, got[0])
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	ok := model.Series{Y: []float64{1, 2, 3, 4}}
	refuse := func(m Model, s model.Series) error {
		_, err := m.FitSeries(t.Context(), s)
		return err
	}
	_, steps := (&Fit{alpha: 0.5, theta: 2}).Forecast(t.Context(), 0, ok, nil)
	_, beyond := (&Fit{alpha: 0.5, theta: 2, line: trend{0, math.MaxFloat64}}).Forecast(t.Context(), 1, ok, nil)
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		says string
	}{
		"three weeks":   {refuse(Model{}, model.Series{Y: ok.Y[:3]}), fault.Invalid, "at least 4 observed periods, the series has 3"},
		"infinite":      {refuse(Model{}, model.Series{Y: []float64{1, 2, 3, math.Inf(1)}}), fault.Invalid, "period 4 of 4"},
		"decomposition": {refuse(Model{Options: Options{"multiplicativ"}}, ok), fault.Config, "multiplicativ"},
		"variant":       {refuse(Model{Variant: 9}, ok), fault.Config, "variant 9"},
		"season":        {refuse(Model{}, model.Series{Y: ok.Y, Season: 1 << 20}), fault.Config, "season of 1048576"},
		"steps":         {steps, fault.Usage, "0 steps"},
		"beyond":        {beyond, fault.Invalid, "beyond all numbers"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// The stored form is read by later versions: it must not change by accident.
func TestStoredForm(t *testing.T) {
	f := &Fit{season: season{[]float64{0.5, 1.5}, true}, variant: Dynamic, alpha: 0.25, theta: 2, level: 3, line: trend{4, 5}, criterion: 6}
	got, err := f.MarshalBinary()
	want := "544845544101" + "0201" + "02000000" + "000000000000d03f" + "0000000000000040" + "0000000000000840" +
		"0000000000001040" + "0000000000001440" + "0000000000001840" + "000000000000e03f" + "000000000000f83f"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("stored as %x, error %v, want %s", got, err, want)
	}
	read, err := Unmarshal(got)
	if err != nil || read.(*Fit).Figures().Params["variant"] != "dynamic_theta" {
		t.Errorf("read as %+v, error %v", read, err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, fit := range []*Fit{
		{alpha: 0.5, theta: 2},
		{season: season{[]float64{0.5, 1.5}, true}, variant: DynamicOptimized, alpha: 0.25, theta: 1, level: 3, line: trend{4, 5}},
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
