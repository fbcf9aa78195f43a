package tune

import "github.com/salesctl/salesctl/pkg/fault"

// Fold trains on the periods before From and validates on those from From up to
// but not with To. Periods are indices from 0, the oldest.
type Fold struct {
	From, To int
}

// TimeFolds splits n periods into k expanding windows: as scikit-learn's
// TimeSeriesSplit, it validates on the last k of k+1 equally long blocks, each
// trained on everything before it. The blocks are shorter where the first
// training would have fewer than minTrain periods; periods that are left over
// go to the trainings.
//
// The split is by period: rows of one period are never on both sides.
func TimeFolds(n, k, minTrain int) ([]Fold, error) {
	if k < 1 {
		return nil, fault.New(fault.Usage, "folds must be at least 1, not %d", k)
	}
	size := min(n/(k+1), (n-max(minTrain, 1))/k)
	if size < 1 {
		return nil, fault.New(fault.Invalid, "%d periods are too few for %d folds after the %d periods of the first training",
			n, k, max(minTrain, 1)).WithHint("use fewer folds or more history")
	}
	folds := make([]Fold, k)
	for i := range folds {
		from := n - size*(k-i)
		folds[i] = Fold{From: from, To: from + size}
	}
	return folds, nil
}

// Split returns the rows that the fold trains and validates on, in their order,
// given the period of each row. Rows of later periods are in neither.
func (f Fold) Split(periods []int) (train, valid []int32) {
	for row, p := range periods {
		switch {
		case p < f.From:
			train = append(train, int32(row))
		case p < f.To:
			valid = append(valid, int32(row))
		}
	}
	return train, valid
}
