package arima

import "math"

// logLikelihood is the exact Gaussian log-likelihood of y under the parameters.
// The first d periods stay out of the sum, because they rest on the start of
// the level only. y begins with an observed period. The likelihood is -Inf
// where the parameters are not those of a stationary process.
func (f *filter) logLikelihood(y, phi []float64, sigma2 float64) float64 {
	if !(sigma2 > 0) || !f.start(phi, sigma2) {
		return math.Inf(-1)
	}
	// Most periods have the variance sigma2: its logarithm is taken once.
	n, usual := 0, 0
	deviance, squares := 0.0, 0.0
	for t, obs := range y {
		settled := f.settled()
		v, variance := f.step(obs)
		if t < f.d || math.IsNaN(obs) {
			continue
		}
		n++
		if settled {
			usual++
			squares += float64(v * v)
		} else {
			deviance += math.Log(variance) + v*v/variance
		}
	}
	deviance += float64(float64(usual)*math.Log(sigma2)) + squares/sigma2
	return finiteOrLow(-0.5 * (deviance + float64(float64(n)*math.Log(2*math.Pi))))
}

// finiteOrLow turns what overflowed into the worst likelihood.
func finiteOrLow(llf float64) float64 {
	if math.IsNaN(llf) || math.IsInf(llf, 0) {
		return math.Inf(-1)
	}
	return llf
}
