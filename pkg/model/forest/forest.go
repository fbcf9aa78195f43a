// Package forest is the mean of deep regression trees: the random forest (Breiman,
// Random Forests, 2001), each of whose trees is grown on a bootstrap sample of the
// rows, and extremely randomized trees (Geurts, Ernst and Wehenkel, 2006), which
// see all rows and cut features in random places. The way of the data:
//
//  1. The rows' targets become gradients around their weighted mean, the base.
//  2. Tree i draws its rows with its own random numbers, derived from the seed
//     and i, so that the forest does not depend on the number of goroutines. A
//     row's weight in the tree is its own times how often it was drawn;
//     scikit-learn since 1.9 draws rows with their weights as chances instead.
//  3. model/tree grows it on the frame's bins.
//  4. With oob_score every row is predicted by the trees that did not draw it.
//  5. A prediction is the base plus the mean answer of the trees, in the
//     target's unit.
package forest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// Learner grows forests.
type Learner struct{ options Options }

// New returns a Learner; Fit refuses options that Validate refuses.
func New(o Options) *Learner { return &Learner{o} }

// Fit grows a forest on train. It has no use for valid.
func (l *Learner) Fit(ctx context.Context, train, _ model.Dataset) (model.Regressor, error) {
	if err := l.options.Validate(); err != nil {
		return nil, err
	}
	o := l.options.withDefaults()
	rows, base, err := tree.Samples(train)
	if err != nil {
		return nil, err
	}
	bins, err := train.X.Bins()
	if err != nil {
		return nil, err
	}
	trees, answers, err := o.grow(ctx, bins, rows)
	if err != nil {
		return nil, err
	}
	m := &Model{base: base, trees: tree.NewEnsemble(train.X.Width(), trees), answers: answers}
	if o.OOBScore {
		m.oob, err = o.outOfBag(ctx, m, train, rows)
	}
	return m, err
}

// grow grows the trees, the next one on whatever goroutine is free, and tells the
// answers of their nodes.
func (o Options) grow(ctx context.Context, bins *model.Bins, rows []tree.Sample) ([]*tree.Tree, [][]float32, error) {
	trees, answers := make([]*tree.Tree, o.NEstimators), make([][]float32, o.NEstimators)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(o.Jobs, o.NEstimators) {
		group.Go(func() error {
			grower := tree.NewGrower(bins, o.params(len(bins.Lo)))
			sample := rows
			for i := int(next.Add(1)) - 1; i < len(trees); i = int(next.Add(1)) - 1 {
				random := tree.NewRand(o.Seed, i)
				if *o.Bootstrap {
					sample = drawn(rows, o.draw(random, len(rows)))
				}
				t, err := grower.Grow(ctx, sample, random)
				if err != nil {
					return err
				}
				trees[i], answers[i] = t, slices.Clone(grower.Answers())
			}
			return nil
		})
	}
	return trees, answers, group.Wait()
}

// draw returns how often each of n rows is drawn, with replacement. It takes the
// first numbers of a tree's random ones.
func (o Options) draw(random *rand.Rand, n int) []int32 {
	times := make([]int32, n)
	for range o.draws(n) {
		times[random.IntN(n)]++
	}
	return times
}

// drawn returns the rows that were drawn: one that was drawn twice comes once,
// with twice the weight.
func drawn(rows []tree.Sample, times []int32) []tree.Sample {
	sample := make([]tree.Sample, 0, len(rows))
	for i, n := range times {
		if n > 0 {
			s := rows[i]
			sample = append(sample, tree.Sample{Row: s.Row, Gradient: float64(n) * s.Gradient, Weight: float64(n) * s.Weight})
		}
	}
	return sample
}
