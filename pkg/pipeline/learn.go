package pipeline

import (
	"context"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
)

// watched is the share of the periods, the newest of them, on which early stopping
// watches the error.
const watched = 0.1

// Learn fits a learner to rows of a table. One that was asked to stop early first
// learns from all but the newest tenth of the periods, on which it watches its
// error; then from all rows, as long as was best there.
func Learn(ctx context.Context, l model.Learner, t features.Table, rows model.Dataset) (model.Regressor, error) {
	if early, ok := l.(model.EarlyStopper); ok && early.StopsEarly() {
		if older, newer := t.Newest(rows, watched); older.Len() > 0 {
			fitted, err := l.Fit(ctx, older, newer)
			if err != nil {
				return nil, err
			}
			l = early.Settled(fitted)
		}
	}
	return l.Fit(ctx, rows, model.Dataset{})
}
