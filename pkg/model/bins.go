package model

import (
	"math"
	"slices"
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
	Codes  [][]uint8   // [column][row], MissingBin for NaN
	Groups [][]uint8   // the same for GroupWidth columns at a time, [column/GroupWidth][row*GroupWidth + column%GroupWidth]
	Lo     [][]float32 // [column][bin], the bin's smallest value
	Hi     [][]float32 // [column][bin], the bin's largest value
}

// GroupWidth is the number of columns whose codes of a row stand together: they
// are read as one word of 64 bits.
const GroupWidth = 8

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
	var s sorter
	for c, col := range f.Cols {
		if len(col) != rows {
			return nil, fault.New(fault.Invalid, "feature %s has %d rows, but feature %s has %d", f.name(c), len(col), f.name(0), rows)
		}
		if err := f.present(&s, c); err != nil {
			return nil, err
		}
		b.Lo[c], b.Hi[c] = cut(s.sorted())
		b.Codes[c] = codes[c*rows : (c+1)*rows : (c+1)*rows]
		encode(b.Codes[c], col, b.Lo[c])
	}
	for first := 0; first < width; first += GroupWidth {
		b.Groups = append(b.Groups, grouped(b.Codes[first:min(first+GroupWidth, width)], rows))
	}
	return b, nil
}

// present has the sorter hold the present values of column c. It refuses
// infinities, and the largest float32 with them: a split needs a threshold beyond
// every value.
func (f *Frame) present(s *sorter, c int) error {
	s.keys = s.keys[:0]
	for r, v := range f.Cols[c] {
		switch {
		case v != v:
		case v >= math.MaxFloat32 || v <= -math.MaxFloat32:
			return fault.New(fault.Invalid, "feature %s, row %d: %v is not a number to learn from", f.name(c), r, v).
				WithHint("give a finite number, or NaN for a missing value")
		default:
			s.keys = append(s.keys, key(v))
		}
	}
	return nil
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
	var begins [MissingBin + 1]int64 // keys of lo; unused ones are above any value's
	for i := range begins {
		begins[i] = math.MaxInt64
		if i < len(lo) {
			begins[i] = int64(key(lo[i]))
		}
	}
	for r, v := range col {
		if v != v {
			codes[r] = MissingBin
			continue
		}
		codes[r] = search(&begins, int64(key(v)))
	}
}

// search returns the last of the ascending begins that is not above k, the first
// if all are. It has no branches: which way a comparison goes is anyone's guess.
func search(begins *[MissingBin + 1]int64, k int64) uint8 {
	at := uint8(0)
	for half := uint8(128); half > 0; half >>= 1 {
		below := uint8((k - begins[at+half]) >> 63) // 0xff if the bin begins above k
		at += half &^ below
	}
	return at
}

// grouped lays the codes of up to GroupWidth columns out row by row.
func grouped(columns [][]uint8, rows int) []uint8 {
	const block = 512 // rows that stay in the cache
	out := make([]uint8, GroupWidth*rows)
	for start := 0; start < rows; start += block {
		end := min(start+block, rows)
		for c, column := range columns {
			to := out[GroupWidth*start+c:]
			for i, code := range column[start:end] {
				to[GroupWidth*i] = code
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
