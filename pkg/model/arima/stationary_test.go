package arima

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// The autocovariances fill a matrix that the companion form leaves as it is:
// P = T P T' + Q.
func TestAutocovariancesSolveLyapunov(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		phi, sigma2 := stationary(t, n), rapid.Float64Range(0.1, 1e10).Draw(t, "sigma2")
		l, gamma := newLevinson(n), make([]float64, n)
		if !l.down(phi) {
			t.Fatalf("%v is taken for no stationary process", phi)
		}
		l.autocovariances(gamma, sigma2)

		p, step := mat.NewDense(n, n, nil), mat.NewDense(n, n, nil)
		for i := range n {
			step.Set(0, i, phi[i])
			if i > 0 {
				step.Set(i, i-1, 1)
			}
			for j := range n {
				p.Set(i, j, gamma[max(i-j, j-i)])
			}
		}
		var half, next mat.Dense
		half.Mul(step, p)
		next.Mul(&half, step.T())
		next.Set(0, 0, next.At(0, 0)+sigma2)
		next.Sub(&next, p)
		if worst := mat.Norm(&next, 2) / mat.Norm(p, 2); worst > 1e-9 {
			t.Fatalf("phi %v: the covariance changes by a share of %v", phi, worst)
		}
	})
}

func TestDownUndoesUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		partials := rapid.SliceOfN(rapid.Float64Range(-0.95, 0.95), n, n).Draw(t, "partials")
		up, down := newLevinson(n), newLevinson(n)
		up.up(partials)
		if !down.down(up[n-1]) {
			t.Fatalf("the process of %v is taken for none", partials)
		}
		for k, want := range partials {
			if math.Abs(down[k][k]-want) > 1e-6 {
				t.Fatalf("partial autocorrelation %d is %v, want %v", k+1, down[k][k], want)
			}
		}
	})
}

// The triangle of stationary AR(2) is phi2 > -1, phi1 + phi2 < 1, phi2 - phi1 < 1.
func TestStationaryRegionOfAR2(t *testing.T) {
	for phi1 := -2.45; phi1 < 2.5; phi1 += 0.1 {
		for phi2 := -1.45; phi2 < 1.5; phi2 += 0.1 {
			want := phi2 > -1 && phi1+phi2 < 1 && phi2-phi1 < 1
			onEdge := math.Abs(phi1+phi2-1) < 1e-9 || math.Abs(phi2-phi1-1) < 1e-9
			if got := newLevinson(2).down([]float64{phi1, phi2}); got != want && !onEdge {
				t.Errorf("AR(2) of %.2f, %.2f: stationary is %v, want %v", phi1, phi2, got, want)
			}
		}
	}
}

func TestBounded(t *testing.T) {
	for _, x := range []float64{-1e5, -1, -0.1, 0, 0.1, 1, 1e5} {
		r := bounded(x)
		if back := r / math.Sqrt(1-r*r); math.Abs(r) >= 1 || math.Abs(back-x) > 1e-5*math.Abs(x) {
			t.Errorf("bounded(%v) is %v, which comes from %v", x, r, back)
		}
	}
}
