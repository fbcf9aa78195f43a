package boost

import (
	"cmp"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/model/tree"
)

// quantileOf returns a quantile of values, which it leaves in another order, as
// XGBoost computes it. Without weights it lies between two values (the NIST
// Engineering Statistics Handbook, 7.2.6.2); with them it is the first value up
// to which the rows weigh enough. There is at least one value.
func quantileOf(values, weight []float32, alpha float64) float32 {
	if weight != nil {
		return weightedQuantile(values, weight, alpha)
	}
	slices.Sort(values)
	n := float64(len(values))
	if alpha <= 1/(n+1) {
		return values[0]
	}
	if alpha >= n/(n+1) {
		return values[len(values)-1]
	}
	whole, part := math.Modf(alpha * (n + 1))
	below, above := values[int(whole)-1], values[int(whole)]
	return float32(float64(below) + float64(part*float64(above-below)))
}

// weightedQuantile sums the weights as float32, in ascending order of the values
// and then in that of the rows.
func weightedQuantile(values, weight []float32, alpha float64) float32 {
	order := make([]int32, len(values))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(a, b))
	})
	upTo := make([]float32, len(order))
	sum := float32(0)
	for i, k := range order {
		sum += weight[k]
		upTo[i] = sum
	}
	enough := float32(float64(sum) * alpha)
	at, _ := slices.BinarySearch(upTo, enough)
	return values[order[min(at, len(order)-1)]]
}

// settle sets each leaf of the tree to a quantile of what its rows of the round
// miss, times the learning rate. leaves are those of the chosen rows; a leaf to
// which none came keeps its value.
func (b *booster) settle(t *tree.Tree, leaves []int32, alpha float64) {
	end := make([]int, t.Len()) // of a leaf's rows in missed
	for _, leaf := range leaves {
		if leaf != tree.Leaf {
			end[leaf]++
		}
	}
	for leaf := 1; leaf < len(end); leaf++ {
		end[leaf] += end[leaf-1]
	}
	missed, weight := make([]float32, end[len(end)-1]), make([]float32, end[len(end)-1])
	start := slices.Clone(end)
	for k := len(leaves) - 1; k >= 0; k-- {
		if leaf := leaves[k]; leaf != tree.Leaf {
			i := b.chosen[k]
			start[leaf]--
			missed[start[leaf]], weight[start[leaf]] = b.target[i]-b.prediction[i], b.weight[i]
		}
	}
	for leaf, from := range start {
		if to := end[leaf]; from < to {
			own := weight[from:to]
			if !b.weighted {
				own = nil
			}
			t.Value[leaf] = quantileOf(missed[from:to], own, alpha) * float32(b.LearningRate)
		}
	}
}
