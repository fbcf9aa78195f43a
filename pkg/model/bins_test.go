package model

import (
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

// column draws values of which some repeat and some are missing.
func column(t *rapid.T, rows int) []float32 {
	few := rapid.Bool().Draw(t, "few")
	col := make([]float32, rows)
	for r := range col {
		switch {
		case rapid.IntRange(0, 9).Draw(t, "missing") == 0:
			col[r] = float32(math.NaN())
		case few:
			col[r] = float32(rapid.IntRange(-3, 3).Draw(t, "value"))
		default:
			col[r] = rapid.Float32Range(-1e30, 1e30).Draw(t, "value")
		}
	}
	return col
}

func TestBinsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(0, 900).Draw(t, "rows")
		f := &Frame{Names: []string{"x"}, Cols: [][]float32{column(t, rows)}}
		b, err := f.Bins()
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := b.Lo[0], b.Hi[0]
		if len(lo) > MaxBins || len(lo) != len(hi) {
			t.Fatalf("%d and %d edges", len(lo), len(hi))
		}
		for i := range lo {
			if lo[i] > hi[i] || i > 0 && lo[i] <= hi[i-1] {
				t.Fatalf("bin %d is %v to %v after %v", i, lo[i], hi[i], hi[max(i-1, 0)])
			}
		}
		for r, v := range f.Cols[0] {
			if b.Groups[0][r*GroupWidth] != b.Codes[0][r] {
				t.Fatalf("row %d: code %d by rows, %d by columns", r, b.Groups[0][r*GroupWidth], b.Codes[0][r])
			}
			switch code := b.Codes[0][r]; {
			case v != v && code != MissingBin:
				t.Fatalf("missing value has code %d", code)
			case v == v && (int(code) >= len(lo) || v < lo[code] || v > hi[code]):
				t.Fatalf("%v has code %d", v, code)
			}
		}
	})
}

func TestCodesByRowAreThoseByColumn(t *testing.T) {
	f := NewFrame([]string{"a", "b", "c"}, nil, 1000) // more than a block
	for c := range f.Cols {
		for r := range f.Cols[c] {
			f.Cols[c][r] = float32((r*(c+3) + c) % 251)
		}
	}
	b, err := f.Bins()
	if err != nil {
		t.Fatal(err)
	}
	for c := range b.Codes {
		for r, code := range b.Codes[c] {
			if got := b.Groups[c/GroupWidth][r*GroupWidth+c%GroupWidth]; got != code {
				t.Fatalf("column %d, row %d: %d, want %d", c, r, got, code)
			}
		}
	}
}

func TestFewValuesHaveABinEach(t *testing.T) {
	f := NewFrame([]string{"x"}, nil, 1000)
	for r := range f.Cols[0] {
		f.Cols[0][r] = float32(r * 7 % MaxBins)
	}
	b, err := f.Bins()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Lo[0]) != MaxBins || !slices.Equal(b.Lo[0], b.Hi[0]) {
		t.Errorf("%d bins from %v to %v", len(b.Lo[0]), b.Lo[0], b.Hi[0])
	}
}

// A value of half the rows takes one bin, and the others share the rest evenly.
func TestManyValuesAreCutAtQuantiles(t *testing.T) {
	const rows = 20_000
	f := NewFrame([]string{"x"}, nil, rows)
	for r := range rows / 2 {
		f.Cols[0][r] = float32(r + 1)
	}
	b, err := f.Bins()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Lo[0]) != MaxBins || b.Hi[0][0] != 0 {
		t.Fatalf("%d bins, the first up to %v", len(b.Lo[0]), b.Hi[0][0])
	}
	sizes := make([]int, MaxBins)
	for _, code := range b.Codes[0] {
		sizes[code]++
	}
	sort.Ints(sizes)
	if sizes[0] < 39 || sizes[MaxBins-2] > 40 || sizes[MaxBins-1] != rows/2 {
		t.Errorf("bins hold %d to %d rows, the largest %d", sizes[0], sizes[MaxBins-2], sizes[MaxBins-1])
	}
}

func TestBinsRefuse(t *testing.T) {
	for _, c := range []struct {
		frame *Frame
		want  string
	}{
		{&Frame{Names: []string{"a"}, Cols: [][]float32{{1, float32(math.Inf(1))}}}, "feature a, row 1: +Inf"},
		{&Frame{Names: []string{"a"}, Cols: [][]float32{{-math.MaxFloat32}}}, "feature a, row 0: -3.4"},
		{&Frame{Names: []string{"a"}, Cols: [][]float32{{math.MaxFloat32}}}, "feature a, row 0: 3.4"},
		{&Frame{Names: []string{"a", "b"}, Cols: [][]float32{{1, 2}, {1}}}, "feature b has 1 rows, but feature a has 2"},
		{&Frame{Cols: [][]float32{{1}, {}}}, "feature #1 has 0 rows, but feature #0 has 1"},
	} {
		_, err := c.frame.Bins()
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestBinsAreBuiltOnce(t *testing.T) {
	f := NewFrame([]string{"a", "b"}, nil, 100)
	var all sync.WaitGroup
	got := make([]*Bins, 8)
	for i := range got {
		all.Go(func() { got[i], _ = f.Bins() })
	}
	all.Wait()
	for _, b := range got {
		if b == nil || b != got[0] {
			t.Fatal("two callers got different bins")
		}
	}
}
