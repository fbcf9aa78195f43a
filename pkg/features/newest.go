package features

import (
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Newest parts rows of the table in time: newer are those of the newest share of
// their periods, rounded down but at least one, and older are the others, none
// where all rows are of one period.
func (t Table) Newest(rows model.Dataset, share float64) (older, newer model.Dataset) {
	var periods []sales.Period
	for i := range rows.Len() {
		periods = append(periods, t.Index[rows.Row(i)].Period)
	}
	slices.Sort(periods)
	periods = slices.Compact(periods)
	older, newer = rows, rows
	older.Rows, newer.Rows = []int32{}, []int32{}
	if len(periods) == 0 {
		return older, newer
	}
	from := periods[len(periods)-max(int(share*float64(len(periods))), 1)]
	for i := range rows.Len() {
		if r := rows.Row(i); t.Index[r].Period < from {
			older.Rows = append(older.Rows, int32(r))
		} else {
			newer.Rows = append(newer.Rows, int32(r))
		}
	}
	return older, newer
}
