package plot

import (
	"time"

	gonum "gonum.org/v1/plot"
)

// dates labels an axis of seconds since 1970 at the first days of years, quarters
// or months, or at days where the axis is short.
type dates struct{}

// mostDates is how many labels stand side by side.
const mostDates = 8

// Ticks returns the finest dates of which no more than mostDates lie on the axis.
func (dates) Ticks(lo, hi float64) []gonum.Tick {
	from, to := time.Unix(int64(lo), 0).UTC(), time.Unix(int64(hi), 0).UTC()
	for _, step := range []struct {
		months, days int
		layout       string
	}{
		{0, 1, "2006-01-02"}, {0, 7, "2006-01-02"},
		{1, 0, "2006-01"}, {3, 0, "2006-01"}, {6, 0, "2006-01"},
		{12, 0, "2006"}, {24, 0, "2006"}, {60, 0, "2006"}, {120, 0, "2006"}, {300, 0, "2006"},
	} {
		at := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
		if step.months > 0 {
			months := (from.Year()*12 + int(from.Month()) - 1) / step.months * step.months
			at = time.Date(0, time.Month(months+1), 1, 0, 0, 0, 0, time.UTC)
		}
		var ticks []gonum.Tick
		for ; !at.After(to) && len(ticks) <= mostDates; at = at.AddDate(0, step.months, step.days) {
			if !at.Before(from) {
				ticks = append(ticks, gonum.Tick{Value: float64(at.Unix()), Label: at.Format(step.layout)})
			}
		}
		if len(ticks) <= mostDates {
			return ticks
		}
	}
	return gonum.TimeTicks{Format: "2006"}.Ticks(lo, hi)
}
