package arima

import "math"

// levelVariance is the variance of the level before the first period, in
// squared units of the series. It is meant to be diffuse and is not for sales
// in dollars; it is here because statsmodels starts an ARIMA so, and likelihood,
// parameters and forecasts equal its own only under the same start.
const levelVariance = 1e6

// filter is the Kalman filter of an ARIMA(p,d,0) (Durbin and Koopman, Time
// Series Analysis by State Space Methods, 4.3). The state of period t is
//
//	[level before t (only if d = 1), z(t), z(t-1), ..., z(t-r+1)],  r = max(p, 1)
//
// where z is the differenced series, and the observation is level + z(t),
// without noise. It holds the prediction of the next period: mean a,
// covariance cov.
//
// Once as many periods in a row were seen as the state has elements, the state
// is known but for the next shock: from there on the filter is the AR's own
// recursion, exactly, and cov is not kept up until a period is missing.
type filter struct {
	d, size int
	phi     []float64 // r of them
	sigma2  float64
	lev     levinson
	gamma   []float64 // r autocovariances
	a       []float64
	cov     []float64 // size x size, by rows
	work    []float64 // as cov
	column  []float64 // covariance of the state and the observation
	seen    int       // periods in a row
}

func newFilter(o Order) *filter {
	r := max(o.P, 1)
	n := r + o.D
	return &filter{
		d: o.D, size: n,
		phi: make([]float64, r), lev: newLevinson(r), gamma: make([]float64, r),
		a: make([]float64, n), cov: make([]float64, n*n), work: make([]float64, n*n), column: make([]float64, n),
	}
}

// start puts the filter before the first period, the differences being in their
// stationary distribution. It reports whether there is one.
func (f *filter) start(phi []float64, sigma2 float64) bool {
	copy(f.phi, phi)
	f.sigma2, f.seen = sigma2, 0
	clear(f.a)
	clear(f.cov)
	if !f.lev.down(f.phi) {
		return false
	}
	f.lev.autocovariances(f.gamma, sigma2)
	if f.d == 1 {
		f.cov[0] = levelVariance
	}
	for i := range f.gamma {
		for j := range f.gamma {
			f.cov[(f.d+i)*f.size+f.d+j] = f.gamma[max(i-j, j-i)]
		}
	}
	return !math.IsInf(f.gamma[0], 0)
}

// settled tells whether the state is known but for the next shock.
func (f *filter) settled() bool { return f.seen >= f.size }

// mean returns the prediction of the next period.
func (f *filter) mean() float64 {
	if f.d == 1 {
		return f.a[0] + f.a[1]
	}
	return f.a[0]
}

// step moves on by one period in which y was observed, NaN for none, and
// returns the error of its prediction and that error's variance.
func (f *filter) step(y float64) (v, variance float64) {
	if math.IsNaN(y) {
		f.unsettle()
		f.advance()
		f.advanceCov()
		return 0, 0
	}
	v = y - f.mean()
	settled := f.settled()
	f.seen++
	if settled {
		f.a[f.d] += v
		f.advance()
		return v, f.sigma2
	}
	variance = f.observe(v)
	f.advance()
	f.advanceCov()
	return v, variance
}

// unsettle writes the covariance that a settled filter does not keep.
func (f *filter) unsettle() {
	if f.settled() {
		clear(f.cov)
		f.cov[f.d*f.size+f.d] = f.sigma2
	}
	f.seen = 0
}

// observe conditions the state on a prediction error, and returns its variance.
func (f *filter) observe(v float64) float64 {
	n := f.size
	for i := range n {
		f.column[i] = f.cov[i*n+f.d]
		if f.d == 1 {
			f.column[i] += f.cov[i*n]
		}
	}
	variance := f.column[f.d]
	if f.d == 1 {
		variance += f.column[0]
	}
	if !(variance > 0) {
		return 0 // lost to rounding, where sigma2 is tiny next to levelVariance
	}
	for i := range n {
		gain := f.column[i] / variance
		f.a[i] += float64(gain * v)
		for j := range n {
			f.cov[i*n+j] -= float64(gain * f.column[j])
		}
	}
	return variance
}

// advance moves the state's mean on by one period.
func (f *filter) advance() {
	z := f.a[f.d:]
	next := 0.0
	for i, c := range f.phi {
		next += float64(c * z[i])
	}
	if f.d == 1 {
		f.a[0] += z[0]
	}
	copy(z[1:], z[:len(z)-1])
	z[0] = next
}

// advanceCov moves the state's covariance on by one period: first its rows,
// then the columns of the outcome, by the rule of advance.
func (f *filter) advanceCov() {
	n, d := f.size, f.d
	for j := range n {
		f.advanceColumn(f.work[j:], f.cov[j:], n)
	}
	for i := range n {
		f.advanceColumn(f.cov[i*n:], f.work[i*n:], 1)
	}
	f.cov[d*n+d] += f.sigma2
}

// advanceColumn applies advance to the vector in src whose elements are stride
// apart, and writes it to dst likewise.
func (f *filter) advanceColumn(dst, src []float64, stride int) {
	d := f.d
	if d == 1 {
		dst[0] = src[0] + src[stride]
	}
	next := 0.0
	for i, c := range f.phi {
		next += float64(c * src[(d+i)*stride])
	}
	dst[d*stride] = next
	for i := 1; i < len(f.phi); i++ {
		dst[(d+i)*stride] = src[(d+i-1)*stride]
	}
}
