package boost

import (
	"cmp"
	"math"
	"runtime"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Options are the parameters of boosting, under XGBoost's names. The zero value
// of each means its default, which is XGBoost's; those for which zero is a value
// are pointers.
type Options struct {
	NEstimators         int      `json:"n_estimators,omitempty"`          // rounds, 100
	Objective           string   `json:"objective,omitempty"`             // loss, see Objectives; reg:squarederror
	HuberSlope          float64  `json:"huber_slope,omitempty"`           // of reg:pseudohubererror, 1: see PseudoHuberError
	QuantileAlpha       float64  `json:"quantile_alpha,omitempty"`        // of reg:quantileerror: the quantile, between 0 and 1; no default
	LearningRate        float64  `json:"learning_rate,omitempty"`         // factor of every tree, 0.3
	MaxDepth            *int     `json:"max_depth,omitempty"`             // splits above a leaf, 6; 0 for no limit
	MinChildWeight      *float64 `json:"min_child_weight,omitempty"`      // sum of second derivatives that a leaf needs, 1
	RegLambda           *float64 `json:"reg_lambda,omitempty"`            // L2 penalty on leaf values, 1
	RegAlpha            float64  `json:"reg_alpha,omitempty"`             // L1 penalty on leaf values, 0
	Gamma               float64  `json:"gamma,omitempty"`                 // gain that a split needs, 0
	MaxDeltaStep        float64  `json:"max_delta_step,omitempty"`        // largest leaf value before learning_rate, 0 for no limit
	Subsample           float64  `json:"subsample,omitempty"`             // share of the rows that a round draws, 1
	ColsampleByTree     float64  `json:"colsample_bytree,omitempty"`      // share of the features that a round draws, 1
	ColsampleByLevel    float64  `json:"colsample_bylevel,omitempty"`     // share of those that a level draws, 1
	ColsampleByNode     float64  `json:"colsample_bynode,omitempty"`      // share of those that a node draws, 1
	BaseScore           *float64 `json:"base_score,omitempty"`            // first prediction, the objective's own estimate
	EarlyStoppingRounds int      `json:"early_stopping_rounds,omitempty"` // rounds without a better valid error that end it, 0 for never
	// EnableCategorical splits categorical features by sets of their categories,
	// false. Without it XGBoost refuses such features; here they are split by the
	// order of their codes.
	EnableCategorical bool   `json:"enable_categorical,omitempty"`
	MaxCatToOnehot    int    `json:"max_cat_to_onehot,omitempty"` // with fewer categories each is tried against all others, 4
	MaxCatThreshold   int    `json:"max_cat_threshold,omitempty"` // categories that a set has at most, 64
	Seed              uint64 `json:"seed,omitempty"`
	Jobs              int    `json:"-"` // goroutines, as many as processors; the result does not depend on it
}

const (
	maxTrees  = 100_000 // more than any boosting gains from
	maxTarget = 1e18    // as far as targets may go
	minHuber  = 1e-9    // its square is still far from 0 as a float32
)

// Validate names the first parameter that is out of its range.
func (o Options) Validate() error {
	if err := o.validateObjective(); err != nil {
		return err
	}
	o = o.withDefaults()
	for _, p := range []struct {
		name       string
		value, top float64
	}{
		{"n_estimators", float64(o.NEstimators), maxTrees},
		{"learning_rate", o.LearningRate, 1},
		{"max_depth", float64(*o.MaxDepth), math.MaxInt32},
		{"min_child_weight", *o.MinChildWeight, math.MaxFloat32},
		{"reg_lambda", *o.RegLambda, math.MaxFloat32},
		{"reg_alpha", o.RegAlpha, math.MaxFloat32},
		{"gamma", o.Gamma, math.MaxFloat32},
		{"max_delta_step", o.MaxDeltaStep, math.MaxFloat32},
		{"subsample", o.Subsample, 1},
		{"colsample_bytree", o.ColsampleByTree, 1},
		{"colsample_bylevel", o.ColsampleByLevel, 1},
		{"colsample_bynode", o.ColsampleByNode, 1},
		{"early_stopping_rounds", float64(o.EarlyStoppingRounds), math.MaxInt32},
		{"max_cat_to_onehot", float64(o.MaxCatToOnehot), math.MaxInt32},
		{"max_cat_threshold", float64(o.MaxCatThreshold), math.MaxInt32},
	} {
		if !(p.value >= 0 && p.value <= p.top) {
			return fault.New(fault.Config, "%s is %v", p.name, p.value).WithHint("give a number between 0 and %v", p.top)
		}
	}
	if o.BaseScore != nil && !(math.Abs(*o.BaseScore) <= maxTarget) {
		return fault.New(fault.Config, "base_score is %v", *o.BaseScore).WithHint("give a typical target")
	}
	return nil
}

// validateObjective refuses an unknown loss, and parameters that are none of its
// own: they would be given in vain.
func (o Options) validateObjective() error {
	name := cmp.Or(o.Objective, SquaredError)
	if err := known(name); err != nil {
		return err
	}
	switch {
	case name == QuantileError && !(o.QuantileAlpha > 0 && o.QuantileAlpha < 1):
		return fault.New(fault.Config, "quantile_alpha is %v", o.QuantileAlpha).
			WithHint("give the quantile that %s is to learn, between 0 and 1", name)
	case name != QuantileError && o.QuantileAlpha != 0:
		return fault.New(fault.Config, "quantile_alpha is %v, but the objective is %s", o.QuantileAlpha, name).
			WithHint("leave it out, or set the objective to %s", QuantileError)
	case name != PseudoHuberError && o.HuberSlope != 0:
		return fault.New(fault.Config, "huber_slope is %v, but the objective is %s", o.HuberSlope, name).
			WithHint("leave it out, or set the objective to %s", PseudoHuberError)
	case o.HuberSlope != 0 && !(o.HuberSlope >= minHuber && o.HuberSlope <= maxTarget):
		return fault.New(fault.Config, "huber_slope is %v", o.HuberSlope).
			WithHint("give a number above 0, in the unit of the target")
	}
	return nil
}

// withDefaults fills in what zero values stand for, except for base_score.
func (o Options) withDefaults() Options {
	o.Objective = cmp.Or(o.Objective, SquaredError)
	o.HuberSlope = cmp.Or(o.HuberSlope, 1)
	o.LearningRate = cmp.Or(o.LearningRate, 0.3)
	o.Subsample = cmp.Or(o.Subsample, 1)
	o.ColsampleByTree = cmp.Or(o.ColsampleByTree, 1)
	o.NEstimators = cmp.Or(o.NEstimators, 100)
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxDepth == nil {
		o.MaxDepth = new(6)
	}
	if o.MinChildWeight == nil {
		o.MinChildWeight = new(1.0)
	}
	if o.RegLambda == nil {
		o.RegLambda = new(1.0)
	}
	return o
}

// params are those of each tree.
func (o Options) params() tree.Params {
	return tree.Params{
		MaxDepth:         *o.MaxDepth,
		MinChildWeight:   *o.MinChildWeight,
		Lambda:           *o.RegLambda,
		Alpha:            o.RegAlpha,
		Gamma:            o.Gamma,
		MaxDeltaStep:     o.MaxDeltaStep,
		LearningRate:     o.LearningRate,
		ColsampleByLevel: o.ColsampleByLevel,
		ColsampleByNode:  o.ColsampleByNode,
		MaxCatToOnehot:   o.MaxCatToOnehot,
		MaxCatThreshold:  o.MaxCatThreshold,
		XGBoost:          true,
		Jobs:             o.Jobs,
	}
}
