package tree

import (
	"context"
	"math"
	"slices"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/model"
)

// problem is a frame, the samples of its rows and how to grow on them.
type problem struct {
	frame   *model.Frame
	samples []Sample
	params  Params
}

// anyProblem draws whole gradients and weights, so that sums are exact.
func anyProblem(maxRows int) *rapid.Generator[problem] {
	return rapid.Custom(func(t *rapid.T) problem {
		rows := rapid.IntRange(1, maxRows).Draw(t, "rows")
		width := rapid.IntRange(1, 4).Draw(t, "width")
		p := problem{frame: model.NewFrame(make([]string, width), nil, rows)}
		for c := range width {
			p.frame.Cols[c] = rapid.SliceOfN(anyValue(rapid.IntRange(0, 12).Draw(t, "kind")), rows, rows).Draw(t, "column")
		}
		for r := range rows {
			p.samples = append(p.samples, Sample{
				Row:      int32(r),
				Gradient: float64(rapid.IntRange(-9, 9).Draw(t, "gradient")),
				Weight:   float64(rapid.IntRange(0, 3).Draw(t, "weight")),
			})
			if p.samples[r].Weight == 0 {
				p.samples[r].Gradient = 0
			}
		}
		p.params = Params{
			MaxDepth:        rapid.IntRange(0, 5).Draw(t, "max depth"),
			MinSamplesLeaf:  rapid.IntRange(0, 4).Draw(t, "min samples leaf"),
			MinSamplesSplit: rapid.IntRange(0, 9).Draw(t, "min samples split"),
			MinChildWeight:  float64(rapid.IntRange(0, 4).Draw(t, "min child weight")),
			Lambda:          float64(rapid.IntRange(0, 2).Draw(t, "lambda")),
			XGBoost:         rapid.Bool().Draw(t, "XGBoost"),
		}
		return p
	})
}

// anyValue draws from a few whole numbers, with or without missing ones, or
// from many values.
func anyValue(kind int) *rapid.Generator[float32] {
	if kind > 8 {
		return rapid.Float32Range(-1e9, 1e9)
	}
	return rapid.Map(rapid.IntRange(-kind, 4), func(v int) float32 {
		if v == -1 {
			return float32(math.NaN())
		}
		return float32(v) / 3
	})
}

// grow returns the tree of p.
func (p problem) grow(t interface{ Fatal(...any) }, change func(*Grower)) *Tree {
	bins, err := p.frame.Bins()
	if err != nil {
		t.Fatal(err)
	}
	g := NewGrower(bins, p.params)
	if change != nil {
		change(g)
	}
	grown, err := g.Grow(context.Background(), p.samples, NewRand(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return grown
}

// score is what a set of rows is worth as a leaf.
func (p problem) score(g, h float64) float64 {
	if h == 0 {
		return 0
	}
	return g * g / (h + p.params.Lambda)
}

// gainOf returns what it is worth to send those rows left for which left is
// true, and whether the limits allow it.
func (p problem) gainOf(left func(r int) bool) (gain float64, ok bool) {
	var g, h, n [2]float64
	for _, s := range p.samples {
		side := 0
		if left(int(s.Row)) {
			side = 1
		}
		if s.Weight > 0 {
			g[side] += s.Gradient
			h[side] += s.Weight
			n[side]++
		}
	}
	fewest := float64(max(p.params.MinSamplesLeaf, 1))
	ok = min(n[0], n[1]) >= fewest && min(h[0], h[1]) >= p.params.MinChildWeight && n[0]+n[1] >= float64(p.params.MinSamplesSplit)
	return p.score(g[0], h[0]) + p.score(g[1], h[1]) - p.score(g[0]+g[1], h[0]+h[1]), ok
}

// bestGain tries every value of every column as the start of the right side,
// with missing values on either side, and those alone against the rest.
func (p problem) bestGain() float64 {
	best := 0.0
	for _, col := range p.frame.Cols {
		for _, cut := range append(slices.Clone(col), float32(math.Inf(1))) {
			for _, missingLeft := range []bool{false, true} {
				gain, ok := p.gainOf(func(r int) bool { return col[r] < cut || col[r] != col[r] && missingLeft })
				if ok {
					best = max(best, gain)
				}
			}
		}
	}
	return best
}

// noise returns a problem in which every row ends up in a leaf of its own.
func noise(rows, width int) problem {
	p := problem{frame: model.NewFrame(make([]string, width), nil, rows)}
	random := NewRand(5, 0)
	for r := range rows {
		for c := range width {
			p.frame.Cols[c][r] = random.Float32()
		}
		p.samples = append(p.samples, Sample{Row: int32(r), Gradient: random.NormFloat64(), Weight: 1})
	}
	return p
}
