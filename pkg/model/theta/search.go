package theta

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/salesctl/salesctl/pkg/model/decompose"
)

// The range of the parameters is statsforecast's.
const (
	leastAlpha = 0.1
	mostAlpha  = 0.99
	mostWeight = 1 - 1e-10 // theta of 1e10
	halfWeight = 0.5       // theta of 2
	skipped    = 3         // periods whose errors do not count
)

// Of this many values of alpha the best is looked around.
const gridSize = 32

// problem is the least squares of one variant for one series.
type problem struct {
	variant  Variant
	y        []float64 // without gaps
	observed []bool
	trends   []trend // of the periods before; one where the line is fixed
}

// solution is the best level and weight for an alpha.
type solution struct {
	alpha, level, weight float64
	squares              float64
}

// search fills in the parameters from values without their season. They are
// scaled to 1 at most, so that squares neither overflow nor vanish.
func (f *Fit) search(ctx context.Context, v Variant, values []float64) error {
	observed, scale := make([]bool, len(values)), 0.0
	for i, y := range values {
		if observed[i] = !math.IsNaN(y); observed[i] {
			scale = max(scale, math.Abs(y))
		}
	}
	y := decompose.Interpolate(values)
	f.variant, f.alpha, f.theta = v, 0.5, 2
	if v == Auto {
		f.variant = Standard
	}
	if floats.Max(y) == floats.Min(y) {
		f.level, f.line = y[0]/2, trend{intercept: y[0]}
		return ctx.Err()
	}
	floats.Scale(1/scale, y)
	best, err := choose(ctx, v, y, observed)
	if err != nil {
		return err
	}
	f.variant = best.variant
	f.alpha, f.theta, f.level = best.alpha, 1/(1-best.weight), best.level*scale
	f.line = line(y)
	f.line.intercept *= scale
	f.line.slope *= scale
	f.criterion = best.squares / floats.Norm(y, 1) * float64(len(y)) * scale
	return nil
}

// answer is a solution and the variant that it belongs to.
type answer struct {
	solution
	variant Variant
}

// choose solves the variant, or all four and returns the first of least
// squares.
func choose(ctx context.Context, v Variant, y []float64, observed []bool) (answer, error) {
	variants := []Variant{v}
	if v == Auto {
		variants = []Variant{Standard, Optimized, Dynamic, DynamicOptimized}
	}
	best := answer{solution: solution{squares: math.Inf(1)}}
	for _, v := range variants {
		if err := ctx.Err(); err != nil {
			return best, err
		}
		if s := newProblem(v, y, observed).minimise(); s.squares < best.squares {
			best = answer{s, v}
		}
	}
	return best, nil
}

func newProblem(v Variant, y []float64, observed []bool) problem {
	p := problem{variant: v, y: y, observed: observed}
	if !v.dynamic() {
		p.trends = []trend{line(y)}
		return p
	}
	p.trends = make([]trend, len(y))
	var r running
	for i, v := range y {
		p.trends[i] = r.trend
		r.add(v)
	}
	return p
}

// before returns the trend that the forecast of period i rests on.
func (p problem) before(i int) trend {
	if len(p.trends) == 1 {
		return p.trends[0]
	}
	return p.trends[i]
}

// minimise looks over all alphas, and then around the best more closely.
func (p problem) minimise() solution {
	alphas := floats.Span(make([]float64, gridSize), leastAlpha, mostAlpha)
	best := p.at(alphas[0])
	for _, alpha := range alphas[1:] {
		if s := p.at(alpha); s.squares < best.squares {
			best = s
		}
	}
	step := alphas[1] - alphas[0]
	inside := func(x []float64) float64 { return min(max(x[0], leastAlpha), mostAlpha) }
	res, err := optimize.Minimize(
		optimize.Problem{Func: func(x []float64) float64 { return p.at(inside(x)).squares }},
		[]float64{best.alpha},
		&optimize.Settings{
			MajorIterations: 100,
			Converger:       &optimize.FunctionConverge{Relative: 1e-13, Iterations: 8},
		},
		&optimize.NelderMead{SimplexSize: step / 2},
	)
	if err != nil || res == nil {
		return best // the grid's is good to a step
	}
	if s := p.at(inside(res.X)); s.squares < best.squares {
		return s
	}
	return best
}

// at solves for the starting level and the weight, given alpha. The error of
// period i is its value less what smoothing from 0 expects, less
// level*(1-alpha)^i, less weight*drift.
func (p problem) at(alpha float64) solution {
	var n normal
	smooth, decay := float64(alpha*p.y[0]), 1-alpha
	for i := 1; i < len(p.y); i++ {
		if i >= skipped && p.observed[i] {
			n.add(decay, p.before(i).drift(alpha, decay), p.y[i]-smooth)
		}
		smooth = float64(alpha*p.y[i]) + float64((1-alpha)*smooth)
		decay *= 1 - alpha
	}
	level, weight := n.solve(p.variant.estimated())
	s := solution{alpha: alpha, level: level, weight: weight}
	s.squares = p.squares(s)
	return s
}

// squares sums the squared errors of a solution. The normal equations would lose
// digits where the fit is close.
func (p problem) squares(s solution) float64 {
	r := recursion{alpha: s.alpha, weight: s.weight, decay: 1 - s.alpha}
	r.level = float64(s.alpha*p.y[0]) + float64((1-s.alpha)*s.level)
	sum := 0.0
	for i := 1; i < len(p.y); i++ {
		r.line.trend = p.before(i)
		if i >= skipped && p.observed[i] {
			e := p.y[i] - r.mean()
			sum += float64(e * e)
		}
		r.level = float64(r.alpha*p.y[i]) + float64((1-r.alpha)*r.level)
		r.decay *= 1 - r.alpha
	}
	return sum
}

// normal are the normal equations of level and weight.
type normal struct {
	ll, lw, ww, ly, wy float64
}

func (n *normal) add(l, w, y float64) {
	n.ll += float64(l * l)
	n.lw += float64(l * w)
	n.ww += float64(w * w)
	n.ly += float64(l * y)
	n.wy += float64(w * y)
}

// solve returns the least-squares level and weight, the weight within its
// bounds. Where it is not estimated, or cannot be told from the level, it is a
// half.
func (n *normal) solve(estimated bool) (level, weight float64) {
	weight = halfWeight
	if det := float64(n.ll*n.ww) - float64(n.lw*n.lw); estimated && det > 1e-13*n.ll*n.ww {
		weight = (float64(n.ll*n.wy) - float64(n.lw*n.ly)) / det
		weight = min(max(weight, 0), mostWeight)
	}
	if n.ll == 0 {
		return 0, weight
	}
	return (n.ly - float64(weight*n.lw)) / n.ll, weight
}
