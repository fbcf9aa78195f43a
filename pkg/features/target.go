package features

import "math"

// Target says what a model learns of the target.
type Target string

// The targets.
const (
	// Plain is the target over its scale.
	Plain Target = "plain"
	// Log is the natural logarithm of that, so that parts of it weigh the same
	// whether they are missing or too many. What sold less than a hundredth of its
	// scale, as a closed week did, teaches that hundredth.
	Log Target = "log"
)

// leastLog is the least part of the scale whose logarithm is learnt.
const leastLog = 0.01

// of returns what a model learns of an actual.
func (t Target) of(actual, scale float64) float64 {
	if t == Log {
		return math.Log(max(actual/scale, leastLog))
	}
	return actual / scale
}

// Undo returns the target, in its own unit, that an answer of the model stands
// for.
func (t Target) Undo(answer, scale float64) float64 {
	if t == Log {
		answer = math.Exp(answer)
	}
	return answer * scale
}
