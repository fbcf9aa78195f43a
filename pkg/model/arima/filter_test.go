package arima

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/testdata"
)

// stores returns the weekly sales of the sample by store.
func stores(t testing.TB) map[string][]float64 {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sales := map[string][]float64{}
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		sales[r[0]] = append(sales[r[0]], v)
	}
	return sales
}

// The AR(1)'s exact likelihood is short enough to write down (Hamilton, Time
// Series Analysis, 5.2.9).
func TestLikelihoodOfAR1(t *testing.T) {
	y := []float64{1.2, -0.3, 0.8, 2.1, 0.4}
	phi, sigma2 := 0.6, 1.7
	first := sigma2 / (1 - phi*phi)
	want := -0.5 * (math.Log(2*math.Pi*first) + y[0]*y[0]/first)
	for i := 1; i < len(y); i++ {
		e := y[i] - phi*y[i-1]
		want -= 0.5 * (math.Log(2*math.Pi*sigma2) + e*e/sigma2)
	}
	if got := newFilter(Order{1, 0}).logLikelihood(y, []float64{phi}, sigma2); math.Abs(got-want) > 1e-12 {
		t.Errorf("log-likelihood %.15f, want %.15f", got, want)
	}
}

// stationary draws the coefficients of a stationary AR(p).
func stationary(t *rapid.T, p int) []float64 {
	if p == 0 {
		return nil
	}
	partials := rapid.SliceOfN(rapid.Float64Range(-0.9, 0.9), p, p).Draw(t, "partials")
	l := newLevinson(p)
	l.up(partials)
	return l[p-1]
}

// lyapunov returns n autocovariances of an AR(p) with p > 0, from the linear
// system vec(P) = (I - T x T)^-1 vec(Q) of its companion form T.
func lyapunov(phi []float64, sigma2 float64, n int) []float64 {
	p := len(phi)
	step := mat.NewDense(p, p, nil)
	step.SetRow(0, phi)
	for i := 1; i < p; i++ {
		step.Set(i, i-1, 1)
	}
	var system mat.Dense
	system.Kronecker(step, step)
	system.Scale(-1, &system)
	for i := range p * p {
		system.Set(i, i, system.At(i, i)+1)
	}
	shocks, vec := mat.NewVecDense(p*p, nil), mat.NewVecDense(p*p, nil)
	shocks.SetVec(0, sigma2)
	if err := vec.SolveVec(&system, shocks); err != nil {
		panic(err)
	}
	gamma := make([]float64, n)
	for k := range gamma {
		if k < p {
			gamma[k] = vec.AtVec(k)
			continue
		}
		for i, c := range phi {
			gamma[k] += c * gamma[k-1-i]
		}
	}
	return gamma
}

// jointCovariance returns the covariance of n periods. It knows nothing of
// filters and recursions over partial autocorrelations.
func jointCovariance(o Order, phi []float64, sigma2 float64, n int) *mat.SymDense {
	gamma := make([]float64, n)
	gamma[0] = sigma2
	if o.P > 0 {
		gamma = lyapunov(phi, sigma2, n)
	}
	z := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			z.SetSym(i, j, gamma[j-i])
		}
	}
	if o.D == 0 {
		return z
	}
	var sums, half mat.Dense
	below := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range i + 1 {
			below.Set(i, j, 1)
		}
	}
	half.Mul(below, z)
	sums.Mul(&half, below.T())
	for i := range n {
		for j := i; j < n; j++ {
			z.SetSym(i, j, sums.At(i, j)+levelVariance)
		}
	}
	return z
}

// normalLogDensity is the multivariate normal's density of the chosen periods.
func normalLogDensity(t *rapid.T, cov *mat.SymDense, y []float64, periods []int) float64 {
	if len(periods) == 0 {
		return 0
	}
	sub, x := mat.NewSymDense(len(periods), nil), make([]float64, len(periods))
	for i, p := range periods {
		x[i] = y[p]
		for j := i; j < len(periods); j++ {
			sub.SetSym(i, j, cov.At(p, periods[j]))
		}
	}
	dist, ok := distmv.NewNormal(make([]float64, len(periods)), sub, nil)
	if !ok {
		t.Skip("the covariance is not positive definite in float64")
	}
	return dist.LogProb(x)
}

// The filter's likelihood is that of the joint normal distribution, with the
// missing periods left out of it.
func TestLikelihoodIsTheJointDensity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Order{P: rapid.IntRange(0, 4).Draw(t, "p"), D: rapid.IntRange(0, 1).Draw(t, "d")}
		phi := stationary(t, o.P)
		sigma2 := rapid.Float64Range(1e3, 1e6).Draw(t, "sigma2")
		y := rapid.SliceOfN(rapid.Float64Range(-3000, 3000), 2, 14).Draw(t, "y")
		observed := []int{0}
		for i := 1; i < len(y); i++ {
			if rapid.IntRange(0, 3).Draw(t, "kept") == 0 {
				y[i] = math.NaN()
				continue
			}
			observed = append(observed, i)
		}
		cov := jointCovariance(o, phi, sigma2, len(y))
		want := normalLogDensity(t, cov, y, observed) - normalLogDensity(t, cov, y, observed[:o.D])
		got := newFilter(o).logLikelihood(y, phi, sigma2)
		if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Fatalf("order %v, phi %v: log-likelihood %.12g, the joint density's is %.12g", o, phi, got, want)
		}
	})
}

// A filter that never settles must say the same as one that does.
func TestSettledFilterIsExact(t *testing.T) {
	y := stores(t)["7"]
	phi, sigma2 := []float64{0.5, -0.3, 0.2}, 4e9
	quick, full := newFilter(Order{3, 1}), newFilter(Order{3, 1})
	quick.start(phi, sigma2)
	full.start(phi, sigma2)
	for i, obs := range y {
		full.seen = min(full.seen, full.size-2) // always one short
		v1, f1 := quick.step(obs)
		v2, f2 := full.step(obs)
		if math.Abs(v1-v2) > 1e-6 || math.Abs(f1/f2-1) > 1e-8 {
			t.Fatalf("period %d: error %v with variance %v, in full %v with %v", i, v1, f1, v2, f2)
		}
	}
	if !quick.settled() || full.settled() {
		t.Errorf("settled: %v and %v", quick.settled(), full.settled())
	}
}

func TestLikelihoodOutsideTheRegion(t *testing.T) {
	f := newFilter(Order{2, 1})
	for _, c := range []struct {
		phi    []float64
		sigma2 float64
	}{
		{[]float64{1, 0}, 1}, {[]float64{0.5, 0.6}, 1}, {[]float64{0, -1.01}, 1}, {[]float64{math.NaN(), 0}, 1},
		{[]float64{0, 0}, 0}, {[]float64{0, 0}, -1}, {[]float64{0, 0}, math.NaN()}, {[]float64{0, 0}, math.Inf(1)},
	} {
		if got := f.logLikelihood([]float64{1, 2, 4, 3}, c.phi, c.sigma2); !math.IsInf(got, -1) {
			t.Errorf("phi %v, sigma2 %v: log-likelihood %v", c.phi, c.sigma2, got)
		}
	}
}

// testdata/reference.py made the cases.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		Cases []struct {
			P, D          int
			Params        []float64
			Missing       []int
			LLF, AIC, BIC float64
			Forecast      []float64
		}
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Cases) == 0 {
		t.Fatal("no cases")
	}
	for i, c := range ref.Cases {
		y := stores(t)["4"][:60]
		for _, m := range c.Missing {
			y[m] = math.NaN()
		}
		f := &Fit{order: Order{c.P, c.D}, periods: len(y), estimate: estimate{phi: c.Params[:c.P], sigma2: c.Params[c.P]}}
		f.llf = newFilter(f.order).logLikelihood(y, f.phi, f.sigma2)
		s := f.Summary()
		got, want := []float64{s.LogLikelihood, s.AIC, s.BIC}, []float64{c.LLF, c.AIC, c.BIC}
		for k := range want {
			if !(math.Abs(got[k]/want[k]-1) < 1e-9) {
				t.Errorf("case %d %v: log-likelihood, AIC, BIC are %.9f, want %.9f", i, f.order, got, want)
				break
			}
		}
		for k, v := range forecast(t, f, 8, y) {
			if !(math.Abs(v-c.Forecast[k]) <= 1e-9*math.Abs(c.Forecast[k])) {
				t.Errorf("case %d %v: step %d is %v, want %v", i, f.order, k+1, v, c.Forecast[k])
			}
		}
	}
}
