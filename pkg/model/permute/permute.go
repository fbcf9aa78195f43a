// Package permute measures what a feature is worth to a model by taking it away:
// the column is shuffled among the rows, and the loss rises by as much as the
// model relied on it (Breiman, Random Forests, 2001, section 10; as scikit-learn's
// permutation_importance). Features that tell the same share their worth, and a
// model is measured best on rows that it was not trained on.
package permute

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/model"
)

// Worth is how much the loss rises without a feature: the mean over the repeats
// and their standard deviation, in the unit of the loss.
type Worth struct {
	Mean, Deviation float64
}

// Options are the choices of a measurement.
type Options struct {
	Repeats int // shuffles of each feature, 5
	Seed    uint64
	Jobs    int // goroutines, 1; the result does not depend on it
}

// Importances returns the worth of each column of x to the model. loss turns the
// predictions of x's rows into an error, lower is better; it is called by several
// goroutines.
func Importances(ctx context.Context, m model.Regressor, x *model.Frame, loss func(predictions []float64) float64, o Options) ([]Worth, error) {
	if o.Repeats <= 0 {
		o.Repeats = 5
	}
	whole := make([]float64, x.Len())
	if err := m.Predict(whole, x); err != nil {
		return nil, err
	}
	base := loss(whole)
	out := make([]Worth, x.Width())
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(o.Jobs, 1))
	for c := range out {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			rises, err := o.shuffled(m, x, c, loss)
			for i := range rises {
				rises[i] -= base
			}
			out[c] = worth(rises)
			return err
		})
	}
	return out, group.Wait()
}

// shuffled returns the loss for each repeat of a column.
func (o Options) shuffled(m model.Regressor, x *model.Frame, c int, loss func([]float64) float64) ([]float64, error) {
	random := rand.New(rand.NewPCG(o.Seed, uint64(c)+1))
	said, losses := make([]float64, x.Len()), make([]float64, o.Repeats)
	without := &model.Frame{Names: x.Names, Kinds: x.Kinds, Cols: slices.Clone(x.Cols)}
	column := slices.Clone(x.Cols[c])
	without.Cols[c] = column
	for i := range losses {
		random.Shuffle(len(column), func(a, b int) { column[a], column[b] = column[b], column[a] })
		if err := m.Predict(said, without); err != nil {
			return nil, err
		}
		losses[i] = loss(said)
	}
	return losses, nil
}

// worth is the mean and the standard deviation, with n in its denominator.
func worth(rises []float64) Worth {
	var w Worth
	for _, v := range rises {
		w.Mean += v / float64(len(rises))
	}
	for _, v := range rises {
		w.Deviation += (v - w.Mean) * (v - w.Mean) / float64(len(rises))
	}
	w.Deviation = math.Sqrt(w.Deviation)
	return w
}
