package arima

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	for _, o := range []Order{{5, 1}, {1, 0}, {0, 1}} {
		t.Run(o.String(), func(t *testing.T) {
			modeltest.Local(t, func() model.Local { return Model{Order: o} }, Unmarshal)
		})
	}
}

func fitted(t *testing.T, o Order, y []float64) *Fit {
	t.Helper()
	f, err := Model{Order: o}.FitSeries(context.Background(), model.Series{Y: y})
	if err != nil {
		t.Fatal(err)
	}
	return f.(*Fit)
}

func forecast(t *testing.T, f *Fit, h int, y []float64) []float64 {
	t.Helper()
	p, err := f.Forecast(context.Background(), h, model.Series{Y: y}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Mean
}

// wantWithin compares forecasts to a relative tolerance.
func wantWithin(t *testing.T, got, want []float64, tol float64) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(got[i]/w-1) <= tol) {
			t.Errorf("step %d: %.2f, want %.2f within a share of %g", i+1, got[i], w, tol)
		}
	}
}

type peer struct {
	AIC, BIC, LLF float64
	Params        map[string]float64
	Forecast8     []float64
}

// arParams returns statsmodels' parameters in the order of its coefficients.
func (r peer) arParams() (phi []float64, sigma2 float64) {
	for i := range len(r.Params) - 1 {
		phi = append(phi, r.Params[fmt.Sprintf("ar.L%d", i+1)])
	}
	return phi, r.Params["sigma2"]
}

// peers returns what statsmodels 0.15.0 makes of ARIMA(5,1,0) for every store;
// testdata/README.md tells how.
func peers(t *testing.T) map[string]peer {
	t.Helper()
	raw, err := os.ReadFile("../../../testdata/arima510_statsmodels.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Stores map[string]peer }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Stores) != 45 {
		t.Fatalf("%d stores, want 45", len(all.Stores))
	}
	return all.Stores
}

func TestLikelihoodEqualsStatsmodels(t *testing.T) {
	sales := stores(t)
	for store, want := range peers(t) {
		phi, sigma2 := want.arParams()
		y := sales[store]
		f := &Fit{order: Order{5, 1}, periods: len(y), estimate: estimate{phi: phi, sigma2: sigma2}}
		f.llf = newFilter(f.order).logLikelihood(y, phi, sigma2)
		s := f.Summary()
		for _, c := range []struct {
			what      string
			got, want float64
		}{{"log-likelihood", s.LogLikelihood, want.LLF}, {"AIC", s.AIC, want.AIC}, {"BIC", s.BIC, want.BIC}} {
			if !(math.Abs(c.got-c.want) < 1e-6) {
				t.Errorf("store %s: %s is %.7f at statsmodels' parameters, it says %.7f", store, c.what, c.got, c.want)
			}
		}
		wantWithin(t, forecast(t, f, 8, y), want.Forecast8, 1e-9)
	}
}

// statsmodels searches with sigma2 in squared dollars and stops early in that
// direction, so that the maximum here may be higher, while the coefficients,
// on which alone the forecasts rest, agree.
func TestFitEqualsStatsmodels(t *testing.T) {
	sales := stores(t)
	for store, want := range peers(t) {
		f := fitted(t, Order{5, 1}, sales[store])
		s := f.Summary()
		if !s.Converged || s.Iterations == 0 {
			t.Errorf("store %s: converged %v after %d iterations", store, s.Converged, s.Iterations)
		}
		if s.LogLikelihood < want.LLF-0.01 {
			t.Errorf("store %s: log-likelihood %.4f is below statsmodels' %.4f", store, s.LogLikelihood, want.LLF)
		}
		wantWithin(t, forecast(t, f, 8, sales[store]), want.Forecast8, 0.001)
	}
}

// The numbers that the Python original published.
func TestPublishedForecasts(t *testing.T) {
	sales := stores(t)
	for store, want := range map[string][]float64{
		"1":  {1565441.04, 1524020.55, 1530962.89, 1530656.90, 1545704.82},
		"45": {750791.40, 745211.57, 739952.66, 750432.96},
	} {
		wantWithin(t, forecast(t, fitted(t, Order{5, 1}, sales[store]), len(want), sales[store]), want, 0.001)
	}
}

// A search that depends on where it starts would have local maxima.
func TestOtherStartsFindTheSameMaximum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for store, y := range stores(t) {
		best := fitted(t, Order{5, 1}, y).llf
		for range 3 {
			start := make([]float64, 6)
			for i := range start {
				start[i] = rng.NormFloat64()
			}
			e, err := newObjective(Order{5, 1}, y, spread(y, 1)).maximise(context.Background(), start)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(e.llf-best) > 1e-4 {
				t.Errorf("store %s: the search from %.2v ends at %.5f, from white noise at %.5f", store, start, e.llf, best)
			}
		}
	}
}

func TestSpread(t *testing.T) {
	y := []float64{1, math.NaN(), 3, 6}
	if got := spread(y, 0); got != 46.0/3 {
		t.Errorf("of the values: %v, want %v", got, 46.0/3)
	}
	if got := spread(y, 1); got != 6.5 {
		t.Errorf("of the changes: %v, want 6.5", got)
	}
}

// patience is a context that is cancelled after it was asked so many times.
type patience struct {
	context.Context
	asked, limit int
}

func (p *patience) Err() error {
	if p.asked++; p.asked > p.limit {
		return context.Canceled
	}
	return nil
}

func TestStopsDuringTheSearch(t *testing.T) {
	for limit := range 5 {
		ctx := &patience{Context: context.Background(), limit: limit}
		_, err := Model{Order: Order{5, 1}}.FitSeries(ctx, model.Series{Y: stores(t)["1"]})
		if !errors.Is(err, context.Canceled) || ctx.asked > limit+4 {
			t.Errorf("cancelled after %d questions: error %v after %d", limit, err, ctx.asked)
		}
	}
}

// New weeks move the forecast by what they say, under the old parameters.
func TestObservesWithoutRefit(t *testing.T) {
	y := []float64{10, 12, 11, 13, 12, 14, 13, 15, 14, 16}
	f := fitted(t, Order{1, 1}, y)
	longer := append(append([]float64{}, y...), 15, 99)
	want := 99 + f.phi[0]*(99-15)
	wantWithin(t, forecast(t, f, 1, longer), []float64{want}, 1e-12)
}

// A series that opens later than the panel does is fitted from its opening.
func TestDropsLeadingMissingPeriods(t *testing.T) {
	y := stores(t)["9"]
	late := append([]float64{math.NaN(), math.NaN(), math.NaN()}, y...)
	f, fLate := fitted(t, Order{5, 1}, y), fitted(t, Order{5, 1}, late)
	if diff := cmp.Diff(f.Summary(), fLate.Summary()); diff != "" {
		t.Errorf("summary (-from the opening +from before):\n%s", diff)
	}
	wantWithin(t, forecast(t, f, 8, late[:9]), forecast(t, f, 8, y[:6]), 0)
}

func TestRefusals(t *testing.T) {
	ok := fitted(t, Order{1, 1}, []float64{1, 3, 2, 5, 4, 8})
	inf := []float64{1, 2, 3, math.Inf(1), 3, 4}
	fit := func(o Order, y ...float64) error {
		_, err := Model{Order: o}.FitSeries(context.Background(), model.Series{Y: y})
		return err
	}
	ahead := func(h int, y ...float64) error {
		_, err := ok.Forecast(context.Background(), h, model.Series{Y: y}, nil)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		kind fault.Kind
		says string
	}{
		{"p below 0", fit(Order{-1, 1}), fault.Config, "p is -1"},
		{"p too long", fit(Order{53, 1}), fault.Config, "want 0 to 52"},
		{"d of 2", fit(Order{1, 2}), fault.Config, "d is 2"},
		{"short", fit(Order{5, 1}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), fault.Invalid, "at least 13 observed periods, the series has 12"},
		{"infinite", fit(Order{1, 1}, inf...), fault.Invalid, "period 4 of 6 of the series is infinite"},
		{"beyond float64", fit(Order{1, 1}, 1e300, -1e300, 1e300, 1, 2), fault.Invalid, "no computable likelihood"},
		{"short history", ahead(1, 7), fault.Invalid, "at least 2 observed periods, the series has 1"},
		{"infinite history", ahead(1, inf...), fault.Invalid, "infinite"},
		{"no steps", ahead(0, 1, 2, 3), fault.Usage, "0 steps"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.says) {
			t.Errorf("%s: error %v of kind %d, want kind %d and %q", c.name, c.err, fault.KindOf(c.err), c.kind, c.says)
		}
	}
	if fault.HintOf(fit(Order{5, 1}, 1, 2)) == "" {
		t.Error("a short series is refused without a hint")
	}
}

// What cannot be estimated well must still be answered.
func TestUnusualSeries(t *testing.T) {
	line, steps, spike, sparse := make([]float64, 60), make([]float64, 60), make([]float64, 60), make([]float64, 60)
	for i := range line {
		line[i] = float64(i)
		steps[i] = float64(i / 20)
		spike[i] = 5
		sparse[i] = math.NaN()
		if i%2 == 0 {
			sparse[i] = float64(i * i % 17)
		}
	}
	spike[30] = 1e9
	for name, y := range map[string][]float64{"a line": line, "steps": steps, "a spike": spike, "each second missing": sparse} {
		f := fitted(t, Order{5, 1}, y)
		for i, v := range forecast(t, f, 60, y) {
			if math.IsNaN(v) || math.Abs(v) > 1e10 {
				t.Errorf("%s: step %d is %v", name, i+1, v)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	y := []float64{4, 4, 4, 4, math.NaN(), 4, 4}
	flat := fitted(t, Order{1, 1}, y)
	p, err := flat.Forecast(context.Background(), 2, model.Series{Y: append(y, 6)}, nil)
	if err != nil || p.Mean[1] != 6 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "constant") {
		t.Errorf("constant series: %v, error %v", p, err)
	}
	if s := flat.Summary(); s.LogLikelihood != 0 || s.AIC != 0 || s.BIC != 0 || !s.Converged {
		t.Errorf("constant series: %+v", s)
	}
	lost := &Fit{order: Order{1, 1}, estimate: estimate{phi: []float64{0.5}, sigma2: 1}}
	p, err = lost.Forecast(context.Background(), 1, model.Series{Y: []float64{1, 2}}, nil)
	if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "converged") {
		t.Errorf("search that did not converge: %v, error %v", p, err)
	}
}

func TestSummaryNamesParams(t *testing.T) {
	s := fitted(t, Order{2, 1}, stores(t)["3"]).Summary()
	var names []string
	for _, p := range s.Params {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "ar.L1 ar.L2 sigma2" || s.Order.String() != "(2, 1, 0)" || s.Periods != 143 {
		t.Errorf("params %q, order %v, %d periods", got, s.Order, s.Periods)
	}
}

func BenchmarkFit45Stores(b *testing.B) {
	sales := stores(b)
	for b.Loop() {
		for _, y := range sales {
			if _, err := (Model{Order: Order{5, 1}}).FitSeries(b.Context(), model.Series{Y: y}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
