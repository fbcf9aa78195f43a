package arima

import "math"

// levinson is the triangle of the Durbin-Levinson recursion: row k holds the
// coefficients of the best linear prediction from the last k+1 values, so that
// the diagonal is the partial autocorrelations and the last row an AR(p)'s
// coefficients (Brockwell and Davis, Time Series: Theory and Methods, 5.2).
// Products are rounded before they are added, so that every platform gets the
// same bits.
type levinson [][]float64

func newLevinson(p int) levinson {
	rows := make(levinson, p)
	for k := range rows {
		rows[k] = make([]float64, k+1)
	}
	return rows
}

// up fills the triangle from partial autocorrelations. All of them lie within
// (-1, 1) exactly when the process is stationary, which is how Monahan (1984)
// and Jones (1980) keep an optimiser inside that region.
func (l levinson) up(partials []float64) {
	for k, r := range partials {
		l[k][k] = r
		for i := range k {
			l[k][i] = l[k-1][i] - float64(r*l[k-1][k-1-i])
		}
	}
}

// down fills the triangle, of at least one row, from an AR's coefficients and
// reports whether they are those of a stationary process.
func (l levinson) down(phi []float64) bool {
	copy(l[len(l)-1], phi)
	for k := len(l) - 1; ; k-- {
		r := l[k][k]
		rest := 1 - float64(r*r)
		if !(rest > 0) {
			return false
		}
		if k == 0 {
			return true
		}
		for i := range k {
			l[k-1][i] = (l[k][i] + float64(r*l[k][k-1-i])) / rest
		}
	}
}

// autocovariances writes the process's autocovariances at lags 0, 1, ... into
// dst, one fewer than a row past the triangle at most: the solution of the
// discrete Lyapunov equation of its companion form. sigma2 is the variance of
// the shocks.
func (l levinson) autocovariances(dst []float64, sigma2 float64) {
	v := sigma2 // the variance of the error of predicting from k values
	for k := range l {
		r := l[k][k]
		v /= 1 - float64(r*r)
	}
	dst[0] = v
	for k := 1; k < len(dst); k++ {
		r := l[k-1][k-1]
		g := float64(r * v)
		for i := range k - 1 {
			g += float64(l[k-2][i] * dst[k-1-i])
		}
		dst[k] = g
		v *= 1 - float64(r*r)
	}
}

// bounded maps the real line onto (-1, 1).
func bounded(x float64) float64 { return x / math.Sqrt(1+x*x) }
