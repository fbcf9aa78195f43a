package model

import (
	"fmt"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"
)

// Kind says how the numbers of a column are to be read.
type Kind uint8

// The kinds of columns.
const (
	Numeric     Kind = iota
	Categorical      // codes 0, 1, 2, ... without an order
)

// Frame is a table of features, column by column. NaN is missing. It must not
// change once a learner has seen it.
type Frame struct {
	Names []string
	Kinds []Kind // one a column; nil means all Numeric
	Cols  [][]float32

	binsOnce sync.Once // the rest is what Bins found
	bins     *Bins
	binsErr  error
}

// NewFrame returns a frame of rows rows of zeros for the named columns.
func NewFrame(names []string, kinds []Kind, rows int) *Frame {
	f := &Frame{Names: slices.Clone(names), Kinds: slices.Clone(kinds), Cols: make([][]float32, len(names))}
	cells := make([]float32, rows*len(names))
	for c := range f.Cols {
		f.Cols[c] = cells[c*rows : (c+1)*rows : (c+1)*rows]
	}
	return f
}

// FromMatrix is gonum's door: it copies m, one row a row and one column a name.
func FromMatrix(names []string, m mat.Matrix) (*Frame, error) {
	rows, cols := m.Dims()
	if cols != len(names) {
		return nil, fmt.Errorf("matrix has %d columns, but there are %d names", cols, len(names))
	}
	f := NewFrame(names, nil, rows)
	for c := range cols {
		for r := range rows {
			f.Cols[c][r] = float32(m.At(r, c))
		}
	}
	return f, nil
}

// Len returns the number of rows.
func (f *Frame) Len() int {
	if len(f.Cols) == 0 {
		return 0
	}
	return len(f.Cols[0])
}

// Width returns the number of columns.
func (f *Frame) Width() int { return len(f.Cols) }

// Kind returns the kind of column c.
func (f *Frame) Kind(c int) Kind {
	if f.Kinds == nil {
		return Numeric
	}
	return f.Kinds[c]
}

// Row copies row r into dst, which is as long as the frame is wide.
func (f *Frame) Row(dst []float32, r int) {
	for c, col := range f.Cols {
		dst[c] = col[r]
	}
}

// SetRow copies src, which is as long as the frame is wide, into row r.
func (f *Frame) SetRow(r int, src []float32) {
	for c, v := range src {
		f.Cols[c][r] = v
	}
}

// Equal reports whether f and o hold the same table, NaN being equal to NaN.
// Comparing tests ask it; whether the bins are there does not matter.
func (f *Frame) Equal(o *Frame) bool {
	if f == nil || o == nil {
		return f == o
	}
	same := func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(x, y float32) bool { return x == y || x != x && y != y })
	}
	return slices.Equal(f.Names, o.Names) && slices.Equal(f.Kinds, o.Kinds) && slices.EqualFunc(f.Cols, o.Cols, same)
}
