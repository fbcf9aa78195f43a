package forest

import (
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// outOfBag is what the trees say of rows that they did not draw.
type outOfBag struct {
	score       float64
	predictions []float64
}

// OOB returns the out-of-bag estimate of a forest that was fitted with oob_score:
// for each row of its dataset, in order, the mean answer of the trees that did not
// draw it, and the coefficient of determination of these answers. It is NaN for
// rows of weight 0 and those that every tree has drawn, which the score leaves
// out. Weights do not count in the score, as in scikit-learn. A forest without
// the estimate, or read from bytes, which do not hold it, has NaN and nil.
func (m *Model) OOB() (score float64, predictions []float64) {
	if m.oob == nil {
		return math.NaN(), nil
	}
	return m.oob.score, slices.Clone(m.oob.predictions)
}

// oobBlock is how many rows a goroutine takes at a time.
const oobBlock = 1024

func (o Options) outOfBag(ctx context.Context, m *Model, train model.Dataset, rows []tree.Sample) (*outOfBag, error) {
	bags := o.bags(len(rows))
	means := make([]float64, len(rows))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.Jobs)
	for from := 0; from < len(rows); from += oobBlock {
		group.Go(func() error {
			for i := from; i < min(from+oobBlock, len(rows)); i++ {
				means[i] = m.meanWithout(bags, i, train.X.Cols, int(rows[i].Row))
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := &outOfBag{predictions: make([]float64, train.Len())}
	next := 0
	var truth, answers []float64
	for i := range out.predictions {
		r := train.Row(i)
		out.predictions[i] = math.NaN()
		if train.WeightOf(r) == 0 {
			continue
		}
		if v := means[next]; !math.IsNaN(v) {
			out.predictions[i] = v
			truth, answers = append(truth, train.Y[r]), append(answers, v)
		}
		next++
	}
	out.score = determination(truth, answers)
	return out, nil
}

// bags returns which rows each tree has drawn, a bit each.
func (o Options) bags(rows int) [][]uint64 {
	bags := make([][]uint64, o.NEstimators)
	for i := range bags {
		bags[i] = make([]uint64, (rows+63)/64)
		for r, times := range o.draw(tree.NewRand(o.Seed, i), rows) {
			if times > 0 {
				bags[i][r>>6] |= 1 << (r & 63)
			}
		}
	}
	return bags
}

// meanWithout returns the mean answer for row r of the columns, of the trees whose
// bag lacks sample i; NaN if there are none.
func (m *Model) meanWithout(bags [][]uint64, i int, columns [][]float32, r int) float64 {
	sum, n := 0.0, 0
	for k, t := range m.trees.Trees {
		if bags[k][i>>6]>>(i&63)&1 == 0 {
			sum += float64(t.PredictAt(columns, r))
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return m.base + sum/float64(n)
}

// determination returns the share of the targets' variance that the answers
// explain, NaN where there is none.
func determination(truth, answers []float64) float64 {
	mean := 0.0
	for _, y := range truth {
		mean += y / float64(len(truth))
	}
	missed, total := 0.0, 0.0
	for i, y := range truth {
		missed += float64((y - answers[i]) * (y - answers[i]))
		total += float64((y - mean) * (y - mean))
	}
	if total == 0 {
		return math.NaN()
	}
	return 1 - missed/total
}
