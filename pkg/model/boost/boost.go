// Package boost is gradient boosting of regression trees with the second-order
// steps, the regularisation and the rounding of XGBoost (Chen and Guestrin,
// 2016). The way of the data:
//
//  1. Every row starts with the prediction base_score: the objective's own best
//     constant, such as the weighted mean for the squared loss.
//  2. In each round the rows get the first and second derivative of the
//     objective at their prediction, times their weight, as float32. A tree is
//     grown on the rows that survive row sampling and on the columns of the
//     round, with leaf values as float32.
//  3. For the absolute and the quantile loss, whose second derivative is nothing,
//     each leaf is then set to the quantile of what its rows miss, times the
//     learning rate.
//  4. The leaf values are added to the rows' predictions, as float32.
//  5. With a valid set, which should be later in time than the training rows,
//     rounds end early once the mean loss there, the objective's own, no longer
//     falls; the rounds up to the lowest are kept.
//  6. A prediction is the base score plus one leaf of each tree, summed as
//     float32 in the trees' order, in the target's unit.
//
// The trees do not depend on the number of goroutines, which share their nodes
// and features.
//
// Where XGBoost weighs rows, medians and quantiles are steps without
// interpolation; here that is so only where weights differ from 0 and 1, so that
// rows of weight 0 are rows left out and weights of 1 are none. Row and column
// sampling draw other random numbers than XGBoost's.
package boost

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

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
	b, err := newBooster(o, train)
	if err != nil {
		return nil, err
	}
	base := b.objective.start(b.target, b.stepWeight())
	if o.BaseScore != nil {
		base = float32(*o.BaseScore)
	}
	for i := range b.prediction {
		b.prediction[i] = base
	}
	stop, err := newStopper(o, valid, train.X.Width(), base)
	if err != nil {
		return nil, err
	}
	trees, err := b.boost(ctx, stop)
	if err != nil {
		return nil, err
	}
	return &Model{float64(base), o.loss(), tree.NewEnsemble(train.X.Width(), trees)}, nil
}

// booster is one Fit under way.
type booster struct {
	Options
	objective  objective
	columns    [][]float32
	rows       []tree.Sample // all rows; their derivatives are those of the round
	target     []float32     // one a row, like the next two
	weight     []float32
	prediction []float32
	weighted   bool          // weights differ
	sample     []tree.Sample // the rows that the round draws
	chosen     []int32       // their indices among rows
	grower     *tree.Grower
}

func newBooster(o Options, train model.Dataset) (*booster, error) {
	rows, _, err := tree.Samples(train)
	if err != nil {
		return nil, err
	}
	bins, err := train.X.Bins()
	if err != nil {
		return nil, err
	}
	params := o.params()
	if o.EnableCategorical {
		if params.Categorical, err = tree.Categorical(train.X); err != nil {
			return nil, err
		}
	}
	b := &booster{Options: o, objective: o.objective(), columns: train.X.Cols, rows: rows, grower: tree.NewGrower(bins, params)}
	b.prediction, b.target, b.weight = make([]float32, len(rows)), make([]float32, len(rows)), make([]float32, len(rows))
	for i, s := range rows {
		b.target[i], b.weight[i] = float32(train.Y[s.Row]), float32(s.Weight)
		b.weighted = b.weighted || b.weight[i] != 1
	}
	return b, nil
}

// stepWeight returns the weights, nil where all of them are 1.
func (b *booster) stepWeight() []float32 {
	if b.weighted {
		return b.weight
	}
	return nil
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
	b.objective.derive(b.rows, b.prediction, b.target, b.weight)
	b.choose(random)
	if width := len(b.columns); b.ColsampleByTree < 1 {
		b.grower.SetFeatures(draw(random, width, max(int(b.ColsampleByTree*float64(width)), 1)))
	}
	t, err := b.grower.Grow(ctx, b.sample, random)
	if err != nil {
		return nil, err
	}
	leaves := b.grower.Leaves()
	if o, ok := b.objective.(stepped); ok {
		b.settle(t, leaves, o.quantile())
	}
	b.advance(t, leaves)
	return t, nil
}

// choose draws the rows of the round.
func (b *booster) choose(random *rand.Rand) {
	if b.Subsample >= 1 {
		b.sample = b.rows
		for i := len(b.chosen); i < len(b.rows); i++ {
			b.chosen = append(b.chosen, int32(i))
		}
		return
	}
	b.sample, b.chosen = b.sample[:0], b.chosen[:0]
	for i := range b.rows {
		if random.Float64() < b.Subsample {
			b.sample, b.chosen = append(b.sample, b.rows[i]), append(b.chosen, int32(i))
		}
	}
}

// advance adds the tree to the predictions of all rows; leaves are those of the
// chosen ones.
func (b *booster) advance(t *tree.Tree, leaves []int32) {
	next := 0
	for i := range b.rows {
		leaf := int32(tree.Leaf)
		if next < len(leaves) && int(b.chosen[next]) == i {
			leaf = leaves[next]
			next++
		}
		if leaf != tree.Leaf {
			b.prediction[i] += t.Value[leaf]
		} else {
			b.prediction[i] += t.PredictAt(b.columns, int(b.rows[i].Row))
		}
	}
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
