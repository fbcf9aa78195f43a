package boost

import (
	"math"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// The objectives, by XGBoost's names.
const (
	SquaredError  = "reg:squarederror"  // leads to the mean
	AbsoluteError = "reg:absoluteerror" // to the median
	QuantileError = "reg:quantileerror" // to the quantile Options.QuantileAlpha
	// PseudoHuberError counts a miss beyond Options.HuberSlope, which is in the
	// target's unit, linearly. Its steps overshoot where most misses are far beyond
	// the slope: choose it near a typical miss, or limit them by max_delta_step.
	PseudoHuberError = "reg:pseudohubererror"
)

// Objectives lists the losses that can be boosted.
func Objectives() []string {
	return []string{SquaredError, AbsoluteError, PseudoHuberError, QuantileError}
}

// known refuses the name of any other objective.
func known(name string) error {
	if slices.Contains(Objectives(), name) {
		return nil
	}
	err := fault.New(fault.Config, "there is no objective %q", name)
	if near := fault.Nearest(name, Objectives()); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err.WithHint("the objectives are %s", strings.Join(Objectives(), ", "))
}

// objective is a loss and what boosting needs to know of it, computed in float32
// where XGBoost does so.
type objective interface {
	// start returns the first prediction. Without weights all rows are alike.
	start(target, weight []float32) float32
	// derive writes the loss's first and second derivative at the predictions,
	// times the weights, into rows.
	derive(rows []tree.Sample, prediction, target, weight []float32)
	// loss returns what a prediction costs that is so far above its target. Early
	// stopping watches its mean.
	loss(miss float64) float64
}

// stepped is an objective whose second derivative says nothing. Its trees are
// grown on the first, and their leaves are then set to a quantile of what their
// rows miss.
type stepped interface{ quantile() float64 }

func (o Options) objective() objective {
	switch o.Objective {
	case AbsoluteError:
		return absolute{}
	case PseudoHuberError:
		return pseudoHuber{float32(o.HuberSlope)}
	case QuantileError:
		return quantile{float32(o.QuantileAlpha)}
	}
	return squared{}
}

// squared is half the squared miss.
type squared struct{}

func (squared) start(target, weight []float32) float32 {
	sum, total := 0.0, 0.0
	for i, y := range target {
		w := 1.0
		if weight != nil {
			w = float64(weight[i])
		}
		sum += float64(w * float64(y))
		total += w
	}
	return float32(sum / total)
}

func (squared) derive(rows []tree.Sample, prediction, target, weight []float32) {
	for i := range rows {
		w := weight[i]
		rows[i].Gradient, rows[i].Weight = float64((prediction[i]-target[i])*w), float64(w)
	}
}

func (squared) loss(miss float64) float64 { return miss * miss }

// absolute is the absolute miss.
type absolute struct{}

// start is the median. XGBoost multiplies it by the sum of weights and divides it
// again, on either way rounding to a float32.
func (a absolute) start(target, weight []float32) float32 {
	total := float64(len(target))
	if weight != nil {
		total = 0
		for _, w := range weight {
			total += float64(w)
		}
	}
	median := quantileOf(slices.Clone(target), slices.Clone(weight), a.quantile())
	return float32(float64(float32(float64(median)*total)) / total)
}

func (absolute) derive(rows []tree.Sample, prediction, target, weight []float32) {
	for i := range rows {
		w := float64(weight[i])
		rows[i].Gradient, rows[i].Weight = 0, w
		switch p, y := prediction[i], target[i]; {
		case p > y:
			rows[i].Gradient = w
		case p < y:
			rows[i].Gradient = -w
		}
	}
}

func (absolute) loss(miss float64) float64 { return math.Abs(miss) }

func (absolute) quantile() float64 { return 0.5 }

// quantile is the pinball loss: a miss below the target counts alpha times, one
// above it 1-alpha times.
type quantile struct{ alpha float32 }

func (q quantile) start(target, weight []float32) float32 {
	return quantileOf(slices.Clone(target), slices.Clone(weight), q.quantile())
}

func (q quantile) derive(rows []tree.Sample, prediction, target, weight []float32) {
	for i := range rows {
		w := weight[i]
		rows[i].Gradient, rows[i].Weight = float64(-q.alpha*w), float64(w)
		if prediction[i] >= target[i] {
			rows[i].Gradient = float64((1 - q.alpha) * w)
		}
	}
}

func (q quantile) loss(miss float64) float64 {
	if miss > 0 {
		return float64(1-q.alpha) * miss
	}
	return float64(q.alpha) * -miss
}

func (q quantile) quantile() float64 { return float64(q.alpha) }

// pseudoHuber is the smooth form of Huber's loss, slope^2 (sqrt(1 + (miss/slope)^2) - 1)
// (Charbonnier, Blanc-Feraud, Aubert and Barlaud, Deterministic edge-preserving
// regularization in computed imaging, 1997).
type pseudoHuber struct{ slope float32 }

// start is one Newton step from 0, as in XGBoost. For targets far beyond the
// slope that step leads out of their range, to where the second derivative is
// next to nothing and XGBoost stays; here the median is the start then.
func (h pseudoHuber) start(target, weight []float32) float32 {
	const leastHessian = 1e-6 // kRtEps in XGBoost's FitStump
	g, hess := 0.0, 0.0
	for i, y := range target {
		w := float32(1)
		if weight != nil {
			w = weight[i]
		}
		first, second := h.derivatives(-y)
		g += float64(first * w)
		hess += float64(second * w)
	}
	step := float32(-g / max(hess, leastHessian))
	if step < slices.Min(target) || step > slices.Max(target) {
		return absolute{}.start(target, weight)
	}
	return step
}

// derivatives returns the first and the second derivative for a miss.
func (h pseudoHuber) derivatives(miss float32) (first, second float32) {
	square, slope := float32(miss*miss), float32(h.slope*h.slope)
	root := float32(math.Sqrt(float64(1 + float32(square/slope))))
	return miss / root, slope / float32(float32(slope+square)*root)
}

func (h pseudoHuber) derive(rows []tree.Sample, prediction, target, weight []float32) {
	for i := range rows {
		first, second := h.derivatives(prediction[i] - target[i])
		rows[i].Gradient, rows[i].Weight = float64(first*weight[i]), float64(second*weight[i])
	}
}

func (h pseudoHuber) loss(miss float64) float64 {
	slope := float64(h.slope)
	return slope * slope * (math.Sqrt(1+float64(miss/slope*(miss/slope))) - 1)
}
