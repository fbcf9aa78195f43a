package features

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// No row is lost, and none that is watched is older than one that is learnt from.
func TestNewestPartsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		rows := rapid.IntRange(0, 60).Draw(t, "rows")
		all := model.Dataset{X: model.NewFrame([]string{"a"}, nil, rows), Y: make([]float64, rows), Rows: []int32{}}
		for r := range int32(rows) {
			table.Index = append(table.Index, Index{Period: sales.Period(rapid.IntRange(0, 20).Draw(t, "period"))})
			if rapid.Bool().Draw(t, "picked") {
				all.Rows = append(all.Rows, r)
			}
		}
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		older, newer := table.Newest(all, share)
		if older.Len()+newer.Len() != all.Len() || older.X != all.X || newer.X != all.X {
			t.Fatalf("%d and %d of %d rows", older.Len(), newer.Len(), all.Len())
		}
		periods, fresh := map[sales.Period]bool{}, map[sales.Period]bool{}
		for _, r := range all.Rows {
			periods[table.Index[r].Period] = true
		}
		for _, n := range newer.Rows {
			fresh[table.Index[n].Period] = true
			for _, o := range older.Rows {
				if table.Index[o].Period >= table.Index[n].Period {
					t.Fatalf("row %d of %v is learnt from, row %d of %v is watched", o, table.Index[o].Period, n, table.Index[n].Period)
				}
			}
		}
		want := max(int(share*float64(len(periods))), 1)
		if len(periods) > 0 && len(fresh) != want {
			t.Fatalf("%d of %d periods are watched, want %d", len(fresh), len(periods), want)
		}
	})
}
