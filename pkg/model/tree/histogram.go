package tree

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/salesctl/salesctl/pkg/model"
)

// bin counts of a column with the missing one.
const codes = model.MissingBin + 1

// histogram holds the sums of a node's rows for one feature, by bin; the last
// one is that of missing values.
type histogram [codes]sums

// plane is one of the numbers of a kept histogram, by bin: exact points have a
// plane of gradients and one of weights and rows, coarse ones a single plane.
type plane [codes]int64

// block is the planes of a group of columns, side by side as their codes are.
type block [model.GroupWidth]plane

// counted is what a node keeps: the blocks of all groups of columns, those of the
// second planes after those of the first.
type counted []block

// fill adds the values of the rows to the planes of a group of columns. It is
// where growing on many rows spends its time: one addition in memory a column.
func (b *block) fill(group []uint8, rows []int32, values []int64) {
	if len(values) < len(rows) {
		return
	}
	for i, row := range rows {
		v := values[i]
		word := binary.LittleEndian.Uint64(group[model.GroupWidth*int(row):])
		b[0][uint8(word)] += v
		b[1][uint8(word>>8)] += v
		b[2][uint8(word>>16)] += v
		b[3][uint8(word>>24)] += v
		b[4][uint8(word>>32)] += v
		b[5][uint8(word>>40)] += v
		b[6][uint8(word>>48)] += v
		b[7][uint8(word>>56)] += v
	}
}

// fill adds the values of the rows to the plane of one column.
func (p *plane) fill(column []uint8, rows []int32, values []int64) {
	if len(values) < len(rows) {
		return
	}
	for i, row := range rows {
		p[column[row]] += values[i]
	}
}

// reset zeroes the first bins of a plane, and the missing one.
func (p *plane) reset(bins int) {
	clear(p[:bins])
	p[model.MissingBin] = 0
}

// subtract takes the first bins of o off those of p, and the missing one.
func (p *plane) subtract(o *plane, bins int) {
	for i, v := range o[:bins] {
		p[i] -= v
	}
	p[model.MissingBin] -= o[model.MissingBin]
}

// workspace is what one goroutine needs to look for splits.
type workspace struct {
	hist     histogram // all zero between calls
	used     [4]uint64 // bins of hist that are not zero, a bit each
	occupied [model.MaxBins]uint8
	every    [model.MaxBins]uint8 // all bins
	gathered
	order  []int32 // of the features
	random rand.PCG
}

// count puts the gathered rows into the workspace's histogram of a column of so many
// bins and returns its occupied bins. Of few rows it notes which those are, of more
// it looks at all bins.
func (w *workspace) count(column []uint8, bins int) []uint8 {
	if len(w.rows) < bins {
		for i, row := range w.rows {
			code := column[row]
			w.used[code>>6] |= 1 << (code & 63)
			v, h := &w.sums[i], &w.hist[code]
			h.g += v.g
			h.hn += v.hn
		}
		return w.list()
	}
	for i, row := range w.rows {
		v, h := &w.sums[i], &w.hist[column[row]]
		h.g += v.g
		h.hn += v.hn
	}
	n := 0
	for code := range w.hist[:bins] {
		w.occupied[n] = uint8(code)
		n += int(uint64(-w.hist[code].hn) >> 63) // 1 if it is above 0
	}
	return w.occupied[:n]
}

// expand puts a kept histogram of a column of so many bins into the workspace's
// and returns its occupied bins.
func (w *workspace) expand(p *points, kept counted, column int32, bins int) []uint8 {
	first := &kept[column/model.GroupWidth][column%model.GroupWidth]
	if p.coarse {
		for code, v := range first[:bins] {
			w.set(code, p.widen(v))
		}
		w.set(model.MissingBin, p.widen(first[model.MissingBin]))
		return w.list()
	}
	second := &kept[len(kept)/2+int(column/model.GroupWidth)][column%model.GroupWidth]
	for code, v := range first[:bins] {
		w.set(code, sums{v, second[code]})
	}
	w.set(model.MissingBin, sums{first[model.MissingBin], second[model.MissingBin]})
	return w.list()
}

func (w *workspace) set(code int, v sums) {
	if v.hn != 0 {
		w.hist[code] = v
		w.used[code>>6] |= 1 << (code & 63)
	}
}

// list returns the bins that are not zero without the missing one, ascending.
func (w *workspace) list() []uint8 {
	occupied := w.occupied[:0]
	for i, word := range w.used {
		for ; word != 0; word &= word - 1 {
			if code := uint8(i<<6 + bits.TrailingZeros64(word)); code != model.MissingBin {
				occupied = append(occupied, code)
			}
		}
	}
	return occupied
}

// clear zeroes what count or expand wrote.
func (w *workspace) clear(occupied []uint8) {
	for _, code := range occupied {
		w.hist[code] = sums{}
	}
	w.hist[model.MissingBin] = sums{}
	w.used = [4]uint64{}
}

// all lists the bins of a column that has so many.
func (w *workspace) all(bins int) []uint8 {
	list := w.every[:bins]
	for code := range list {
		list[code] = uint8(code)
	}
	return list
}
