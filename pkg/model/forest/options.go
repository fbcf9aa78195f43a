package forest

import (
	"cmp"
	"encoding/json"
	"math"
	"runtime"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Options are the parameters of a forest, under the names of scikit-learn's
// RandomForestRegressor and ExtraTreesRegressor. The zero value of each means its
// default, which is theirs but for MinSamplesLeaf.
type Options struct {
	NEstimators int    `json:"n_estimators,omitempty"` // trees, 100
	Criterion   string `json:"criterion,omitempty"`    // what splits make small, squared_error; there is no other
	MaxDepth    int    `json:"max_depth,omitempty"`    // splits above a leaf, no limit
	// MinSamplesLeaf is the number of different rows that a leaf needs, 3. It is
	// 1 in scikit-learn, for which the forest of the sample takes almost four times
	// the bytes, 23.7 MB of them in XGBoost's JSON form where 3 takes 6.5 and 2 takes
	// 10.3, and is no better: a WAPE of 3.78 % on the rows of bench/onestep, 3.65
	// with 3 and 3.67 with 2.
	MinSamplesLeaf  int `json:"min_samples_leaf,omitempty"`
	MinSamplesSplit int `json:"min_samples_split,omitempty"` // different rows that a split needs, 2
	// MinImpurityDecrease is what a split has to take off the mean squared error of
	// all rows, 0.
	MinImpurityDecrease float64     `json:"min_impurity_decrease,omitempty"`
	MaxFeatures         MaxFeatures `json:"max_features,omitempty"` // features that a node looks at, all
	// Bootstrap draws the rows of each tree with replacement: true for a random
	// forest, false for extremely randomized trees. Every tree without sees all rows.
	Bootstrap *bool `json:"bootstrap,omitempty"`
	// MaxSamples is how many rows bootstrap draws, as many as there are. Up to 1 it
	// is a share of them, above a number, of which no more count than there are rows.
	MaxSamples float64 `json:"max_samples,omitempty"`
	OOBScore   bool    `json:"oob_score,omitempty"` // have Model.OOB, false
	Seed       uint64  `json:"seed,omitempty"`
	Jobs       int     `json:"-"` // goroutines, as many as processors; the result does not depend on it
	// Extra cuts each feature that a node looks at in one random place, and takes
	// the best of these: extremely randomized trees.
	Extra bool `json:"-"`
}

// MaxFeatures says how many of the features a node looks at: up to 1 it is a
// share of them, above a whole number. 1 is all, as 1.0 is in scikit-learn, whose
// integer 1 is a single feature; a share that comes to less than a feature means
// one.
type MaxFeatures float64

// The rules that stand in place of a number; "sqrt" and "log2" in JSON.
const (
	Sqrt MaxFeatures = -1 // the square root of their number, rounded down
	Log2 MaxFeatures = -2 // its binary logarithm, rounded down
)

// UnmarshalJSON reads a number or the name of a rule.
func (m *MaxFeatures) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"sqrt"`:
		*m = Sqrt
		return nil
	case `"log2"`:
		*m = Log2
		return nil
	}
	var v float64
	if json.Unmarshal(data, &v) != nil || v < 0 {
		return fault.New(fault.Config, "max_features is %s", data).
			WithHint("give a share between 0 and 1, a whole number from 2, sqrt or log2")
	}
	*m = MaxFeatures(v)
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (m MaxFeatures) MarshalJSON() ([]byte, error) {
	switch m {
	case Sqrt:
		return []byte(`"sqrt"`), nil
	case Log2:
		return []byte(`"log2"`), nil
	}
	return json.Marshal(float64(m))
}

// valid reports whether m is a share, a whole number or a rule.
func (m MaxFeatures) valid() bool {
	return m == Sqrt || m == Log2 || amount(float64(m))
}

// of returns how many of width features m stands for.
func (m MaxFeatures) of(width int) int {
	n := float64(width)
	switch {
	case m == Sqrt:
		n = math.Sqrt(n)
	case m == Log2:
		n = math.Log2(n)
	case m <= 1:
		n *= float64(m)
	default:
		n = min(n, float64(m))
	}
	return max(int(n), 1)
}

// amount reports whether v is a share or a whole number.
func amount(v float64) bool {
	return v >= 0 && v <= 1 || v > 1 && v <= math.MaxInt32 && v == math.Trunc(v)
}

// maxTrees is more than any forest gains from, and little enough for memory.
const maxTrees = 100_000

// Validate names the first parameter that is out of its range.
func (o Options) Validate() error {
	for _, p := range []struct {
		name  string
		value int
		top   int
	}{
		{"n_estimators", o.NEstimators, maxTrees},
		{"max_depth", o.MaxDepth, math.MaxInt32},
		{"min_samples_leaf", o.MinSamplesLeaf, math.MaxInt32},
		{"min_samples_split", o.MinSamplesSplit, math.MaxInt32},
	} {
		if p.value < 0 || p.value > p.top {
			return fault.New(fault.Config, "%s is %d", p.name, p.value).
				WithHint("give a number from 1 to %d, or leave it out for the default", p.top)
		}
	}
	switch o = o.withDefaults(); {
	case o.Criterion != squaredError:
		return fault.New(fault.Config, "criterion is %q", o.Criterion).WithHint("give %s, there is no other", squaredError)
	case !o.MaxFeatures.valid():
		return fault.New(fault.Config, "max_features is %v", float64(o.MaxFeatures)).
			WithHint("give a share between 0 and 1, a whole number from 2, sqrt or log2")
	case !(o.MinImpurityDecrease >= 0 && o.MinImpurityDecrease <= math.MaxFloat32):
		return fault.New(fault.Config, "min_impurity_decrease is %v", o.MinImpurityDecrease).WithHint("give a number from 0")
	case !amount(o.MaxSamples):
		return fault.New(fault.Config, "max_samples is %v", o.MaxSamples).WithHint("give a share between 0 and 1, or a whole number from 2")
	case !*o.Bootstrap && o.MaxSamples != 1:
		return fault.New(fault.Config, "max_samples is %v, but without bootstrap every tree sees all rows", o.MaxSamples).
			WithHint("set bootstrap to true, or leave max_samples out")
	case !*o.Bootstrap && o.OOBScore:
		return fault.New(fault.Config, "oob_score is true, but without bootstrap no row is out of the bag").
			WithHint("set bootstrap to true, or leave oob_score out")
	}
	return nil
}

const squaredError = "squared_error"

// withDefaults fills in what zero values stand for.
func (o Options) withDefaults() Options {
	o.NEstimators = cmp.Or(o.NEstimators, 100)
	o.Criterion = cmp.Or(o.Criterion, squaredError)
	o.MinSamplesLeaf = cmp.Or(o.MinSamplesLeaf, 3)
	o.MinSamplesSplit = cmp.Or(o.MinSamplesSplit, 2)
	o.MaxFeatures = cmp.Or(o.MaxFeatures, 1)
	o.MaxSamples = cmp.Or(o.MaxSamples, 1)
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.Bootstrap == nil {
		o.Bootstrap = new(!o.Extra)
	}
	return o
}

// draws returns how many of rows rows a tree draws.
func (o Options) draws(rows int) int {
	if o.MaxSamples > 1 {
		return min(int(o.MaxSamples), rows)
	}
	return max(int(math.RoundToEven(o.MaxSamples*float64(rows))), 1)
}

// params are those of each tree, over so many features.
func (o Options) params(width int) tree.Params {
	return tree.Params{
		MaxDepth:            o.MaxDepth,
		MinSamplesSplit:     o.MinSamplesSplit,
		MinSamplesLeaf:      o.MinSamplesLeaf,
		MinImpurityDecrease: o.MinImpurityDecrease,
		MaxFeatures:         o.MaxFeatures.of(width),
		RandomSplits:        o.Extra,
	}
}
