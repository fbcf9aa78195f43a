package mstl

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/salesctl/salesctl/testdata"
)

// sample returns the sales of each store, and the index of the week that begins
// each row of a store.
func sample(t *testing.T) (sales map[string][]float64, weeks []string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sales = map[string][]float64{}
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if sales[r[0]] = append(sales[r[0]], v); len(sales) == 1 {
			day, err := time.Parse("02-01-2006", r[1])
			if err != nil {
				t.Fatal(err)
			}
			weeks = append(weeks, day.Format(time.DateOnly))
		}
	}
	return sales, weeks
}

// The figure after four cutoffs, 8 weeks ahead; a change of method shows here.
// MSTL with ETS of statsforecast has 3.69 % on the same 1,440 points.
func TestAccuracyOnTheSample(t *testing.T) {
	sales, weeks := sample(t)
	off, sum, points := 0.0, 0.0, 0
	for _, cutoff := range []string{"2012-01-27", "2012-04-06", "2012-06-15", "2012-08-31"} {
		n := slices.Index(weeks, cutoff) + 1
		for _, y := range sales {
			for i, v := range path(t, Model{}, 52, 8, y[:n]).Mean {
				off += math.Abs(v - y[n+i])
				sum += y[n+i]
				points++
			}
		}
	}
	if got := fmt.Sprintf("%.2f", 100*off/sum); got != "3.73" || points != 1440 {
		t.Errorf("WAPE of %s %% over %d points, want 3.73 %% over 1440", got, points)
	}
}
