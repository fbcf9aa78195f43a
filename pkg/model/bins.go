package model

import (
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/salesctl/salesctl/pkg/fault"
)

// MaxBins is the largest number of bins that the present values of a column
// are put into; with the missing bin a code fits a byte.
const MaxBins = 255

// MissingBin is the code of a missing value in every column.
const MissingBin = 255

// Bins is a Frame seen through a histogram's eyes: every value replaced by the
// number of its bin. A column of at most MaxBins distinct values has a bin for
// each of them, any other is cut at quantiles, so that its bins hold about the
// same number of rows. Bins ascend, and a value never lies in two of them.
type Bins struct {
	Codes [][]uint8   // [column][row], MissingBin for NaN
	Rows  []uint8     // the same row by row, [row*width + column]: all of a row on one line of the cache
	Lo    [][]float32 // [column][bin], the bin's smallest value
	Hi    [][]float32 // [column][bin], the bin's largest value
}

// Bins returns the bins of f. They are computed by the first call and kept, and
// serve every Dataset that picks its rows from f: the cuts are those of all
// rows of f, of whose features alone they know. It is safe for concurrent use.
func (f *Frame) Bins() (*Bins, error) {
	f.binsOnce.Do(func() { f.bins, f.binsErr = newBins(f) })
	return f.bins, f.binsErr
}

func newBins(f *Frame) (*Bins, error) {
	width, rows := f.Width(), f.Len()
	b := &Bins{Codes: make([][]uint8, width), Lo: make([][]float32, width), Hi: make([][]float32, width)}
	codes := make([]uint8, width*rows)
	scratch := make([]float32, 0, rows)
	for c, col := range f.Cols {
		if len(col) != rows {
			return nil, fault.New(fault.Invalid, "feature %s has %d rows, but feature %s has %d", f.name(c), len(col), f.name(0), rows)
		}
		present, err := f.sorted(scratch, c)
		if err != nil {
			return nil, err
		}
		b.Lo[c], b.Hi[c] = cut(present)
		b.Codes[c] = codes[c*rows : (c+1)*rows : (c+1)*rows]
		encode(b.Codes[c], col, b.Lo[c])
	}
	b.Rows = transposed(b.Codes, rows)
	return b, nil
}

// sorted appends the present values of column c to dst and sorts them. It
// refuses infinities, and the largest float32 with them: a split needs a
// threshold beyond every value.
func (f *Frame) sorted(dst []float32, c int) ([]float32, error) {
	for r, v := range f.Cols[c] {
		switch {
		case v != v:
		case v >= math.MaxFloat32 || v <= -math.MaxFloat32:
			return nil, fault.New(fault.Invalid, "feature %s, row %d: %v is not a number to learn from", f.name(c), r, v).
				WithHint("give a finite number, or NaN for a missing value")
		default:
			dst = append(dst, v)
		}
	}
	slices.Sort(dst)
	return dst, nil
}

// cut puts ascending values into at most MaxBins bins and returns the smallest
// and largest value of each.
func cut(values []float32) (lo, hi []float32) {
	if distinct(values) <= MaxBins {
		lo = slices.Clone(slices.Compact(values))
		return lo, lo
	}
	for start := 0; start < len(values); {
		// What is left, spread over the bins left; at least one row each.
		end := start + max((len(values)-start)/(MaxBins-len(lo)), 1)
		for end < len(values) && values[end] == values[end-1] {
			end++
		}
		lo, hi = append(lo, values[start]), append(hi, values[end-1])
		start = end
	}
	return lo, hi
}

// distinct counts the distinct values of an ascending slice.
func distinct(values []float32) int {
	n := 0
	for i, v := range values {
		if i == 0 || v != values[i-1] {
			n++
		}
	}
	return n
}

// encode writes the bin of each value: the last whose smallest value is not
// above it.
func encode(codes []uint8, col, lo []float32) {
	for r, v := range col {
		if v != v {
			codes[r] = MissingBin
			continue
		}
		codes[r] = uint8(sort.Search(len(lo), func(i int) bool { return lo[i] > v }) - 1)
	}
}

// transposed lays columns of codes out row by row, block by block of rows so
// that what is written stays in the cache.
func transposed(codes [][]uint8, rows int) []uint8 {
	const block = 256
	width := len(codes)
	out := make([]uint8, width*rows)
	for start := 0; start < rows; start += block {
		end := min(start+block, rows)
		for c, column := range codes {
			for i, code := range column[start:end] {
				out[(start+i)*width+c] = code
			}
		}
	}
	return out
}

// name returns the name of column c for messages.
func (f *Frame) name(c int) string {
	if c < len(f.Names) {
		return f.Names[c]
	}
	return "#" + strconv.Itoa(c)
}
