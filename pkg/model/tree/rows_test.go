package tree

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A search that ends with a split that no other can beat finds the one that a search
// of all features finds, ties among it: there is no end where every node keeps
// histograms.
func TestEarlyEndOfASearchChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(40).Draw(t, "problem")
		p.params = Params{}
		if rapid.Bool().Draw(t, "thirds") {
			for i := range p.samples {
				p.samples[i].Gradient *= 1 / 3.0
			}
		}
		got := p.grow(t, func(g *Grower) {
			if g.keepRows = math.MaxInt; !g.params.limited() {
				t.Fatal("no search ends early")
			}
		})
		want := p.grow(t, func(g *Grower) { g.keepRows = 1 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// No cut of the rows in two, of all there are, gains more than the limit, and one
// gains as much.
func TestLimitIsTheBestOfAllCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(limitRows).Draw(t, "problem")
		p.params = Params{}
		var rows []sums
		var s scorer
		p.grow(t, func(g *Grower) {
			total := g.begin(p.samples)
			for _, i := range g.order {
				rows = append(rows, g.points.at(i))
			}
			s = g.scorer(&node{total: total})
			var best float32
			for set := range 1 << len(rows) {
				var left sums
				for i, v := range rows {
					if set>>i&1 != 0 {
						left = left.plus(v)
					}
				}
				best = max(best, s.gain(left))
			}
			if limit := s.limit(rows); limit != best {
				t.Fatalf("limit %v, but the best cut gains %v", limit, best)
			}
		})
	})
}
