package combine

import (
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// problem is the squared error of weights w that sum to 1, as the quadratic form
// w'Gw of the models' errors.
type problem struct {
	gram   [][]float64 // G, mean products of the models' errors
	points int
}

// problem gathers the fold's errors, relative to the mean size of what came.
func (f Fold) problem(fold, models int) (problem, error) {
	p := zero(models)
	if len(f.Forecasts) != models || models == 0 {
		return p, fault.New(fault.Invalid, "combine: fold %d has forecasts of %d models, want %d", fold+1, len(f.Forecasts), models)
	}
	for m, v := range f.Forecasts {
		if len(v) != len(f.Actual) {
			return p, fault.New(fault.Invalid, "combine: in fold %d model %d has %d forecasts for %d points", fold+1, m+1, len(v), len(f.Actual))
		}
	}
	size, errs := 0.0, make([]float64, models)
	for i, y := range f.Actual {
		whole := !math.IsNaN(y) && !math.IsInf(y, 0)
		for m := range f.Forecasts {
			errs[m] = f.Forecasts[m][i] - y
			whole = whole && !math.IsNaN(errs[m]) && !math.IsInf(errs[m], 0)
		}
		if !whole {
			continue
		}
		p.points++
		size += math.Abs(y)
		for a := range errs {
			for b := range errs {
				p.gram[a][b] += float64(errs[a] * errs[b])
			}
		}
	}
	if p.points == 0 {
		return p, nil
	}
	n := float64(p.points)
	if size == 0 {
		size = n // nothing was sold: errors stay in units
	}
	p.scale(n / (size * size)) // mean of products over the square of the mean size
	return p, nil
}

func zero(models int) problem {
	p := problem{gram: make([][]float64, models)}
	for m := range p.gram {
		p.gram[m] = make([]float64, models)
	}
	return p
}

func (p problem) scale(by float64) {
	for _, row := range p.gram {
		for b := range row {
			row[b] *= by
		}
	}
}

// sum returns the problem of all folds but one; -1 leaves none out.
func sum(problems []problem, but, models int) problem {
	out := zero(models)
	for i, p := range problems {
		if i == but {
			continue
		}
		out.points += p.points
		for a := range out.gram {
			for b := range out.gram[a] {
				out.gram[a][b] += p.gram[a][b]
			}
		}
	}
	return out
}

// loss returns the squared error of the weights.
func (p problem) loss(w []float64) float64 {
	loss := 0.0
	for a, row := range p.gram {
		for b, g := range row {
			loss += float64(w[a] * w[b] * g)
		}
	}
	return loss
}

// rounds bounds the search; it is left when a step moves no weight any more.
const rounds = 5000

// solve returns the weights of least loss plus penalty times the mean loss of a
// model times the squared distance from equal weights, by projected gradients with
// momentum (Beck and Teboulle 2009), whose step is the inverse of a bound of the
// curvature.
func (p problem) solve(penalty float64) []float64 {
	models := len(p.gram)
	w := equal(models)
	trace, curvature := 0.0, 0.0
	for a, row := range p.gram {
		trace += row[a]
		size := 0.0
		for _, g := range row {
			size += math.Abs(g)
		}
		curvature = max(curvature, size)
	}
	if math.IsInf(penalty, 1) || trace == 0 {
		return w
	}
	pull := penalty * trace / float64(models)
	step := 1 / (curvature + pull)
	ahead, t := slices.Clone(w), 1.0
	for range rounds {
		next := make([]float64, models)
		for a, row := range p.gram {
			slope := pull * (ahead[a] - 1/float64(models))
			for b, g := range row {
				slope += g * ahead[b]
			}
			next[a] = ahead[a] - step*slope
		}
		project(next)
		later := (1 + math.Sqrt(1+4*t*t)) / 2
		moved := 0.0
		for m := range w {
			moved = max(moved, math.Abs(next[m]-w[m]), math.Abs(next[m]-ahead[m]))
			ahead[m] = next[m] + (t-1)/later*(next[m]-w[m])
		}
		w, t = next, later
		if moved < 1e-14 {
			break
		}
	}
	return w
}

// project moves v to the nearest point with no part below 0 and the sum 1 (Held,
// Wolfe and Crowder 1974).
func project(v []float64) {
	sorted := slices.Clone(v)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	above, shift := 0.0, 0.0
	for i, x := range sorted {
		above += x
		if s := (above - 1) / float64(i+1); s < x {
			shift = s
		}
	}
	total := 0.0
	for i, x := range v {
		v[i] = max(x-shift, 0)
		total += v[i]
	}
	for i := range v {
		v[i] /= total // what rounding left
	}
}
