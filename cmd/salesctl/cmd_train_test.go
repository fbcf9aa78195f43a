package main

import (
	"runtime/debug"
	"testing"

	"github.com/salesctl/salesctl/pkg/sales"
)

// A training on few sales trades memory for time, one on many does not, and neither
// overrules a GOGC of the user's.
func TestSeldom(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	for _, c := range []struct{ sales, before, during int }{
		{1, 100, 400}, {fewSales, 100, 400}, {fewSales + 1, 100, 100}, {1, 50, 50}, {1, -1, -1},
	} {
		debug.SetGCPercent(c.before)
		restore := seldom(sales.Panel{Series: []sales.Series{{Target: make([]float64, c.sales)}}})
		if during := percent(); during != c.during {
			t.Errorf("%+v: %d", c, during)
		}
		if restore(); percent() != c.before {
			t.Errorf("%+v: %d afterwards", c, percent())
		}
	}
}
