// Package boost is gradient boosting of regression trees for the squared loss,
// with the second-order steps, the regularisation and the rounding of XGBoost
// (Chen and Guestrin, 2016). The way of the data:
//
//  1. Every row starts with the prediction base_score.
//  2. In each round the rows' gradients, weight * (prediction - target) as
//     float32, are those that survive row sampling, and a tree is grown on them
//     and on the columns of the round, with leaf values as float32.
//  3. The leaf values are added to the rows' predictions, as float32.
//  4. With a valid set, rounds end early once its error no longer falls.
//  5. A prediction is the base score plus one leaf of each tree, summed as
//     float32 in the trees' order, in the target's unit.
//
// The tree does not depend on the number of goroutines, which share its nodes
// and features.
package boost

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Options are the parameters of boosting, under XGBoost's names. The zero value
// of each means its default; those for which zero is a value are pointers.
type Options struct {
	NEstimators         int      `json:"n_estimators,omitempty"`          // rounds, 100
	LearningRate        float64  `json:"learning_rate,omitempty"`         // factor of every tree, 0.3
	MaxDepth            *int     `json:"max_depth,omitempty"`             // splits above a leaf, 6; 0 for no limit
	MinChildWeight      *float64 `json:"min_child_weight,omitempty"`      // weight that a leaf needs, 1
	RegLambda           *float64 `json:"reg_lambda,omitempty"`            // L2 penalty on leaf values, 1
	Gamma               float64  `json:"gamma,omitempty"`                 // gain that a split needs, 0
	Subsample           float64  `json:"subsample,omitempty"`             // share of the rows that a round draws, 1
	ColsampleByTree     float64  `json:"colsample_bytree,omitempty"`      // share of the features that a round draws, 1
	BaseScore           *float64 `json:"base_score,omitempty"`            // first prediction, the weighted mean
	EarlyStoppingRounds int      `json:"early_stopping_rounds,omitempty"` // rounds without a better valid error that end it, 0 for never
	Seed                uint64   `json:"seed,omitempty"`
	Jobs                int      `json:"-"` // goroutines, as many as processors; the result does not depend on it
}

// maxTrees is more than any boosting gains from.
const maxTrees = 100_000

// Validate names the first parameter that is out of its range.
func (o Options) Validate() error {
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
		{"gamma", o.Gamma, math.MaxFloat32},
		{"subsample", o.Subsample, 1},
		{"colsample_bytree", o.ColsampleByTree, 1},
		{"early_stopping_rounds", float64(o.EarlyStoppingRounds), math.MaxInt32},
	} {
		if !(p.value >= 0 && p.value <= p.top) {
			return fault.New(fault.Config, "%s is %v", p.name, p.value).WithHint("give a number between 0 and %v", p.top)
		}
	}
	if o.BaseScore != nil && !(math.Abs(*o.BaseScore) <= 1e18) { // as far as targets may go
		return fault.New(fault.Config, "base_score is %v", *o.BaseScore).WithHint("give a typical target")
	}
	return nil
}

// withDefaults fills in what zero values stand for, except for base_score.
func (o Options) withDefaults() Options {
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

// Learner boosts trees.
type Learner struct{ options Options }

// New returns a Learner; Fit refuses options that Validate refuses.
func New(o Options) *Learner { return &Learner{o} }

// Fit boosts trees on train, as many rounds as valid allows.
func (l *Learner) Fit(ctx context.Context, train, valid model.Dataset) (model.Regressor, error) {
	if err := l.options.Validate(); err != nil {
		return nil, err
	}
	o := l.options.withDefaults()
	rows, base, err := tree.Samples(train)
	if err != nil {
		return nil, err
	}
	if o.BaseScore != nil {
		base = float64(float32(*o.BaseScore))
	}
	bins, err := train.X.Bins()
	if err != nil {
		return nil, err
	}
	b := &booster{Options: o, data: train, rows: rows, grower: tree.NewGrower(bins, o.params())}
	b.prediction = make([]float32, len(rows))
	for i := range b.prediction {
		b.prediction[i] = float32(base)
		rows[i].Weight = float64(float32(rows[i].Weight))
	}
	stop, err := newStopper(o, valid, train.X.Width(), base)
	if err != nil {
		return nil, err
	}
	trees, err := b.boost(ctx, stop)
	if err != nil {
		return nil, err
	}
	return &Model{base, tree.Ensemble{Width: train.X.Width(), Trees: trees}}, nil
}

func (o Options) params() tree.Params {
	return tree.Params{
		MaxDepth:       *o.MaxDepth,
		MinChildWeight: *o.MinChildWeight,
		Lambda:         *o.RegLambda,
		Gamma:          o.Gamma,
		LearningRate:   o.LearningRate,
		XGBoost:        true,
		Jobs:           o.Jobs,
	}
}

// booster is one Fit under way.
type booster struct {
	Options
	data       model.Dataset
	rows       []tree.Sample // all rows; their gradients are those of the round
	prediction []float32     // one a row
	sample     []tree.Sample // the rows that the round draws
	grower     *tree.Grower
}

func (b *booster) boost(ctx context.Context, stop *stopper) ([]*tree.Tree, error) {
	var trees []*tree.Tree
	for i := range b.NEstimators {
		t, err := b.round(ctx, tree.NewRand(b.Seed, i))
		if err != nil {
			return nil, err
		}
		trees = append(trees, t)
		if stop.after(t) {
			break
		}
	}
	return trees[:stop.keep(len(trees))], nil
}

// round grows one tree and adds it to the predictions.
func (b *booster) round(ctx context.Context, random *rand.Rand) (*tree.Tree, error) {
	b.sample = b.sample[:0]
	for i := range b.rows {
		s := &b.rows[i]
		s.Gradient = float64((b.prediction[i] - float32(b.data.Y[s.Row])) * float32(s.Weight))
		if b.Subsample >= 1 || random.Float64() < b.Subsample {
			b.sample = append(b.sample, *s)
		}
	}
	if width := b.data.X.Width(); b.ColsampleByTree < 1 {
		b.grower.SetFeatures(draw(random, width, max(int(b.ColsampleByTree*float64(width)), 1)))
	}
	t, err := b.grower.Grow(ctx, b.sample, nil)
	if err != nil {
		return nil, err
	}
	for i := range b.rows {
		b.prediction[i] += t.PredictAt(b.data.X.Cols, int(b.rows[i].Row))
	}
	return t, nil
}

// draw returns n of the columns, ascending.
func draw(random *rand.Rand, width, n int) []int32 {
	columns := make([]int32, width)
	for c := range columns {
		columns[c] = int32(c)
	}
	random.Shuffle(width, func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	slices.Sort(columns[:n])
	return columns[:n]
}
