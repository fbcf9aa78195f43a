package tune

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Kind is how a Range is drawn from.
type Kind string

// The kinds of ranges. Both ends belong to a range.
const (
	Uniform    Kind = "uniform"    // every number alike
	LogUniform Kind = "loguniform" // every order of magnitude alike; Low above 0
	Int        Kind = "int"        // every whole number alike; the values are ints
)

// Kinds lists the kinds of ranges.
func Kinds() []Kind { return []Kind{Uniform, LogUniform, Int} }

// Range is an interval that values are drawn from.
type Range struct {
	Kind      Kind
	Low, High float64
}

// Check says what keeps the range from being drawn from.
func (r Range) Check() error {
	whole := func(x float64) bool { return x == math.Trunc(x) && math.Abs(x) <= 1<<53 }
	switch {
	case !slices.Contains(Kinds(), r.Kind):
		return fault.New(fault.Config, "there is no range %q, want one of %v", r.Kind, Kinds())
	case math.IsNaN(r.Low) || math.IsNaN(r.High) || math.IsInf(r.High-r.Low, 0) || r.Low >= r.High:
		return fault.New(fault.Config, "the range from %v to %v is empty or endless: want two numbers, the lower first", r.Low, r.High)
	case r.Kind == LogUniform && r.Low <= 0:
		return fault.New(fault.Config, "a loguniform range begins above 0, not at %v", r.Low)
	case r.Kind == Int && !(whole(r.Low) && whole(r.High)):
		return fault.New(fault.Config, "an int range has whole numbers as ends, not %v and %v", r.Low, r.High)
	}
	return nil
}

// Ends returns the lowest and the highest value, as draws have them.
func (r Range) Ends() []any {
	if r.Kind == Int {
		return []any{int(r.Low), int(r.High)}
	}
	return []any{r.Low, r.High}
}

// draw returns a value of the range: an int for Int, else a float64.
func (r Range) draw(rng *rand.Rand) any {
	switch r.Kind {
	case Int:
		return int(r.Low) + rng.IntN(int(r.High-r.Low)+1)
	case LogUniform:
		lo, hi := math.Log(r.Low), math.Log(r.High)
		return min(max(math.Exp(lo+rng.Float64()*(hi-lo)), r.Low), r.High) // exp and log round
	}
	return min(r.Low+rng.Float64()*(r.High-r.Low), r.High)
}

// Param is one parameter: the values to try or, without any, the range that they
// are drawn from.
type Param struct {
	Name   string
	Values []any
	Range  Range
}

// ranged reports whether the parameter's values come from its range.
func (p Param) ranged() bool { return len(p.Values) == 0 && p.Range != Range{} }

// count is how many values there are; false where they cannot be counted.
func (p Param) count() (n int, finite bool) {
	switch {
	case !p.ranged():
		return len(p.Values), true
	case p.Range.Kind == Int:
		return int(p.Range.High-p.Range.Low) + 1, true
	}
	return 0, false
}

// at is the i-th of the values that can be counted.
func (p Param) at(i int) any {
	if p.ranged() {
		return int(p.Range.Low) + i
	}
	return p.Values[i]
}

// Space is the parameters of a search, in the order in which they are varied:
// the last one fastest.
type Space []Param

// Check reports what keeps the space from being searched.
func (s Space) Check() error {
	for i, p := range s {
		switch {
		case p.ranged():
			if err := p.Range.Check(); err != nil {
				return fault.New(fault.Config, "parameter %q: %w", p.Name, err)
			}
		case len(p.Values) == 0:
			return fault.New(fault.Config, "parameter %q has no values to try", p.Name)
		}
		if slices.ContainsFunc(s[:i], func(q Param) bool { return q.Name == p.Name }) {
			return fault.New(fault.Config, "parameter %q is listed twice", p.Name)
		}
	}
	return nil
}

// size is how many candidates the space has; false where they cannot be counted
// or are more than an int holds.
func (s Space) size() (n int, finite bool) {
	n = 1
	for _, p := range s {
		c, ok := p.count()
		if !ok || c > 0 && n > math.MaxInt/c {
			return 0, false
		}
		n *= c
	}
	return n, true
}

// at is the i-th candidate of a finite space.
func (s Space) at(i int) map[string]any {
	out := make(map[string]any, len(s))
	for k := len(s) - 1; k >= 0; k-- {
		n, _ := s[k].count()
		out[s[k].Name] = s[k].at(i % n)
		i /= n
	}
	return out
}

// Grid returns every combination of values. An empty space has one, without
// parameters; one that cannot be counted has none.
func (s Space) Grid() []map[string]any {
	n, _ := s.size()
	grid := make([]map[string]any, n)
	for i := range grid {
		grid[i] = s.at(i)
	}
	return grid
}

// Draw returns n candidates drawn at random, the same for the same seed; fewer
// draws are the beginning of more. No candidate of a finite space comes twice,
// and where it has no more than n, Draw is Grid.
func (s Space) Draw(n int, seed uint64) []map[string]any {
	size, finite := s.size()
	if finite && size <= n {
		return s.Grid()
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]map[string]any, n)
	moved := map[int]int{} // the beginning of a Fisher-Yates shuffle of 0 to size-1
	for i := range out {
		if !finite {
			out[i] = s.draw(rng)
			continue
		}
		j := i + rng.IntN(size-i)
		out[i] = s.at(valueOr(moved, j))
		moved[j] = valueOr(moved, i)
	}
	return out
}

// valueOr is the value at i, which is i where nothing was moved there.
func valueOr(moved map[int]int, i int) int {
	if v, ok := moved[i]; ok {
		return v
	}
	return i
}

// draw returns one candidate of a space that cannot be counted.
func (s Space) draw(rng *rand.Rand) map[string]any {
	out := make(map[string]any, len(s))
	for _, p := range s {
		if p.ranged() {
			out[p.Name] = p.Range.draw(rng)
		} else {
			out[p.Name] = p.Values[rng.IntN(len(p.Values))]
		}
	}
	return out
}
